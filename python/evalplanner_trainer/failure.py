"""What went wrong, in the words of EvalPlannerError."""

import errno


class Failure(Exception):
    """Told as it is: what happened, and what to do."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy


class Stopped(Exception):
    """The training was asked to stop; its state is kept."""


def failure_of(error: BaseException) -> Failure | None:
    """What an exception means where that is known."""
    if isinstance(error, Failure):
        return error
    text = f"{error}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in text:
        return Failure("disk", "the disk is full", "free some space, keep fewer checkpoints, or train an adapter (LoRA)")
    # torch's own class where there is a device, and its allocator's words where there is none.
    if type(error).__name__ == "OutOfMemoryError" or "not enough memory" in text or isinstance(error, MemoryError):
        remedy = "give the trainer a smaller microBatch or gradientCheckpointing, train an adapter (LoRA), or shard it"
        return Failure("model", "there is too little memory for the training", remedy)
    return None
