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
    report: Report, ours: Engine, prompts: Prompts, num_weight_bytes: int, num_new: int, runs: int
) -> None:
    """A decode step of one request against reading the weights once at the measured bandwidth."""
    few = SamplingParams(max_tokens=1, ignore_eos=True)
    many = SamplingParams(max_tokens=1 + num_new, ignore_eos=True)

    def step_ms() -> float:
        prompt = prompts(1)
        first_s = _seconds(lambda: ours.generate(prompt, few))
        whole_s = _seconds(lambda: ours.generate(prompts(1), many))
        return (whole_s - first_s) / num_new * 1000

    limit_ms = num_weight_bytes / copy_bytes_per_s() * 1000
    value = median(step_ms, runs)
    report.add("decode.batch1.step_ms", value, "ms", "memory limit of the weights", limit_ms)


def copy_bytes_per_s(num_bytes: int = 1 << 30) -> float:
    """What a GPU reads and writes in a second, the best of a few copies."""
    source = torch.empty(num_bytes, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    best_s = float("inf")
    for _ in range(10):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        begin.record()
        target.copy_(source)
        end.record()
        end.synchronize()
        best_s = min(best_s, begin.elapsed_time(end) / 1000)
    return 2 * num_bytes / best_s


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
