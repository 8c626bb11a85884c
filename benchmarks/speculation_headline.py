"""Latency for one reader and throughput of many in the same memory, of three ways to serve."""

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
LONE_TOKENS, NUM_LONE = 128, 8
PEER = "static batches, contiguous cache"


@dataclass(frozen=True)
class Job:
    """Prompts as token ids, and how each is to be continued, for how many tokens."""

    prompts: list[list[int]]
    params: list[SamplingParams]
    num_new: list[int]

    def anew(self, turn: int) -> "Job":
        """With another first token, so that no turn finds the prefixes of the one before."""
        fresh = [[prompt[0], 20 + turn, *prompt[1:]] for prompt in self.prompts]
        return Job(fresh, self.params, self.num_new)

    def one_by_one(self) -> "list[Job]":
        """As requests of their own."""
        parts = zip(self.prompts, self.params, self.num_new, strict=True)
        return [Job([prompt], [params], [new]) for prompt, params, new in parts]


Serve = Callable[[Job], object]


def headline(
    report: Report,
    config: EngineConfig,
    kinds: Mapping[str, Sequence[Question]],
) -> None:
    """Measure (a) `transformers`, (b) the engine, (c) the engine with its speculators.

    `free` answers are greedy and of mixed length. `grounded` ones are the product's: quotes in a
    few of the model's own words; (a) knows no guides and writes as many tokens without. A
    contiguous cache sets aside for each conversation the most it may take; the engine has the same
    number of tokens as blocks.
    """
    folder = Path(config.model)
    tokenizer = Tokenizer(folder, int(describe(folder).raw["vocab_size"]))
    plain = replace(config, speculator=None, max_draft_tokens=0)
    engines = {"paged": _engine(plain), "speculating": _engine(config)}
    jobs = {
        "free": _free([tokenizer.encode_prompt(one.messages) for one in kinds["free"]]),
        "grounded": _grounded(engines["paged"], tokenizer, kinds["grounded"]),
    }
    longest = max(len(prompt) for job in jobs.values() for prompt in job.prompts)
    batch = NUM_BLOCKS * BLOCK_SIZE // (longest + MOST_NEW)
    report.add("headline.static_batch", batch, "requests")
    theirs = Transformers(config.model, "float32", batch)
    ways: dict[str, Serve] = {
        "static": lambda job: theirs.generate(job.prompts, job.num_new, is_alone=False)
    }
    ways |= {name: _server(engine) for name, engine in engines.items()}
    for kind, job in jobs.items():
        _measure(report, f"headline.{kind}", ways, job)
    for engine in engines.values():
        engine.close()


def _free(prompts: Sequence[list[int]]) -> Job:
    rng = random.Random(0)
    prompts = prompts[:NUM_REQUESTS]
    num_new = [max(16, round(MOST_NEW * rng.betavariate(1.2, 3.0))) for _ in prompts]
    # The first is also served alone.
    num_new[0] = LONE_TOKENS
    params = [SamplingParams(max_tokens=new, ignore_eos=True) for new in num_new]
    return Job(list(prompts), params, num_new)


def _grounded(engine: Engine, tokenizer: Tokenizer, questions: Sequence[Question]) -> Job:
    chosen = questions[:NUM_REQUESTS]
    prompts = [tokenizer.encode_prompt(one.messages) for one in chosen]
    params = [one.params for one in chosen]
    answers = engine.generate(prompts, params)
    return Job(prompts, params, [len(one.token_ids) for one in answers])


def _measure(report: Report, name: str, ways: dict[str, Serve], job: Job) -> None:
    lone = job.one_by_one()[: 1 if name.endswith("free") else NUM_LONE]
    num_lone = sum(one.num_new[0] for one in lone)
    latency, throughput = _in_turns(ways, lone), _in_turns(ways, [job])
    for way in ways:
        ms, rate = 1000 * latency[way] / num_lone, sum(job.num_new) / throughput[way]
        base_ms = 1000 * latency["static"] / num_lone
        report.add(f"{name}.{way}.ms_per_token_alone", ms, "ms", PEER, base_ms)
        base_rate = sum(job.num_new) / throughput["static"]
        report.add(f"{name}.{way}.tokens_per_s_of_32", rate, "tokens/s", PEER, base_rate)


def _server(engine: Engine) -> Serve:
    return lambda job: engine.generate(job.prompts, job.params)


def _in_turns(ways: dict[str, Serve], jobs: Sequence[Job]) -> dict[str, float]:
    """Median seconds of each way for these jobs one after the other; a first turn warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(RUNS + 1):
        fresh = [job.anew(turn) for job in jobs]
        for name, serve in ways.items():
            start = time.perf_counter()
            for job in fresh:
                serve(job)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken[1:]) for name, taken in seconds.items()}


def _engine(config: EngineConfig) -> Engine:
    engine = Engine(replace(config, num_blocks=NUM_BLOCKS, block_size=BLOCK_SIZE))
    engine.finish_compiling()
    return engine
