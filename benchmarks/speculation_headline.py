"""Latency for one reader and throughput of many in the same memory, of three ways to serve."""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.engines.peer_transformers import Transformers
from benchmarks.readers import Question
from benchmarks.report import Report
from inference import Engine, EngineConfig, SamplingParams
from inference.model.config import describe
from inference.tokenizer import Tokenizer

NUM_BLOCKS, BLOCK_SIZE = 256, 16
NUM_REQUESTS, RUNS = 32, 3
MOST_NEW = 256
LONE_TOKENS = 128
PEER = "static batches, contiguous cache"

Serve = Callable[[Sequence[list[int]], Sequence[int]], object]


def headline(
    report: Report, model: str, speculators: tuple[str, ...], questions: Sequence[Question]
) -> None:
    """Measure (a) `transformers`, (b) the engine, (c) the engine with these speculators.

    Answers are greedy and of mixed length. A contiguous cache sets aside for each conversation the
    most it may take; the engine has the same number of tokens as blocks.
    """
    tokenizer = Tokenizer(Path(model), int(describe(Path(model)).raw["vocab_size"]))
    rng = random.Random(0)
    prompts = [tokenizer.encode_prompt(one.messages) for one in questions][:NUM_REQUESTS]
    num_new = [max(16, round(MOST_NEW * rng.betavariate(1.2, 3.0))) for _ in prompts]
    batch = NUM_BLOCKS * BLOCK_SIZE // (max(map(len, prompts)) + MOST_NEW)
    report.add("headline.static_batch", batch, "requests")
    theirs = Transformers(model, "float32", batch)
    engines = {"paged": _engine(model, ()), "speculating": _engine(model, speculators)}
    ways: dict[str, Serve] = {
        "static": lambda asked, new: theirs.generate(list(asked), list(new), is_alone=False)
    }
    ways |= {name: _server(engine) for name, engine in engines.items()}
    latency = _in_turns(ways, prompts[:1], [LONE_TOKENS])
    throughput = _in_turns(ways, prompts, num_new)
    for name in ways:
        ms, rate = 1000 * latency[name] / LONE_TOKENS, sum(num_new) / throughput[name]
        base_ms = 1000 * latency["static"] / LONE_TOKENS
        report.add(f"headline.{name}.ms_per_token_alone", ms, "ms", PEER, base_ms)
        base_rate = sum(num_new) / throughput["static"]
        report.add(f"headline.{name}.tokens_per_s_of_32", rate, "tokens/s", PEER, base_rate)
    for engine in engines.values():
        engine.close()


def _server(engine: Engine) -> Serve:
    def serve(prompts: Sequence[list[int]], num_new: Sequence[int]) -> object:
        params = [SamplingParams(max_tokens=new, ignore_eos=True) for new in num_new]
        return engine.generate(list(prompts), params)

    return serve


def _in_turns(
    ways: dict[str, Serve], prompts: Sequence[list[int]], num_new: Sequence[int]
) -> dict[str, float]:
    """Median seconds of each way; a first turn warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(RUNS + 1):
        # Another first token each time, so that no turn finds the prefixes of the one before.
        fresh = [[prompt[0], 20 + turn, *prompt[1:]] for prompt in prompts]
        for name, serve in ways.items():
            start = time.perf_counter()
            serve(fresh, num_new)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken[1:]) for name, taken in seconds.items()}


def _engine(model: str, speculators: tuple[str, ...]) -> Engine:
    engine = Engine(
        EngineConfig(
            model=model,
            speculator=speculators,
            num_blocks=NUM_BLOCKS,
            block_size=BLOCK_SIZE,
            max_draft_tokens=15 if speculators else 0,
            compile=True,
        )
    )
    engine.finish_compiling()
    return engine
