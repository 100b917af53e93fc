"""The sides that `npm run bench:engine` measures the engine against: a plain PyTorch loop, TRL's trainers and
transformers' generate, on the CPU, in float32.

Reads one JSON job per line from standard input ({"do": NAME, ...arguments}) and answers each with one line. Between
jobs it waits for input, and turns no core.
"""

import json
import os
import resource
import sys
import tempfile
import time

THREADS = int(os.environ["OMP_NUM_THREADS"])
os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1", TRL_EXPERIMENTAL_SILENCE="1")
# Libraries print to standard output too; the answers have it for themselves.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

import torch  # noqa: E402
import transformers  # noqa: E402
from jobs import serve  # noqa: E402
from torch.nn import functional as F  # noqa: E402

torch.set_num_threads(THREADS)
transformers.logging.set_verbosity_error()
state = {}


def load(dir):
    return transformers.AutoModelForCausalLM.from_pretrained(dir, dtype=torch.float32)


def open_(dir, training, rows=None, lora=None, gguf=None):
    state.clear()
    state.update(dir=dir, training=training, lora=lora)
    if rows:
        with open(rows, encoding="utf-8") as file:
            state["rows"] = json.load(file)


def timed(work):
    start = time.perf_counter()
    tokens = work()
    return {"tokens": tokens, "seconds": time.perf_counter() - start}


def repeated(seconds, timing):
    """Passes one after the other until so many seconds are over: their mean."""
    passes = [timing()]
    while sum(each["seconds"] for each in passes) < seconds:
        passes.append(timing())
    return {key: sum(each[key] for each in passes) / len(passes) for key in ("tokens", "seconds")}


# A plain loop, as one writes it who knows what is slow: no mask where right padding cannot be seen anyway, so that
# attention takes its causal kernel; the vocabulary product and the cross-entropy on labelled positions only; the fused
# optimiser; gradients dropped, not zeroed.


def optimiser(model, training):
    trained = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.dim() > 1]
    others = [p for p in trained if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": training["weightDecay"]}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=training["learningRate"], betas=tuple(training["betas"]), fused=True)


def loop_step(model, adamw, batch, micro, max_norm):
    total = sum(len(row["ids"]) - row["start"] for row in batch)
    for at in range(0, len(batch), micro):
        part = batch[at : at + micro]
        length = max(len(row["ids"]) for row in part)
        ids = torch.tensor([row["ids"] + [0] * (length - len(row["ids"])) for row in part])
        rows = [b * length + i - 1 for b, row in enumerate(part) for i in range(row["start"], len(row["ids"]))]
        labels = torch.tensor([id for row in part for id in row["ids"][row["start"] :]])
        # PEFT puts its layers into the model it is given.
        base = model.get_base_model() if state["lora"] else model
        hidden = base.model(input_ids=ids, use_cache=False).last_hidden_state
        logits = base.lm_head(hidden.view(-1, hidden.shape[-1])[torch.tensor(rows)])
        (F.cross_entropy(logits, labels, reduction="sum") / total).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    adamw.step()
    adamw.zero_grad(set_to_none=True)


def loop_epoch(batches, micro):
    if "loop" not in state:
        model = load(state["dir"]).train()
        if state["lora"]:
            import peft

            lora = state["lora"]
            config = dict(target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM")
            model = peft.get_peft_model(model, peft.LoraConfig(r=lora["rank"], lora_alpha=lora["alpha"], **config))
        state["loop"] = (model, optimiser(model, state["training"]))
    model, adamw = state["loop"]
    for batch in batches:
        loop_step(model, adamw, batch, micro, state["training"]["maxGradNorm"])
    return sum(len(row["ids"]) for batch in batches for row in batch)


def sft(batches, atLeast=0, micro=None):
    """Epochs of the plain loop. Without `micro`: tries how many rows go through at a time, and stays with the best."""
    rows = state["rows"]["sft"][:batches]
    if micro is None:
        if "micro" not in state:
            sizes = [size for size in (8, 16, 32) if size <= len(rows[0])]
            timed(lambda: loop_epoch(rows[:1], sizes[0]))
            state["micro"] = min(sizes, key=lambda size: timed(lambda: loop_epoch(rows, size))["seconds"])
        micro = state["micro"]
    return {**repeated(atLeast, lambda: timed(lambda: loop_epoch(rows, micro))), "choice": f"{micro} rows at a time"}


def long(length):
    """One step on one sequence of so many tokens."""
    row = {"ids": [3 + i % 500 for i in range(length)], "start": 1}
    return timed(lambda: loop_epoch([[row]], 1))


# TRL's trainers, timed from the start of the first step to the end of the last: set-up, tokenisation and the reference
# model's log-probabilities are not counted.


class Stopwatch(transformers.TrainerCallback):
    def on_train_begin(self, args, state, control, **_):
        self.start = None

    def on_step_begin(self, args, state, control, **_):
        if self.start is None:
            self.start = time.perf_counter()

    def on_step_end(self, args, state, control, **_):
        self.end = time.perf_counter()


def word_tokenizer(size):
    """One word per id, so that TRL trains on the ids that everyone trains on."""
    import tokenizers

    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel({f"<{i}>": i for i in range(size)}, unk_token="<0>"))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    special = dict(bos_token="<1>", eos_token="<2>", pad_token="<0>", unk_token="<0>")
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **special)


def trl_trainer(kind, batches, bf16=False, beta=None, nll_weight=None):
    import datasets
    import trl

    datasets.disable_progress_bars()
    training, model = state["training"], load(state["dir"])
    rows = [row for batch in state["rows"][kind][:batches] for row in batch]
    arguments = dict(
        output_dir=tempfile.mkdtemp(prefix="evalplanner-bench-"),
        use_cpu=True,
        bf16=bf16,
        gradient_checkpointing=False,
        optim="adamw_torch_fused",
        per_device_train_batch_size=len(state["rows"][kind][0]),
        num_train_epochs=1,
        train_sampling_strategy="sequential",
        learning_rate=training["learningRate"],
        weight_decay=training["weightDecay"],
        adam_beta1=training["betas"][0],
        adam_beta2=training["betas"][1],
        max_grad_norm=training["maxGradNorm"],
        max_length=None,
        logging_strategy="no",
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    if kind == "sft":
        masked = [{"input_ids": r["ids"], "labels": [-100] * r["start"] + r["ids"][r["start"] :]} for r in rows]
        trainer = trl.SFTTrainer(
            model=model,
            args=trl.SFTConfig(**arguments),
            train_dataset=datasets.Dataset.from_list(masked),
            processing_class=word_tokenizer(model.config.vocab_size),
        )
        tokens = sum(len(row["input_ids"]) for row in trainer.train_dataset)
        expected = sum(len(row["ids"]) for row in rows)
    else:
        text = lambda ids: " ".join(f"<{id}>" for id in ids)  # noqa: E731
        texts = [
            {
                "prompt": text(row["chosen"]["ids"][: row["chosen"]["start"]]),
                "chosen": " " + text(row["chosen"]["ids"][row["chosen"]["start"] :]),
                "rejected": " " + text(row["rejected"]["ids"][row["rejected"]["start"] :]),
            }
            for row in rows
        ]
        loss = dict(beta=beta, loss_type=["sigmoid", "sft"], loss_weights=[1.0, nll_weight])
        trainer = trl.DPOTrainer(
            model=model,
            args=trl.DPOConfig(precompute_ref_log_probs=True, **loss, **arguments),
            train_dataset=datasets.Dataset.from_list(texts),
            processing_class=word_tokenizer(model.config.vocab_size),
        )
        tokens = sum(
            2 * len(row["prompt_ids"]) + len(row["chosen_ids"]) + len(row["rejected_ids"])
            for row in trainer.train_dataset
        )
        expected = sum(len(row[side]["ids"]) for row in rows for side in ("chosen", "rejected"))
    assert tokens == expected, f"TRL trains on {tokens} tokens, not on {expected}"
    trainer.add_callback(watch := Stopwatch())
    return trainer, watch, tokens


def trl_(kind, batches, bf16=False, atLeast=0, **options):
    key = (kind, bf16, batches)
    if key not in state:
        # One at a time: each holds a model, its gradients and two moments of it.
        for other in [each for each in state if isinstance(each, tuple)]:
            del state[other]
        state[key] = trl_trainer(kind, batches, bf16, **options)
    trainer, watch, tokens = state[key]

    def epoch():
        trainer.train()
        return {"tokens": tokens, "seconds": watch.end - watch.start}

    return repeated(atLeast, epoch)


# transformers' generate.


class Lengths(transformers.StoppingCriteria):
    """Ends each text at a length of its own."""

    def __init__(self, start, lengths):
        self.ends = start + lengths

    def __call__(self, input_ids, scores, **_):
        return input_ids.shape[1] >= self.ends


def generate(model, prompts, size, samples, maxTokens, temperature, topP, ends):
    """Samples of some of the prompts, given by their index, so many at a time."""
    eos, pad = model.config.eos_token_id, model.config.pad_token_id
    rows, tokens = state["rows"], 0
    for at in range(0, len(prompts), size):
        part = [rows["prompts"][index] for index in prompts[at : at + size]]
        length = max(map(len, part))
        ids = torch.tensor([[pad] * (length - len(ids)) + ids for ids in part])
        mask = torch.tensor([[0] * (length - len(ids)) + [1] * len(ids) for ids in part])
        lengths = torch.full((len(part) * samples,), maxTokens)
        if ends == "length":
            lengths = torch.tensor([each for index in prompts[at : at + size] for each in rows["lengths"][index]])
        with torch.inference_mode():
            out = model.generate(
                input_ids=ids,
                attention_mask=mask,
                do_sample=True,
                temperature=temperature,
                top_p=topP,
                top_k=0,
                num_return_sequences=samples,
                max_new_tokens=int(lengths.max()),
                eos_token_id=eos,
                pad_token_id=pad,
                stopping_criteria=[Lengths(length, lengths)] if ends == "length" else [],
            )
        # The text and its end, without what pads it to the longest.
        new = out[:, length:]
        new_lengths = torch.where((new == eos).any(1), (new == eos).int().argmax(1) + 1, new.shape[1])
        tokens += int(torch.minimum(new_lengths, lengths).sum())
    return tokens


def sample(prompts, atLeast, **settings):
    """Samples of all prompts, sorted by length. Tries on half of them how many go through at a time, and stays with the best."""
    model = state.setdefault("generator", load(state["dir"]).eval())
    texts = sorted(range(prompts), key=lambda index: len(state["rows"]["prompts"][index]))
    if "size" not in state:
        some = texts[:: 2 if prompts > 32 else 1]
        sizes = [size for size in (8, 16, 32) if size <= len(some)] or [len(some)]
        timed(lambda: generate(model, texts[:4], 4, **settings))
        rate = lambda t: t["tokens"] / t["seconds"]  # noqa: E731
        rates = {size: rate(timed(lambda: generate(model, some, size, **settings))) for size in sizes}
        state["size"] = max(sizes, key=rates.__getitem__)
    size = state["size"]
    passes = repeated(atLeast, lambda: timed(lambda: generate(model, texts, size, **settings)))
    return {**passes, "choice": f"{size} prompts at a time"}


def bfloat16():
    """Whether this processor computes in it; elsewhere PyTorch does so number by number."""
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def product(n, threads):
    """GFLOP/s of a product of two n × n matrices."""
    assert threads == torch.get_num_threads()
    a, b = torch.full((n, n), 0.5), torch.full((n, n), 0.5)
    runs = [timed(lambda: torch.mm(a, b)) for _ in range(12)]
    return 2 * n**3 / min(run["seconds"] for run in runs[2:]) / 1e9


def memory():
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * resource.getpagesize()
    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "resident": resident}


def versions():
    from importlib.metadata import version

    packages = ("torch", "transformers", "trl", "accelerate")
    return {"python": sys.version.split()[0], **{name: version(name) for name in packages}}


serve([open_, trl_, sft, long, sample, bfloat16, product, memory, versions], answers)
