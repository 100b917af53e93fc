"""vLLM as a side of `npm run bench:engine -- --real`: in bfloat16 where the processor has it, on all threads, without LoRA:
its best setting on a CPU.
Same protocol as peers.py; it has a Python of its own, since it goes with other versions than TRL."""

import json
import os
import time

from jobs import serve

THREADS = int(os.environ["OMP_NUM_THREADS"])
# By itself it leaves a core to others.
os.environ["VLLM_CPU_OMP_THREADS_BIND"] = f"0-{THREADS - 1}"
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
os.environ.update(HF_HUB_OFFLINE="1", VLLM_LOGGING_LEVEL="ERROR", VLLM_NO_USAGE_STATS="1")
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
state = {}


def open_(dir, rows, **_):
    import torch
    import vllm

    with open(rows, encoding="utf-8") as file:
        state["prompts"] = json.load(file)["prompts"]
    longest = max(map(len, state["prompts"]))
    state["dtype"] = "bfloat16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"
    state["model"] = vllm.LLM(model=dir, dtype=state["dtype"], max_model_len=longest + 256, disable_log_stats=True)


def sample(prompts, samples, maxTokens, temperature, topP, ends, atLeast):
    import vllm

    assert ends == "count"
    model = state["model"]
    params = vllm.SamplingParams(
        n=samples, temperature=temperature, top_p=topP, max_tokens=maxTokens, ignore_eos=True, detokenize=False
    )
    asked = [{"prompt_token_ids": ids} for ids in state["prompts"][:prompts]]
    seconds, tokens, passes = 0.0, 0, 0
    while passes == 0 or seconds < atLeast:
        # What a former pass computed of the prompts would be read again.
        model.reset_prefix_cache()
        start = time.perf_counter()
        answered = model.generate(asked, params, use_tqdm=False)
        seconds += time.perf_counter() - start
        tokens += sum(len(one.token_ids) for each in answered for one in each.outputs)
        passes += 1
    return {"tokens": tokens / passes, "seconds": seconds / passes, "choice": state["dtype"]}


def versions():
    from importlib.metadata import version

    return {"vllm": version("vllm")}


# Its engine is a process that imports this file again.
if __name__ == "__main__":
    serve([open_, sample, versions], answers)
