"""Folders have their names when they are whole, whatever moment a process is killed at."""

import contextlib
import errno
import os
from pathlib import Path

import pytest

from evalplanner_trainer import checkpoints
from evalplanner_trainer.checkpoints import Folders


class Killed(BaseException):
    """Nothing catches it."""


def folders(url):
    return Folders(str(url), leads=True, leads_here=True, wait=lambda: None)


def writes(text):
    def fill(draft: Path) -> None:
        draft.mkdir()
        (draft / "weights").write_text(text)
        (draft / "config").write_text(text)

    return fill


def is_whole(folder: Path, *texts: str) -> bool:
    found = {path.read_text() for path in folder.iterdir()}
    return len(found) == 1 and found <= set(texts) and len(list(folder.iterdir())) == 2


def test_the_last_state_is_the_one_of_the_highest_number(tmp_path):
    states = folders(tmp_path)
    for step in (9, 10, 8):
        states.write(f"checkpoint-{step}", writes(str(step)))
    assert states.states() == ["checkpoint-10", "checkpoint-9", "checkpoint-8"]
    states.remove("checkpoint-10")
    assert folders(tmp_path).states() == ["checkpoint-9", "checkpoint-8"]


@pytest.mark.parametrize("call", ["rename", "fsync"])
@pytest.mark.parametrize("nth", range(1, 6))
def test_killed_at_any_call_it_leaves_a_whole_folder_or_none(tmp_path, monkeypatch, call, nth):
    """Also where another one had the name before: a reader finds it under that or, in between, as its predecessor."""
    folders(tmp_path).write("step-4", writes("before"))
    real = getattr(os, call)
    count = 0

    def dying(*args):
        nonlocal count
        count += 1
        if count == nth:
            raise Killed
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.os, call, dying)
        with contextlib.suppress(Killed):
            folders(tmp_path).write("step-4", writes("after"))
    there = tmp_path / "step-4"
    there = there if there.exists() else tmp_path / ".step-4.previous"
    assert is_whole(there, "before", "after")
    # What was left behind is no obstacle.
    folders(tmp_path).write("step-4", writes("again"))
    assert is_whole(tmp_path / "step-4", "again")
    assert {path.name for path in tmp_path.iterdir()} == {"step-4"}


def test_a_full_disk_leaves_what_was_there(tmp_path):
    states = folders(tmp_path)
    states.write("checkpoint-1", writes("1"))

    def full(draft: Path) -> None:
        draft.mkdir()
        (draft / "weights").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        states.write("checkpoint-2", full)
    # What transformers writes into before it is a draft.
    (tmp_path / ".checkpoint-2.draft.in").mkdir()
    assert folders(tmp_path).states() == ["checkpoint-1"]
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-1"}


def test_where_nothing_is_renamed_a_folder_counts_once_its_mark_is_there(tmp_path):
    url = f"memory://{tmp_path}"
    states = folders(url)
    # A store of objects has no empty folders.
    states.fs.rm(states.path, recursive=True)
    assert states.states() == []
    states.write("checkpoint-4", writes("4"))
    # The mark of the next one was not reached.
    states.fs.pipe_file(f"{states.path}/checkpoint-8/weights", b"half")
    assert folders(url).states() == ["checkpoint-4"]
    fetched = states.fetch("checkpoint-4")
    assert is_whole(fetched, "4")
    states.remove("checkpoint-4")
    assert states.states() == []
