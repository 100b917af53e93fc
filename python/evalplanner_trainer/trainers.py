"""TRL's trainers on rows that are tokenised already, with losses that are means over a whole optimiser step."""

import json
import math
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from trl import DPOTrainer, SFTTrainer

from .checkpoints import Folders
from .failure import Failure, Stopped
from .job import Job

Event = dict[str, Any]
Progress = Callable[[Event], None]

# What a training may lose to its states, of its time; seconds between two of them at least; bytes of one that costs nothing that
# counts, and follows every checkpoint.
SHARE = 0.02
LEAST_SECONDS = 15
SMALL = 64e6


class Scheduled:
    """What both trainers share: rows in the order of their schedule, a line for each step, checkpoints, and what to go on from. It
    stands before a trainer of TRL in the bases of a class."""

    # A step's losses sum up to that of the step (transformers.Trainer).
    loss_is_scaled_for_ga = True
    # Of the trainer of TRL.
    accelerator: Any
    model: Any
    state: Any
    save_model: Any
    _tr_loss: Any

    def __init__(
        self, *, job: Job, steps: int, checkpoints: Folders, states: Folders, progress: Progress, stop: threading.Event, **how: Any
    ) -> None:
        self.job = job
        self.steps = steps
        self.checkpoints = checkpoints
        self.states = states
        self.progress = progress
        self.stop = stop
        self.told: list[Event] = []
        # Where transformers writes.
        self.target = Path(how["args"].output_dir)
        # Of the rows of a step: tokens, then what a subclass counts.
        self.counts = torch.zeros(5, dtype=torch.float64)
        self.begun = time.monotonic()
        self.since: float | None = None
        self.seconds: float | None = None
        self.written = self.handled = 0
        super().__init__(**how)
        # Tokenizers are copied as they are, and what they say of padding is no matter of the model.
        self.processing_class = None

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None is wanted."""

    def go_on_from(self, folder: Path) -> None:
        """Tells the steps behind a state."""
        self.told = json.loads((folder / "steps.json").read_text())
        self.written = self.handled = len(self.told)
        for event in self.told:
            self.progress(event)

    def training_step(self, *args: Any, **how: Any) -> torch.Tensor:
        if self.agreed(self.stop.is_set()):
            raise Stopped
        if self.since is None:
            self.since = time.monotonic()
        return super().training_step(*args, **how)  # type: ignore[misc]

    def agreed(self, wish: bool) -> bool:
        """Whether any process has the wish: all of them do the same."""
        if self.accelerator.num_processes == 1:
            return wish
        return bool(self.accelerator.reduce(torch.tensor(float(wish), device=self.accelerator.device)).item())

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm)  # type: ignore[misc]
        loss = self.accelerator.reduce(self._tr_loss, "mean").item()
        if not (math.isfinite(norm) and math.isfinite(loss)):
            raise Failure(
                "usage",
                f"the training has diverged: step {self.state.global_step + 1} has loss {loss} and gradient norm {float(norm)}",
                "lower the learning rate, or give it more warmup steps; the training then starts over",
            )
        return norm

    def count(self, inputs: dict[str, torch.Tensor], *more: torch.Tensor) -> None:
        counted = torch.stack([inputs["tokens"].double(), *(value.detach().double() for value in more)])
        self.counts[: len(counted)] += counted.cpu()

    def told_of(self, counts: list[float]) -> Event:
        return {}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "grad_norm" not in logs:
            return
        counts = self.accelerator.reduce(self.counts.to(self.accelerator.device, torch.float32)).tolist()
        now = time.monotonic()
        event = {
            "type": "step",
            "step": self.state.global_step,
            "steps": self.steps,
            "loss": logs["loss"],
            "gradNorm": float(logs["grad_norm"]),
            "learningRate": logs["learning_rate"],
            "tokens": int(counts[0]),
            "seconds": now - (self.since or now),
            **self.told_of(counts[1:]),
        }
        self.counts.zero_()
        self.since = now
        self.told.append(event)
        self.progress(event)

    def _maybe_log_save_evaluate(self, *args: Any, **how: Any) -> None:
        super()._maybe_log_save_evaluate(*args, **how)  # type: ignore[misc]
        step = self.state.global_step
        # It is called once more at the end.
        if step == self.handled:
            return
        self.handled = step
        keep = step in self.job.kept
        # First: a state has the checkpoints before it behind it.
        if keep:
            self.checkpoints.write(f"step-{step}", self.write_checkpoint)
        if step < self.steps and self.agreed(self.is_due(keep)):
            self.keep_state()
        self.since = time.monotonic()

    def is_due(self, kept: bool) -> bool:
        passed = time.monotonic() - self.begun
        small = 4 * 3 * sum(p.numel() for p in self.model.parameters() if p.requires_grad) <= SMALL
        return passed >= max(LEAST_SECONDS, (self.seconds or 0) / SHARE) or (kept and small)

    def keep_state(self) -> None:
        """What the training goes on from after its last step."""
        step = self.state.global_step
        if step == self.written:
            return
        self.begun = time.monotonic()
        before = self.states.states()

        def fill(draft: Path) -> None:
            self.target = draft.with_name(f"{draft.name}.in")
            super(Scheduled, self)._save_checkpoint(self.model, None)  # type: ignore[misc]
            self.accelerator.wait_for_everyone()
            if self.states.leads if self.states.local else self.states.leads_here:
                (self.target / f"checkpoint-{step}").rename(draft)
                self.target.rmdir()
                (draft / "steps.json").write_text(json.dumps(self.told))

        self.states.write(f"checkpoint-{step}", fill)
        for name in before:
            self.states.remove(name)
        self.written = step
        self.seconds = time.monotonic() - self.begun

    def _get_output_dir(self, trial: Any) -> str:
        return str(self.target)

    def write_checkpoint(self, draft: Path) -> None:
        """The model, or the adapter, as other programs read it."""
        job = self.job
        merged = None
        if job.lora is not None and job.lora.merge:
            merged = merged_weights(self.accelerator.unwrap_model(self.model))
            if self.checkpoints.leads:
                base = self.accelerator.unwrap_model(self.model).get_base_model()
                base.save_pretrained(draft, state_dict=merged)
        else:
            self.save_model(str(draft), _internal_call=True)
        if not self.checkpoints.leads:
            return
        (draft / "training_args.bin").unlink(missing_ok=True)
        (draft / "README.md").unlink(missing_ok=True)
        # The reference of DPO, where it is an adapter too.
        shutil.rmtree(draft / "ref", ignore_errors=True)
        for file in Path(job.tokenizer).iterdir():
            shutil.copyfile(file, draft / file.name)
        for file in draft.glob("*.safetensors"):
            # Written for nobody else, and read by servers of other users.
            file.chmod(0o644)
        adapter = draft / "adapter_config.json"
        if adapter.exists():
            config = json.loads(adapter.read_text())
            config |= {"base_model_name_or_path": job.base.name, "revision": job.base.revision}
            # A set, whose order is another one in each process.
            config["target_modules"] = sorted(config["target_modules"])
            adapter.write_text(json.dumps(config, indent=2, sort_keys=True))


def merged_weights(model: PeftModel) -> dict[str, torch.Tensor]:
    """The base's weights with the adapter in them, which itself stays apart."""
    out = {}
    for name, module in model.get_base_model().named_modules():
        if hasattr(module, "get_delta_weight"):
            delta = module.get_delta_weight("default")
            out[f"{name}.weight"] = (module.get_base_layer().weight + delta).detach()
    for name, value in model.get_base_model().state_dict().items():
        if ".lora_" not in name:
            out.setdefault(name.replace(".base_layer.", "."), value)
    return out


class Sft(Scheduled, SFTTrainer):
    """SFT whose loss is Σ w (−log p) / Σ w over the completions of a step."""

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        logp = completion_logp(model, inputs, inputs["labels"])
        self.count(inputs)
        # Gradients are averaged over the processes; the sum is wanted.
        return -(logp * inputs["weights"][:, 1:]).sum() * self.accelerator.num_processes


class Dpo(Scheduled, DPOTrainer):
    """DPO (arXiv 2305.18290, eq. 7), a mean over the pairs of a step, and the negative log-likelihood of its chosen tokens, a mean
    over all of them."""

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        labels = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100)
        chosen, rejected = completion_logp(model, inputs, labels).sum(1).chunk(2)
        asked = {name: inputs[name] for name in ("input_ids", "attention_mask", "completion_mask")}
        ref_chosen, ref_rejected = self.compute_ref_log_probs(self.ref_model or self.model, asked)
        margin = (chosen - rejected) - (ref_chosen - ref_rejected)
        weights = inputs["pair_weights"]
        loss = -(weights * torch.nn.functional.logsigmoid(self.job.beta * margin)).sum()
        loss = loss - self.job.nll_weight * (inputs["nll_weights"] * chosen).sum()
        means = ((weights * value).sum() for value in ((margin > 0), self.job.beta * margin, chosen, rejected))
        self.count(inputs, *means)
        return loss * self.accelerator.num_processes

    def told_of(self, counts: list[float]) -> Event:
        return dict(zip(("accuracy", "margin", "chosenLogp", "rejectedLogp"), counts, strict=True))


def completion_logp(model: Any, inputs: Any, labels: torch.Tensor) -> torch.Tensor:
    """log p of each token but the first, 0 for those without a label; TRL's own head, which keeps no logits."""
    outputs = model(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        labels=labels,
        use_cache=False,
        fused_lm_head=True,
    )
    return outputs.log_probs
