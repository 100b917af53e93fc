"""Rows that are token ids already, and the batches that are made of them."""

import json
import math
from array import array
from collections.abc import Sequence
from typing import Any

import datasets
import fsspec
import torch

from .job import Job

Row = dict[str, Sequence[Any]]
Item = dict[str, int]
Batch = dict[str, torch.Tensor]

IGNORED = -100
# Stands in a micro-batch where a step has no more rows: it has no weight.
NO_ROW = -1


def read(job: Job) -> tuple[list[Row], list[list[int]]]:
    """The rows, and those of each step."""
    with fsspec.open(job.rows, "r", encoding="utf-8") as file:
        rows: list[Row] = [packed(json.loads(line)) for line in file]
    with fsspec.open(job.schedule, "r", encoding="utf-8") as file:
        return rows, [json.loads(line) for line in file]


def packed(row: dict[str, list[Any]]) -> Row:
    return {name: array("d" if name == "weights" else "i", values) for name, values in row.items()}


class Schedule:
    """The steps of a training as micro-batches of one size: the same number of them in each step and on each process."""

    def __init__(self, steps: Sequence[Sequence[int]], micro_batch: int | None, processes: int) -> None:
        largest = max(len(rows) for rows in steps)
        share = math.ceil(largest / processes)
        self.micro_batch = min(share, micro_batch or share)
        self.accumulation = math.ceil(share / self.micro_batch)
        self.steps = len(steps)
        size = self.micro_batch * self.accumulation * processes
        padded = [[*rows, *[NO_ROW] * (size - len(rows))] for rows in steps]
        self.dataset = datasets.Dataset.from_dict(
            {
                "step": [step for step in range(self.steps) for _ in range(size)],
                "row": [row for rows in padded for row in rows],
            }
        )


class SftCollator:
    """input_ids, labels and the weight of each label, such that the sum over a step is Σ w (−log p) / Σ w."""

    def __init__(self, rows: Sequence[Row], steps: Sequence[Sequence[int]], pad: int) -> None:
        self.rows = rows
        self.pad = pad
        weight = [math.fsum(row.get("weights") or [1.0] * len(row["completion"])) for row in rows]
        self.total = [math.fsum(weight[row] for row in step) for step in steps]

    def __call__(self, items: Sequence[Item]) -> Batch:
        ids, labels, weights, tokens = [], [], [], 0
        for item in items:
            if item["row"] == NO_ROW:
                row: Row = {"prompt": [self.pad, self.pad], "completion": []}
            else:
                row = self.rows[item["row"]]
                tokens += len(row["prompt"]) + len(row["completion"])
            before, own = row["prompt"], row["completion"]
            ids.append([*before, *own])
            labels.append([IGNORED] * len(before) + [*own])
            weighted = row.get("weights") or [1.0] * len(own)
            weights.append([0.0] * len(before) + [weight / self.total[item["step"]] for weight in weighted])
        return {
            "input_ids": padded(ids, self.pad),
            "attention_mask": padded([[1] * len(row) for row in ids], 0),
            "labels": padded(labels, IGNORED),
            "weights": padded(weights, 0.0),
            "tokens": torch.tensor(tokens),
        }


class DpoCollator:
    """The chosen sequences and then the rejected ones, as TRL has them; the weight of each pair, and of each chosen token in the
    negative log-likelihood, such that the sums over a step are means over its pairs and over its chosen tokens."""

    def __init__(self, rows: Sequence[Row], steps: Sequence[Sequence[int]], pad: int) -> None:
        self.rows = rows
        self.pad = pad
        self.pairs = [len(step) for step in steps]
        self.chosen = [sum(len(rows[row]["chosen"]) for row in step) for step in steps]

    def __call__(self, items: Sequence[Item]) -> Batch:
        nothing: Row = {"prompt": [self.pad, self.pad], "chosen": [], "rejected": []}
        real = [item["row"] != NO_ROW for item in items]
        rows = [self.rows[item["row"]] if is_row else nothing for item, is_row in zip(items, real, strict=True)]
        both = [(row["prompt"], row[name]) for name in ("chosen", "rejected") for row in rows]
        ids = [[*before, *own] for before, own in both]
        return {
            "input_ids": padded(ids, self.pad),
            "attention_mask": padded([[1] * len(row) for row in ids], 0),
            "completion_mask": padded([[0] * len(before) + [1] * len(own) for before, own in both], 0),
            "pair_weights": torch.tensor([there / self.pairs[i["step"]] for i, there in zip(items, real, strict=True)]),
            "nll_weights": torch.tensor([there / self.chosen[i["step"]] for i, there in zip(items, real, strict=True)]),
            "tokens": torch.tensor(sum(len(row) for row, there in zip(ids, real * 2, strict=True) if there)),
        }


def padded(rows: Sequence[Sequence[float]], value: float) -> torch.Tensor:
    """Filled up on the right."""
    length = max(len(row) for row in rows)
    return torch.tensor([[*row, *[value] * (length - len(row))] for row in rows])
