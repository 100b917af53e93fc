"""`python -m evalplanner_trainer train JOB.json`: JSON lines on standard output, one for each step; `check`: what is installed."""

import argparse
import importlib.metadata
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from .failure import Stopped, failure_of

# What a process that was asked to stop, and kept its state, ends with; what one ends with that has told why it failed.
STOPPED, TOLD = 75, 70


def main() -> int:
    parser = argparse.ArgumentParser(prog="evalplanner_trainer", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train, or go on")
    training.add_argument("job", help="a JSON file, or its URL")
    training.add_argument("--until-eof", action="store_true", help="end when standard input does: who has started this is gone")
    check = commands.add_parser("check", help="print the versions of the packages, and null for one that is missing")
    check.add_argument("--device", action="store_true", help="and what torch computes on, which takes seconds")
    arguments = parser.parse_args()
    return report(arguments.device) if arguments.command == "check" else perform(arguments.job, arguments.until_eof)


def report(with_device: bool) -> int:
    requirements = Path(__file__).parents[1].joinpath("requirements.txt").read_text().split()
    found: dict[str, Any] = {"python": sys.version.split()[0]}
    # The last one is of the presets zero2 and zero3.
    for name in [*(line.partition("==")[0] for line in requirements), "deepspeed"]:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    answer: dict[str, Any] = {"versions": found}
    if with_device:
        import torch

        device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        answer["device"] = "cpu" if device is None else f"{torch.accelerator.device_count()} x {device.type}"
    print(json.dumps(answer))
    return 0


def perform(url: str, until_eof: bool) -> int:
    # Libraries print to standard output too; the lines have it for themselves.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def tell(event: dict[str, Any]) -> None:
        lines.write(f"{json.dumps(event)}\n")
        lines.flush()

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if until_eof:
        threading.Thread(target=end_with_input, daemon=True).start()
    try:
        # Seconds, in which a signal is heard of already.
        from .job import Job
        from .train import train

        train(Job.load(url), tell, stop)
        tell({"type": "done"})
        return 0
    except Stopped:
        return STOPPED
    except BaseException as error:
        traceback.print_exc()
        failure = failure_of(error)
        if failure is None:
            raise
        tell({"type": "failure", "code": failure.code, "message": f"{failure}", "remedy": failure.remedy})
        return TOLD


def end_with_input() -> None:
    while os.read(0, 1024):
        pass
    # At once, and without a word: another process may go on from here.
    os._exit(STOPPED)


if __name__ == "__main__":
    sys.exit(main())
