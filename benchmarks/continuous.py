"""The engine against transformers' continuous batching, `generate_batch`, on the same weights.

Both are given the same prompts at once and answer greedily with the same number of tokens each, so
the rate counts scheduling, prefill and decoding. Requests arrive together; prompts are fresh in
each run, so neither finds a prefix. Their manager lives from one run to the next, so what it
captures and compiles is not counted, as ours is not.
"""

import time
from collections.abc import Callable

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig, PreTrainedModel

from benchmarks.report import Report, median
from inference import Engine, SamplingParams
from inference.model.config import DecoderConfig

PAGE = 256
"""Tokens of a page of theirs; the default."""

Prompts = Callable[[int], list[list[int]]]


def measure_continuous(
    report: Report,
    ours: Engine,
    theirs: PreTrainedModel,
    prompts: Prompts,
    concurrency: int,
    num_new: int,
    runs: int,
) -> None:
    """New tokens a second at this many requests, all of them in flight at once."""
    params = SamplingParams(max_tokens=num_new, ignore_eos=True)

    def engine() -> float:
        asked = prompts(concurrency)
        return _rate(lambda: [len(one.token_ids) for one in ours.generate(asked, params)])

    def generate_batch() -> float:
        asked = prompts(concurrency)
        return _rate(lambda: _generate_batch(theirs, asked, num_new))

    value, baseline = median(engine, runs), median(generate_batch, runs)
    theirs.destroy_cached_continuous_batching_manager()  # type: ignore[operator]
    name = f"continuous.concurrent{concurrency}.tokens_per_s"
    report.add(name, value, "tokens/s", "transformers generate_batch()", baseline)


def measure_memory_limit(
    report: Report, ours: Engine, prompts: Prompts, config: DecoderConfig, num_new: int, runs: int
) -> None:
    """A decode step of one request against reading what it must at the measured bandwidth.

    That is all weights in 16 bits but the embedding's, and the keys and values of its context.
    """
    few = SamplingParams(max_tokens=1, ignore_eos=True)
    many = SamplingParams(max_tokens=1 + num_new, ignore_eos=True)

    def step_ms() -> float:
        prompt = prompts(1)
        first_s = _seconds(lambda: ours.generate(prompt, few))
        whole_s = _seconds(lambda: ours.generate(prompts(1), many))
        return (whole_s - first_s) / num_new * 1000

    context = len(prompts(1)[0]) + num_new / 2
    kept = 4 * config.num_layers * config.num_kv_heads * config.head_dim * context
    head = 2 * config.vocab_size * config.hidden_size
    limit_ms = (2 * layer_products(config) + head + kept) / copy_bytes_per_s() * 1000
    value = median(step_ms, runs)
    report.add("decode.batch1.step_ms", value, "ms", "memory limit", limit_ms)


def measure_prefill(
    report: Report, ours: Engine, prompt: Callable[[], list[int]], config: DecoderConfig, runs: int
) -> None:
    """A long prompt up to its first token, as a share of the measured rate of products."""
    one = SamplingParams(max_tokens=1, ignore_eos=True)
    length = len(prompt())
    scores = config.num_layers * config.num_heads * config.head_dim * length**2
    num_operations = 2 * layer_products(config) * length + 2 * scores

    def operations_per_s() -> float:
        asked = [prompt()]
        return num_operations / _seconds(lambda: ours.generate(asked, one)) / 1e12

    value, rate = median(operations_per_s, runs), products_per_s() / 1e12
    report.add(f"prefill.tokens{length}.TFLOP_per_s", value, "TFLOP/s", "matrix product", rate)


def layer_products(config: DecoderConfig) -> int:
    """Weights of the products of all layers."""
    heads = 2 * config.num_heads + 2 * config.num_kv_heads
    middles = 3 if config.mlp == "swiglu" else 2
    width = heads * config.head_dim + middles * config.intermediate_size
    return config.num_layers * config.hidden_size * width


def products_per_s(side: int = 8192) -> float:
    """Operations a second of a large product in bfloat16, the best of a few."""
    one = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)
    return 2 * side**3 / _best_s(lambda: one @ one)


def copy_bytes_per_s(num_bytes: int = 1 << 30) -> float:
    """What a GPU reads and writes in a second, the best of a few copies."""
    source = torch.empty(num_bytes, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * num_bytes / _best_s(lambda: target.copy_(source))


def _best_s(run: Callable[[], object]) -> float:
    best_s = float("inf")
    for _ in range(10):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        begin.record()
        run()
        end.record()
        end.synchronize()
        best_s = min(best_s, begin.elapsed_time(end) / 1000)
    return best_s


def _generate_batch(model: PreTrainedModel, prompts: list[list[int]], num_new: int) -> list[int]:
    pages = sum(-(-(len(one) + num_new) // PAGE) for one in prompts)
    outputs = model.generate_batch(  # type: ignore[operator]
        inputs=prompts,
        generation_config=GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=num_new, do_sample=False, eos_token_id=-1, pad_token_id=0
        ),
        continuous_batching_config=ContinuousBatchingConfig(
            num_blocks=pages + len(prompts), max_batch_tokens=max(512, 2 * len(prompts))
        ),
        persistent_manager=True,  # so that only the warm-up pays for it
    )
    failed = [one.error for one in outputs.values() if one.error is not None]
    if failed:
        raise RuntimeError(f"generate_batch failed: {failed[0]}")
    counts = [len(one.generated_tokens) for one in outputs.values()]
    if counts != [num_new] * len(prompts):
        raise RuntimeError(f"asked {len(prompts)} times for {num_new} tokens, got {counts}")
    return counts


def _rate(run: Callable[[], list[int]]) -> float:
    counts: list[int] = []
    seconds = _seconds(lambda: counts.extend(run()))
    return sum(counts) / seconds


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
