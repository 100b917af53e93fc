import math

import pytest
import torch

from evalplanner_trainer.rows import NO_ROW, DpoCollator, Schedule, SftCollator


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("micro_batch", [None, 1, 2, 3, 100])
def test_every_step_has_its_rows_and_as_many_micro_batches_as_any_other(micro_batch, processes):
    steps = [[3, 1, 4, 0], [2], [5, 6, 7]]
    schedule = Schedule(steps, micro_batch, processes)
    size = schedule.micro_batch * schedule.accumulation * processes
    assert len(schedule.dataset) == size * len(steps)
    for number, rows in enumerate(steps):
        own = schedule.dataset[number * size : (number + 1) * size]
        assert own["step"] == [number] * size
        assert [row for row in own["row"] if row != NO_ROW] == rows


SFT = [
    {"prompt": [5, 6], "completion": [7, 8, 1]},
    {"prompt": [5], "completion": [9, 1], "weights": [4.0, 1.0]},
]


def test_sft_weights_sum_to_one_in_a_step():
    collate = SftCollator(SFT, [[0, 1], [1]], pad=0)
    batch = collate([{"step": 0, "row": 0}, {"step": 0, "row": 1}, {"step": 0, "row": NO_ROW}])
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 1], [5, 9, 1, 0, 0], [0, 0, 0, 0, 0]]
    assert batch["labels"].tolist() == [[-100, -100, 7, 8, 1], [-100, 9, 1, -100, -100], [-100] * 5]
    assert batch["attention_mask"].sum(1).tolist() == [5, 3, 2]
    assert batch["weights"].sum().item() == pytest.approx(1)
    assert batch["weights"][1].tolist() == pytest.approx([0, 4 / 8, 1 / 8, 0, 0])
    assert batch["tokens"].item() == 8
    assert collate([{"step": 1, "row": 1}])["weights"][0].tolist() == pytest.approx([0, 4 / 5, 1 / 5])


def test_dpo_weighs_each_pair_and_each_chosen_token_of_a_step_alike():
    rows = [
        {"prompt": [5], "chosen": [7, 1], "rejected": [8, 8, 1]},
        {"prompt": [6, 6], "chosen": [9, 9, 1], "rejected": [1]},
    ]
    batch = DpoCollator(rows, [[1, 0]], pad=0)([{"step": 0, "row": 1}, {"step": 0, "row": 0}, {"step": 0, "row": NO_ROW}])
    assert batch["input_ids"].tolist() == [
        [6, 6, 9, 9, 1],
        [5, 7, 1, 0, 0],
        [0, 0, 0, 0, 0],
        [6, 6, 1, 0, 0],
        [5, 8, 8, 1, 0],
        [0, 0, 0, 0, 0],
    ]
    assert batch["completion_mask"].sum(1).tolist() == [3, 2, 0, 1, 3, 0]
    assert batch["pair_weights"].tolist() == pytest.approx([0.5, 0.5, 0])
    assert batch["nll_weights"].tolist() == pytest.approx([0.2, 0.2, 0])
    assert batch["tokens"].item() == 15


def test_weights_keep_their_sum_over_many_rows():
    rows = [{"prompt": [1], "completion": [2] * (i % 7 + 1)} for i in range(500)]
    collate = SftCollator(rows, [list(range(500))], pad=0)
    total = math.fsum(collate([{"step": 0, "row": i}])["weights"].sum(dtype=torch.float64).item() for i in range(500))
    assert total == pytest.approx(1, abs=1e-5)
