"""What is trained, as the TypeScript side writes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import fsspec

from .failure import Failure


@dataclass(frozen=True)
class Lora:
    rank: int
    alpha: float
    targets: list[str] | str
    # Write whole checkpoints, the adapter merged into its base.
    merge: bool = False


@dataclass(frozen=True)
class Base:
    """How an adapter's config names what it is put on."""

    name: str
    revision: str | None = None


@dataclass(frozen=True)
class Job:
    """Paths may be fsspec URLs; folders of models are local, or fetched before the training begins."""

    kind: Literal["sft", "dpo"]
    # The start: a folder of transformers, and the adapter on it that is trained on, if it is one.
    weights: str
    adapter: str | None
    base: Base
    # A folder whose files go into every checkpoint as they are.
    tokenizer: str
    eos: int
    # JSON lines: {prompt, completion, weights?} or {prompt, chosen, rejected}, all token ids.
    rows: str
    # JSON lines: the rows of each step, by their numbers.
    schedule: str
    # Checkpoints become `step-N` in `out`; what the training goes on from lies in `state`.
    out: str
    state: str
    kept: list[int]
    seed: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    betas: tuple[float, float]
    max_grad_norm: float
    lora: Lora | None
    beta: float
    nll_weight: float
    precision: Literal["float32", "bfloat16"]
    gradient_checkpointing: bool
    # Rows that a process computes at a time; None: its share of a step.
    micro_batch: int | None

    @classmethod
    def load(cls, url: str) -> "Job":
        with fsspec.open(url, "r", encoding="utf-8") as file:
            return cls.of(json.load(file))

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Job":
        names = {field.name for field in fields(cls)}
        if found.keys() != names:
            wrong = sorted(found.keys() ^ names)
            raise Failure("internal", f"the job has, or lacks, {', '.join(wrong)}", "use one version of both sides")
        lora = found["lora"]
        return cls(
            **{
                **found,
                "base": Base(**found["base"]),
                "betas": tuple(found["betas"]),
                "lora": None if lora is None else Lora(**lora),
            }
        )
