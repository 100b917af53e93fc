"""Folders that have their name when they are whole: what a training goes on from, and the checkpoints that it leaves."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

STATE = re.compile(r"checkpoint-(\d+)")


class Folders:
    """The folders in one place. A local one is written beside its name and renamed; on another file system, which has no renames,
    it counts once the file `NAME.whole` lies beside it. `leads`: this process writes for all; `leads_here`: for its machine."""

    def __init__(self, url: str, leads: bool, leads_here: bool, wait: Callable[[], None]) -> None:
        self.fs, self.path = fsspec.core.url_to_fs(url)
        self.local = isinstance(self.fs, LocalFileSystem)
        self.leads, self.leads_here, self.wait = leads, leads_here, wait
        self.drafts = Path(self.path if self.local else tempfile.gettempdir())
        if leads:
            self.fs.makedirs(self.path, exist_ok=True)
            if self.local:
                for left in self.drafts.glob(".*.draft*"):
                    shutil.rmtree(left)
        wait()

    def write(self, name: str, fill: Callable[[Path], None]) -> None:
        """Have all processes fill a folder, and give it its name."""
        draft = self.drafts / f".{name}.draft"
        fill(draft)
        self.wait()
        if self.local:
            if self.leads:
                publish(draft, Path(self.path, name))
        else:
            if self.leads_here:
                self.fs.put(f"{draft}/", f"{self.path}/{name}/", recursive=True)
                shutil.rmtree(draft)
            self.wait()
            if self.leads:
                self.fs.pipe_file(f"{self.path}/{name}.whole", b"")
        self.wait()

    def states(self) -> list[str]:
        """The names of whole states, the last one first."""
        # A store of objects has no empty folders.
        if not self.fs.exists(self.path):
            return []
        names = [entry.rsplit("/", 1)[-1] for entry in self.fs.ls(self.path, detail=False)]
        if not self.local:
            names = [name.removesuffix(".whole") for name in names if name.endswith(".whole")]
        found = {name: int(match[1]) for name in names if (match := STATE.fullmatch(name))}
        return sorted(found, key=lambda name: -found[name])

    def fetch(self, name: str) -> Path:
        """A local folder of it."""
        if self.local:
            return Path(self.path, name)
        copy = self.drafts / f".{name}.fetched"
        if self.leads_here:
            self.fs.get(f"{self.path}/{name}/", f"{copy}/", recursive=True)
        self.wait()
        return copy

    def remove(self, name: str) -> None:
        if self.leads:
            if not self.local:
                self.fs.rm(f"{self.path}/{name}.whole")
            self.fs.rm(f"{self.path}/{name}", recursive=True)


def publish(draft: Path, target: Path) -> None:
    """Durable before it has its name; what had that before is there under another one until then, where readers look for it."""
    for path in [*draft.rglob("*"), draft]:
        flush(path)
    previous = target.with_name(f".{target.name}.previous")
    if previous.exists() and not target.exists():
        os.rename(previous, target)
    shutil.rmtree(previous, ignore_errors=True)
    if target.exists():
        os.rename(target, previous)
    os.rename(draft, target)
    flush(target.parent)
    shutil.rmtree(previous, ignore_errors=True)


def flush(path: Path) -> None:
    # Windows cannot open a folder; there the rename is durable by itself.
    if os.name == "nt" and path.is_dir():
        return
    file = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
