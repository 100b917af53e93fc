"""`python -m evalplanner_trainer.on_ray train JOB.json --workers N`: a training as a job of Ray, on several workers by Ray Train;
`nodes URL`: which nodes could train, what they read there, and what is installed on them; each writes a file beside it."""

import argparse
import contextlib
import importlib.metadata
import json
import platform
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import fsspec
import ray
from pyarrow.fs import FSSpecHandler, PyFileSystem
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from .__main__ import STOPPED, TOLD
from .failure import Stopped, failure_of

# What the driver ends with where a worker was lost and nothing was said: another try may do better.
LOST = 71
# Seconds.
BEAT = 0.25
NODES_ANSWER = 120

Event = dict[str, Any]


class Desk:
    """Stands between workers and driver: logs of workers reach a driver as it happens, and not all of them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.stopping = False

    def tell(self, event: Event) -> None:
        self.events.append(event)

    def take(self) -> list[Event]:
        events, self.events = self.events, []
        return events

    def stop(self) -> None:
        self.stopping = True

    def is_stopping(self) -> bool:
        return self.stopping


def main() -> int:
    parser = argparse.ArgumentParser(prog="evalplanner_trainer.on_ray", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("job", help="the URL of a JSON file, as every worker sees it")
    training.add_argument("--workers", type=int, required=True)
    training.add_argument("--resources", type=json.loads, default={"CPU": 1}, help="of a worker, as Ray names them")
    looking = commands.add_parser("nodes")
    looking.add_argument("url", help="of a file, as every worker sees it")
    looking.add_argument("--resources", type=json.loads, default={"CPU": 1}, help="of a worker, as Ray names them")
    arguments = parser.parse_args()
    if arguments.command == "nodes":
        say({"type": "nodes", "nodes": look(arguments.url, arguments.resources)})
        return 0
    return perform(arguments.job, arguments.workers, arguments.resources)


def say(event: Event) -> None:
    print(json.dumps(event), flush=True)


def perform(url: str, workers: int, resources: dict[str, float]) -> int:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    ray.init(logging_level="WARNING")
    desk = ray.remote(num_cpus=0)(Desk).remote()
    signal.signal(signal.SIGTERM, lambda *_: desk.stop.remote())
    told = [False]
    ended = threading.Event()

    def relay() -> None:
        last = False
        while not last:
            last = ended.wait(BEAT)
            for event in ray.get(desk.take.remote()):
                told[0] = told[0] or event["type"] in ("failure", "stopped")
                if event["type"] != "stopped":
                    say(event)

    relaying = threading.Thread(target=relay)
    relaying.start()
    fs, path = fsspec.core.url_to_fs(url.rsplit("/", 1)[0])
    on_gpus = resources.get("GPU", 0) > 0
    trainer = TorchTrainer(
        work,
        train_loop_config={"url": url, "desk": desk},
        torch_config=TorchConfig(backend="nccl" if on_gpus else "gloo"),
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=on_gpus, resources_per_worker=resources),
        run_config=RunConfig(
            name="ray-train",
            storage_path=path,
            storage_filesystem=PyFileSystem(FSSpecHandler(fs)),
            failure_config=FailureConfig(max_failures=0),
        ),
    )
    stopped = ray.get(desk.is_stopping.remote())
    try:
        if not stopped:
            trainer.fit()
            stopped = ray.get(desk.is_stopping.remote())
    except Exception:
        traceback.print_exc()
        stopped = ray.get(desk.is_stopping.remote())
        return STOPPED if stopped else TOLD if told[0] else LOST
    finally:
        ended.set()
        relaying.join()
    if not stopped:
        say({"type": "done"})
    return STOPPED if stopped else 0


def work(config: Event) -> None:
    """What each worker does."""
    from evalplanner_trainer.job import Job
    from evalplanner_trainer.train import train

    desk = config["desk"]
    stop = threading.Event()
    ended = threading.Event()

    def listen() -> None:
        while not ended.wait(BEAT):
            if ray.get(desk.is_stopping.remote()):
                stop.set()
                return

    threading.Thread(target=listen, daemon=True).start()
    try:
        train(Job.load(config["url"]), lambda event: ray.get(desk.tell.remote(event)), stop)
    except Stopped:
        ray.get(desk.tell.remote({"type": "stopped"}))
    except Exception as error:
        failure = failure_of(error)
        if failure is not None:
            event = {"type": "failure", "code": failure.code, "message": f"{failure}", "remedy": failure.remedy}
            ray.get(desk.tell.remote(event))
        raise
    finally:
        ended.set()


def look(url: str, resources: dict[str, float]) -> list[Event]:
    """What the nodes that could take a worker see of a file."""
    ray.init(logging_level="WARNING", log_to_driver=False)
    names = [line.partition("==")[0] for line in requirements()]
    able = [
        node
        for node in ray.nodes()
        if node["Alive"] and all(node["Resources"].get(name, 0) >= amount for name, amount in resources.items())
    ]
    task = ray.remote(num_cpus=0, max_retries=0)(see)
    asked = [
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
            url, node["NodeManagerAddress"], names
        )
        for node in able
    ]
    answers = []
    for node, answer in zip(able, asked, strict=True):
        try:
            found = ray.get(answer, timeout=NODES_ANSWER)
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        answers.append({"node": node["NodeManagerAddress"], **found})
    return answers


def requirements() -> list[str]:
    return Path(__file__).parents[1].joinpath("requirements.txt").read_text().split()


def see(url: str, node: str, names: list[str]) -> Event:
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for name in names:
        versions[name] = None
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    try:
        with fsspec.open(url, "r", encoding="utf-8") as file:
            text = file.read(200)
        with fsspec.open(f"{url.rsplit('/', 1)[0]}/{node}.seen", "w") as file:
            file.write(text)
        return {"text": text, "versions": versions}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0], "versions": versions}


if __name__ == "__main__":
    sys.exit(main())
