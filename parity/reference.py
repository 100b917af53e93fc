"""What `npm run test:parity` compares the engine with: transformers, TRL and PEFT, on the CPU, in float32.

Reads one JSON job per line from standard input ({"do": NAME, ...arguments}) and answers each with one line. Tensors go
into safetensors files named by the job, numbers and texts into the answer.
"""

import copy
import datetime
import functools
import json
import os
import pathlib
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRL_EXPERIMENTAL_SILENCE="1")
# Libraries print to standard output too; the answers have it for themselves.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

import accelerate  # noqa: E402
import datasets  # noqa: E402
import gguf  # noqa: E402
import numpy  # noqa: E402
import peft  # noqa: E402
import tokenizers  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
import trl  # noqa: E402
from jobs import serve  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import (  # noqa: E402
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    GgufConfig,
    PreTrainedTokenizerFast,
)

transformers.logging.set_verbosity_error()
datasets.disable_progress_bars()
# Models this small gain nothing from more threads, and on a busy machine threads that wait for each other cost much.
torch.set_num_threads(1)


def versions():
    modules = (torch, transformers, trl, peft, accelerate, datasets)
    return {"python": sys.version.split()[0], **{m.__name__: m.__version__ for m in modules}}


def make(dir, config, seed=0, dtype="float32", shard="50GB"):
    """A checkpoint of random weights, biases and norm gains among them, with a tokenizer of one word per id."""
    config = AutoConfig.for_model(**config, bos_token_id=0, eos_token_id=1, pad_token_id=2)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.data += 0.2 * torch.randn_like(parameter)
    model.to(getattr(torch, dtype)).save_pretrained(dir, max_shard_size=shard)
    words = {word: i for i, word in enumerate(["<s>", "</s>", "<pad>", "<unk>"])}
    words |= {f"w{i}": i for i in range(len(words), config.vocab_size)}
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    ).save_pretrained(dir)
    return {"parameters": model.num_parameters()}


def place(path):
    """A folder, or a GGUF file, as from_pretrained takes it."""
    folder, file = os.path.split(path)
    return (folder, {"gguf_file": file}) if file.endswith(".gguf") else (path, {})


def load(dir, adapter=None, trainable=False):
    name, how = place(dir)
    if how:
        # Once, and not anew for every token.
        how["quantization_config"] = GgufConfig(dequantize=True)
    model, report = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, output_loading_info=True, **how)
    if adapter is not None:
        model = peft.PeftModel.from_pretrained(model, adapter, is_trainable=trainable)
    return model.eval(), report


def trained(model):
    """What is trained, by the names under which it is saved."""
    return {name.replace(".default.", "."): p for name, p in model.named_parameters() if p.requires_grad}


@torch.no_grad()
def evaluate(dir, sequences, out, prompts=(), new_tokens=0, adapter=None):
    """Logits and next-token log-probabilities of each sequence by itself; greedy continuations of each prompt."""
    model, report = load(dir, adapter)
    tensors = {}
    for i, ids in enumerate(sequences):
        logits = model(torch.tensor([ids])).logits[0]
        logp = torch.log_softmax(logits[:-1].double(), -1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
        tensors |= {f"logits.{i}": logits, f"logp.{i}": logp.float()}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out)
    # No token ends a text here: continuations are compared over their whole length.
    model.generation_config = GenerationConfig(pad_token_id=2)
    greedy, gaps = [], []
    for ids in prompts:
        settings = dict(do_sample=False, max_new_tokens=new_tokens, return_dict_in_generate=True, output_logits=True)
        result = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=int), **settings)
        greedy.append(result.sequences[0, len(ids) :].tolist())
        best = torch.cat(result.logits).topk(2).values
        gaps.append((best[:, 0] - best[:, 1]).min().item())
    return {"greedy": greedy, "gaps": gaps, "loading": {key: sorted(map(str, names)) for key, names in report.items()}}


def make_adapter(dir, base, rank, alpha, targets):
    """A LoRA adapter of random weights."""
    torch.manual_seed(0)
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, task_type="CAUSAL_LM")
    model = peft.get_peft_model(load(base)[0], config)
    for parameter in trained(model).values():
        parameter.data = 0.2 * torch.randn_like(parameter)
    model.save_pretrained(dir)


# Of Llama 3 and, but for the digits, of Qwen 2.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


def make_tokenizer(dir, texts, size):
    """A byte-level BPE tokenizer such as Llama 3 and Qwen have, trained on the texts."""
    pre, decoders, trainers = tokenizers.pre_tokenizers, tokenizers.decoders, tokenizers.trainers
    backend = tokenizers.Tokenizer(tokenizers.models.BPE())
    split = pre.Split(tokenizers.Regex(SPLIT), behavior="isolated")
    backend.pre_tokenizer = pre.Sequence([split, pre.ByteLevel(add_prefix_space=False, use_regex=False)])
    backend.decoder = decoders.ByteLevel()
    special = ["<|begin_of_text|>", "<|eot_id|>"]
    alphabet = pre.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(texts, trainer)
    PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=special[0], eos_token=special[1], clean_up_tokenization_spaces=False
    ).save_pretrained(dir)


def tokenize(dir, texts):
    tokenizer = AutoTokenizer.from_pretrained(dir)
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    return {"ids": ids, "texts": [tokenizer.decode(row, skip_special_tokens=True) for row in ids]}


def check_generation_config(dir):
    config = GenerationConfig.from_pretrained(dir)
    config.validate(strict=True)
    return config.to_diff_dict()


def weighted_loss(weights):
    """PyTorch's cross-entropy with a weight for each class, here of the tokens by id, all others having 1."""

    def loss(outputs, labels, num_items_in_batch=None):
        logits = outputs.logits[:, :-1].flatten(0, 1)
        classes = torch.ones(logits.shape[-1])
        for token, weight in weights.items():
            classes[int(token)] = weight
        return torch.nn.functional.cross_entropy(logits, labels[:, 1:].flatten(), classes, ignore_index=-100)

    return loss


def train(kind, dir, rows, options, out, adapter=None, reference=None, weights=None):
    """Loss and gradients (d.NAME) of the first batch as TRL has them, then TRL's training: a line of its log per step,
    and the weights it ends with (w.NAME). Of SFT tokens may weigh more, or less, by their ids."""
    model, _ = load(dir, adapter, trainable=True)
    with tempfile.TemporaryDirectory() as scratch:
        arguments = dict(
            output_dir=scratch,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            optim="adamw_torch",
            lr_scheduler_type="cosine",
            train_sampling_strategy="sequential",
            max_length=None,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **options,
        )
        shared = dict(
            model=model,
            train_dataset=datasets.Dataset.from_list(rows),
            # AutoTokenizer would take the pre-tokeniser of the model's family, not the one of the folder.
            processing_class=PreTrainedTokenizerFast.from_pretrained(dir),
        )
        if kind == "sft":
            if weights:
                # Its other losses keep the logits to themselves.
                arguments["loss_type"] = "nll"
                shared["compute_loss_func"] = weighted_loss(weights)
            trainer = trl.SFTTrainer(args=trl.SFTConfig(**arguments), **shared)
        else:
            ref_model = None if reference is None else load(reference)[0]
            trainer = trl.DPOTrainer(args=trl.DPOConfig(**arguments), ref_model=ref_model, **shared)
        decayed = sorted(trainer.get_decay_parameter_names(model))
        model.train()
        loss = trainer.compute_loss(model, trainer._prepare_inputs(next(iter(trainer.get_train_dataloader()))))
        loss.backward()
        tensors = {f"d.{name}": p.grad.clone() for name, p in trained(model).items()}
        model.zero_grad()
        trainer._metrics["train"].clear()
        trainer.train()
        save_file(tensors | {f"w.{name}": p.data.clone() for name, p in trained(model).items()}, out)
        columns = ("input_ids", "labels", "prompt_ids", "chosen_ids", "rejected_ids")
        tokenized = [{k: row[k] for k in columns if k in row} for row in trainer.train_dataset]
        return {
            "loss": loss.item(),
            "decayed": decayed,
            "log": [line for line in trainer.state.log_history if "loss" in line],
            "tokenized": tokenized,
        }


def masks(kind, dir, path, template):
    """The tokens of each row of an exported file and those that carry loss, as TRL's own trainer and collator have them; a
    preference row gives two, chosen first. `dir` holds a tokenizer, whose chat template is `template`, or none."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(dir, pad_token="<pad>")
    tokenizer.chat_template = template
    # The weights are not used.
    small = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model("llama", vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id, **small)
    )
    loader = "parquet" if path.endswith(".parquet") else "json"
    with tempfile.TemporaryDirectory() as scratch:
        rows = datasets.load_dataset(loader, data_files=path, split="train", cache_dir=f"{scratch}/cache")
        arguments = dict(output_dir=scratch, use_cpu=True, bf16=False, max_length=None, report_to="none")
        shared = dict(model=model, train_dataset=rows, processing_class=tokenizer)
        if kind == "sft":
            trainer = trl.SFTTrainer(args=trl.SFTConfig(**arguments), **shared)
        else:
            trainer = trl.DPOTrainer(args=trl.DPOConfig(**arguments), ref_model=copy.deepcopy(model), **shared)
        batch = trainer.data_collator(list(trainer.train_dataset))
        learned = batch["labels"] != -100 if "labels" in batch else batch["completion_mask"].bool()
        there = batch["attention_mask"].bool()
        sequences = [(ids[own].tolist(), mask[own].tolist()) for ids, mask, own in zip(batch["input_ids"], learned, there)]
        if kind != "sft":
            half = len(sequences) // 2
            sequences = [half_of for pair in zip(sequences[:half], sequences[half:]) for half_of in pair]
        return [{"ids": ids, "mask": mask} for ids, mask in sequences]


def gguf_blocks(kinds, path, out, blocks=64):
    """A GGUF file with a tensor of random bytes of each kind of block, and what the gguf package reads from them."""
    random = numpy.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    tensors = {}
    for name in kinds:
        kind = gguf.GGMLQuantizationType[name]
        _, size = gguf.GGML_QUANT_SIZES[kind]
        data = random.integers(0, 256, (3, blocks * size), dtype=numpy.uint8)
        writer.add_tensor(name, data, raw_dtype=kind)
        with numpy.errstate(all="ignore"):
            tensors[name] = torch.from_numpy(gguf.quants.dequantize(data, kind).copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(tensors, out)


def gguf_contents(path):
    """The metadata of a GGUF file, but for long lists, and its tensors' kinds and shapes."""
    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    short = {name: value for name, value in fields.items() if not isinstance(value, list) or len(value) < 1000}
    return {"fields": short, "tensors": {t.name: [t.tensor_type.name, *map(int, t.shape)] for t in reader.tensors}}


def gguf_quantized(exact, path):
    """The tensors of a GGUF file that are not what the gguf package makes of those of another one, in float32."""
    originals = {t.name: t for t in gguf.GGUFReader(exact).tensors}
    found = gguf.GGUFReader(path).tensors
    assert {t.name for t in found} == originals.keys()
    return [
        t.name
        for t in found
        if not numpy.array_equal(
            gguf.quants.quantize(originals[t.name].data, t.tensor_type).view(numpy.uint8), t.data.view(numpy.uint8)
        )
    ]


def gguf_tokenize(path, texts, pre=None, chat=None):
    """Token ids of texts by the tokenizer that transformers makes of a GGUF file. It knows some of llama.cpp's ways to cut
    a text into words only: `pre` are those of another one, as published (`pre_tokenizer` of a tokenizer.json)."""
    folder, how = place(path)
    tokenizer = AutoTokenizer.from_pretrained(folder, **how)
    changed = 0
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    if pre is not None:
        backend = json.loads(tokenizer.backend_tokenizer.to_str())
        backend["pre_tokenizer"] = pre
        fixed = tokenizers.Tokenizer.from_str(json.dumps(backend))
        theirs, ids = ids, [fixed.encode(text, add_special_tokens=False).ids for text in texts]
        changed = sum(a != b for a, b in zip(theirs, ids))
    shown = [tokenizer.apply_chat_template(c, tokenize=False, add_generation_prompt=True) for c in chat or ()]
    return {"ids": ids, "changed": changed, "chat": shown, "texts": [tokenizer.decode(row) for row in ids]}


def gguf_sentencepiece(path, texts, size):
    """A GGUF file with a vocabulary as SentencePiece makes it, learned from the texts, and no tensors."""
    backend = tokenizers.Tokenizer(tokenizers.models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    backend.train_from_iterator(texts, trainer)
    tokens = sorted(backend.get_vocab(), key=backend.get_vocab().get)
    types = [2, 3, 3] + [6] * 256 + [1] * (len(tokens) - len(special))
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(special) + [-float(i) for i in range(len(tokens) - len(special))])
    writer.add_token_types(types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def published_templates():
    """The chat templates of families, as they were published, that TRL compares tokenizers with."""
    folder = pathlib.Path(trl.__file__).parent / "chat_templates"
    return {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.jinja"))}


@functools.cache
def tokenizer_of(dir):
    return PreTrainedTokenizerFast.from_pretrained(dir)


class Day(datetime.datetime):
    """The day that our templates always see."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26)


def chat(dir, template, prompts):
    """What a model is shown on the day that ours always see: the text and the token ids of each prompt, or why its template
    refuses it."""
    tokenizer = tokenizer_of(dir)
    tokenizer.chat_template = template
    # Its sandbox calls no function that is handed over by name.
    transformers.utils.chat_template_utils.datetime = Day
    shown = []
    for prompt in prompts:
        messages, prefill = prompt["messages"], prompt.get("prefill")
        if prefill:
            messages = [*messages, {"role": "assistant", "content": prefill}]
        how = {"continue_final_message" if prefill else "add_generation_prompt": True}
        try:
            text = tokenizer.apply_chat_template(messages, tokenize=False, **how)
            ids = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **how)
            shown.append({"text": text, "ids": ids})
        except Exception as error:  # noqa: BLE001 - templates raise what they like
            shown.append({"error": str(error).split("\n")[0][:80]})
    return shown


def main():
    functions = (
        versions, make, make_adapter, make_tokenizer, evaluate, tokenize, check_generation_config, train, masks,
        published_templates, chat, gguf_blocks, gguf_contents, gguf_quantized, gguf_tokenize, gguf_sentencepiece,
    )  # fmt: skip
    serve(functions, answers)


main()
