import errno
import json

import pytest

from evalplanner_trainer.failure import Failure, failure_of
from evalplanner_trainer.job import Job


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "full"), "disk"),
        (RuntimeError("PytorchStreamWriter failed writing file: No space left on device"), "disk"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes"), "model"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), "model"),
        (MemoryError(), "model"),
        (Failure("usage", "what", "how"), "usage"),
    ],
)
def test_what_is_known_is_told(error, code):
    assert failure_of(error).code == code


def test_what_is_not_known_is_not():
    assert failure_of(ValueError("what")) is None
    assert failure_of(OSError(errno.EACCES, "no")) is None


def test_a_job_of_another_version_is_refused_by_the_names_of_its_fields(tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"kind": "sft", "colour": "red"}))
    with pytest.raises(Failure, match="betas.*colour"):
        Job.load(str(path))
