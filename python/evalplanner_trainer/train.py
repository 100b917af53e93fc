"""One training, from a job to its checkpoints."""

import dataclasses
import tempfile
import threading
from pathlib import Path
from typing import Any

import accelerate
import fsspec
import peft
import torch
import transformers
import trl
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, PrinterCallback

from .checkpoints import Folders
from .failure import Failure, Stopped
from .job import Job
from .rows import DpoCollator, Schedule, SftCollator, read
from .trainers import Dpo, Progress, Sft

# Weights that gain nothing from more threads, which on a busy machine wait for each other.
SMALL = 2_000_000


def train(job: Job, progress: Progress, stop: threading.Event) -> None:
    """Trains, or goes on from the last whole state; `progress` hears of every step, those of earlier calls too. Every process of
    a distributed training calls it; the first one alone has a `progress` that is heard. Raises Stopped once `stop` is set, with the
    state kept."""
    transformers.logging.set_verbosity_error()
    process = accelerate.PartialState(cpu=not torch.accelerator.is_available())
    quiet: Progress = lambda _: None  # noqa: E731
    if not process.is_main_process:
        progress = quiet
    with tempfile.TemporaryDirectory() as scratch:
        job = with_local_models(job, Path(scratch))
        rows, steps = read(job)
        schedule = Schedule(steps, job.micro_batch, process.num_processes)
        where = (process.is_main_process, process.is_local_main_process, process.wait_for_everyone)
        states = Folders(job.state, *where)
        model, peft_config = open_model(job)
        if model.num_parameters() < SMALL:
            torch.set_num_threads(1)
        pad = model.config.get_text_config().pad_token_id
        kind, collator = (Sft, SftCollator) if job.kind == "sft" else (Dpo, DpoCollator)
        trainer: Any = kind(
            job=job,
            steps=schedule.steps,
            checkpoints=Folders(job.out, *where),
            states=states,
            progress=progress,
            stop=stop,
            model=model,
            args=arguments(job, schedule, scratch, process.num_processes),
            train_dataset=schedule.dataset,
            data_collator=collator(rows, steps, job.eos),
            processing_class=tokenizer(job),
            peft_config=peft_config,
        )
        # What TRL says of padding is no matter of the checkpoints.
        trainer.model.config.get_text_config().pad_token_id = pad
        trainer.remove_callback(PrinterCallback)
        found = [states.fetch(name) for name in states.states()[:1]]
        for folder in found:
            trainer.go_on_from(folder)
        run(trainer, str(found[0]) if found else None)


def run(trainer: Any, state: str | None) -> None:
    try:
        trainer.train(resume_from_checkpoint=state)
    except Stopped:
        # Between two micro-batches: weights and moments are those of the last step.
        trainer.keep_state()
        raise


def open_model(job: Job) -> tuple[Any, Any]:
    """The start, and the adapter that it is to get."""
    # What is trained is in float32: a step at a low learning rate is lost in the last bits of 16.
    frozen = job.lora is not None and job.precision == "bfloat16" and not job.lora.merge
    model = AutoModelForCausalLM.from_pretrained(job.weights, dtype=torch.bfloat16 if frozen else torch.float32)
    lora = job.lora
    if lora is None:
        return model, None
    if job.adapter is None:
        return model, peft.LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            target_modules=lora.targets,
            lora_dropout=0.0,
            bias="none",
            task_type="CAUSAL_LM",
        )
    model = peft.PeftModel.from_pretrained(model, job.adapter, is_trainable=True)
    own = model.peft_config["default"]
    others = lora.targets != "all-linear" and set(own.target_modules) != set(lora.targets)
    if (own.r, own.lora_alpha) != (lora.rank, lora.alpha) or others:
        raise Failure(
            "usage",
            f"{job.adapter} is an adapter of rank {own.r} and alpha {own.lora_alpha} on "
            f"{', '.join(sorted(own.target_modules))}, and the training asks for another",
            "train it on with its own rank, alpha and targets, or merge it into its base first and train a new one",
        )
    return model, None


def tokenizer(job: Job) -> PreTrainedTokenizerFast:
    """TRL asks it for the padding, and nothing else."""
    made = PreTrainedTokenizerFast(tokenizer_file=str(Path(job.tokenizer, "tokenizer.json")))
    made.eos_token = made.pad_token = made.convert_ids_to_tokens(job.eos)
    return made


def arguments(job: Job, schedule: Schedule, scratch: str, processes: int) -> Any:
    """The same for both trainers, as the embedded one has them."""
    on_cpu = not torch.accelerator.is_available()
    how: dict[str, Any] = dict(
        output_dir=scratch,
        max_steps=schedule.steps,
        per_device_train_batch_size=schedule.micro_batch,
        gradient_accumulation_steps=schedule.accumulation,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
        max_length=None,
        learning_rate=job.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=job.warmup_steps,
        weight_decay=job.weight_decay,
        adam_beta1=job.betas[0],
        adam_beta2=job.betas[1],
        adam_epsilon=1e-8,
        max_grad_norm=job.max_grad_norm,
        optim="adamw_torch",
        bf16=job.precision == "bfloat16",
        activation_checkpointing=job.gradient_checkpointing,
        use_cpu=on_cpu,
        ddp_backend="gloo" if on_cpu and processes > 1 else None,
        ddp_find_unused_parameters=False,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=job.seed,
    )
    if job.kind == "sft":
        return trl.SFTConfig(**how)
    return trl.DPOConfig(beta=job.beta, **how)


def with_local_models(job: Job, scratch: Path) -> Job:
    """Folders that libraries read by themselves, fetched from where they are."""

    def local(name: str, url: str) -> str:
        if "://" not in url:
            return url
        fs, path = fsspec.core.url_to_fs(url)
        fs.get(f"{path}/", f"{scratch / name}/", recursive=True)
        return str(scratch / name)

    return dataclasses.replace(
        job,
        weights=local("weights", job.weights),
        adapter=None if job.adapter is None else local("adapter", job.adapter),
        tokenizer=local("tokenizer", job.tokenizer),
    )
