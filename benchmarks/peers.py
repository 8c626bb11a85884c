"""Careline's engine beside others on the same weights, each in turn, in one run.

Peers are optional and prepared beforehand, each in an environment of its own: give the Python of
that environment and the model as the peer wants it. A figure is the median of several turns, its
ratio ours over the peer's: of rates, above 1 is better; of seconds and MiB, below 1.
How to prepare the peers: docs/benchmarks.md.
"""

import argparse
import contextlib
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.contenders import (
    CONCURRENT_8,
    CONCURRENT_32,
    DECODE,
    MAX_ID,
    MIN_ID,
    PREFILL,
    SHARED,
    Contender,
    EngineProcess,
    LlamaCpp,
    Workload,
)
from benchmarks.report import Report, arguments
from benchmarks.test_models import SHIPPED

WORKLOADS = (DECODE, CONCURRENT_8, CONCURRENT_32, SHARED, PREFILL)
QUICK = (DECODE, CONCURRENT_8)
INT8 = (DECODE, CONCURRENT_8, CONCURRENT_32)
BESIDE_A_NEIGHBOUR = (DECODE, CONCURRENT_8)
NUM_BLOCKS, BLOCK_SIZE = 2048, 16
MIXED_BLOCKS, MIXED_REQUESTS = 256, 32
MIXED_PROMPT, MIXED_NEW = 768, 256
"""Most tokens of a mixed conversation; what a contiguous cache sets aside for each."""
_BARE_IMPORT = """
import torch
print(next(one for one in open("/proc/self/status") if one.startswith("VmRSS:")).split()[1])
"""


def main() -> None:
    """Run everything in turn and keep the figures."""
    options = _options()
    report = Report("peers", options.json)
    workloads = QUICK if options.quick else WORKLOADS
    runs = 3 if options.quick else options.runs
    ours = _careline(options)
    contenders: list[Contender] = [ours, *_peers(options)]
    ours.settle()
    _compare(report, "", contenders, workloads, runs)
    if not options.quick:
        _beside_a_neighbour(report, contenders, runs)
        _memory(report, contenders)
        _start(report, contenders, runs)
    _close(contenders)
    if not options.quick:
        _mixed(report, options, runs)
    if options.int8:
        quantized: list[Contender] = [
            _careline(options, "--quantization=int8"),
            *_int8_peers(options),
        ]
        _compare(report, "int8.", quantized, INT8, runs)
        _close(quantized)


def _options() -> argparse.Namespace:
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default=str(SHIPPED), help="a checkpoint; default: the shipped")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--peer-dtype", help="of vLLM and transformers; default: as --dtype")
    parser.add_argument("--runs", type=int, default=5, help="turns of each; at least 3")
    parser.add_argument("--int8", action="store_true", help="int8 weights as well")
    parser.add_argument("--transformers", action="store_true", help="generate(), static batches")
    parser.add_argument("--openvino", metavar="PYTHON")
    parser.add_argument("--openvino-model", metavar="FOLDER")
    parser.add_argument("--openvino-int8", metavar="FOLDER")
    parser.add_argument("--vllm", metavar="PYTHON")
    parser.add_argument("--llama", type=Path, metavar="FOLDER", help="llama-bench and the other")
    parser.add_argument("--llama-model", type=Path, metavar="GGUF")
    parser.add_argument("--llama-int8", type=Path, metavar="GGUF")
    parser.add_argument("--llama-no-repack", action="store_true", help="where q8_0 crashes")
    options = parser.parse_args()
    options.peer_dtype = options.peer_dtype or options.dtype
    if options.runs < 3:
        parser.error(f"--runs: {options.runs} is below 3, no median worth the name")
    if options.device != "cpu":
        parser.error(f"--device: the peers are compared on the cpu, not on {options.device}")
    return options


def _careline(options: argparse.Namespace, *more: str) -> EngineProcess:
    given = [f"--model={options.model}", f"--dtype={options.dtype}"]
    if not any(one.startswith("--num-blocks") for one in more):
        given.append(f"--num-blocks={NUM_BLOCKS}")
    return EngineProcess("careline", sys.executable, "peer_careline", [*given, *more])


def _transformers(options: argparse.Namespace, batch: int) -> EngineProcess:
    given = [f"--model={options.model}", f"--dtype={options.peer_dtype}", f"--batch={batch}"]
    return EngineProcess("transformers", sys.executable, "peer_transformers", given)


def _peers(options: argparse.Namespace) -> Iterator[Contender]:
    if options.transformers:
        yield _transformers(options, CONCURRENT_32.batch)
    if options.openvino and options.openvino_model:
        given = [f"--model={options.openvino_model}"]
        yield EngineProcess("openvino", options.openvino, "peer_openvino", given)
    if options.vllm:
        given = [f"--model={options.model}", f"--dtype={options.peer_dtype}"]
        yield EngineProcess("vllm", options.vllm, "peer_vllm", given)
    if options.llama and options.llama_model:
        repacks = not options.llama_no_repack
        yield LlamaCpp("llamacpp", options.llama, options.llama_model, repacks=repacks)


def _int8_peers(options: argparse.Namespace) -> Iterator[Contender]:
    if options.openvino and options.openvino_int8:
        given = [f"--model={options.openvino_int8}"]
        yield EngineProcess("openvino", options.openvino, "peer_openvino", given)
    if options.llama and options.llama_int8:
        repacks = not options.llama_no_repack
        yield LlamaCpp("llamacpp", options.llama, options.llama_int8, repacks=repacks)


Medians = dict[str, float]
Measure = Callable[[Contender], float | None]


def _in_turns(contenders: Sequence[Contender], measure: Measure, runs: int) -> Medians:
    """The median of each by label, after a warm-up; whoever answers None is left out."""
    samples: dict[str, list[float]] = {one.label: [] for one in contenders}
    for turn in range(runs + 1):
        for one in contenders:
            value = measure(one)
            if value is not None and turn:
                samples[one.label].append(value)
    return {label: statistics.median(values) for label, values in samples.items() if values}


def _add(
    report: Report, name: str, unit: str, contenders: Sequence[Contender], found: Medians
) -> None:
    """Ours alone, then against each peer."""
    ours, *peers = contenders
    report.add(name, found[ours.label], unit)
    for peer in peers:
        if peer.label in found:
            value = found[ours.label]
            report.add(f"{name}.vs_{peer.label}", value, unit, peer.title, found[peer.label])


def _compare(
    report: Report,
    prefix: str,
    contenders: Sequence[Contender],
    workloads: Sequence[Workload],
    runs: int,
) -> None:
    for workload in workloads:
        found = _in_turns(contenders, _measuring(workload), runs)
        _add(report, prefix + workload.name, workload.unit, contenders, found)


def _measuring(workload: Workload) -> Measure:
    return lambda one: one.measure(workload)


def _beside_a_neighbour(report: Report, contenders: Sequence[Contender], runs: int) -> None:
    """One process that takes all of a core it can get; against each other and against oneself."""
    ours = contenders[0].label
    for workload in BESIDE_A_NEIGHBOUR:
        quiet = _in_turns(contenders[:1], _measuring(workload), runs)
        with _neighbour():
            found = _in_turns(contenders, _measuring(workload), runs)
        name = f"neighbour.{workload.name}"
        _add(report, name, workload.unit, contenders, found)
        report.add(f"{name}.vs_quiet", found[ours], workload.unit, "quiet", quiet[ours])


@contextlib.contextmanager
def _neighbour() -> Iterator[None]:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        busy.kill()
        busy.wait()


def _memory(report: Report, contenders: Sequence[Contender]) -> None:
    """Beyond weights, pool and what `import torch` alone takes, after all the work above.

    That has written every block of the pool, so all of it is resident and may be taken off.
    """
    engines = [one for one in contenders if isinstance(one, EngineProcess)]
    told = {one.label: one.memory() for one in engines}
    ours = told[engines[0].label]
    bare = subprocess.run(
        [sys.executable, "-c", _BARE_IMPORT], capture_output=True, text=True, check=True
    )
    bare_mib = int(bare.stdout) / 1024
    beyond = ours["rss"] - bare_mib - ours["weights"] - ours["pool"]
    report.add("memory.beyond_import_weights_pool", beyond, "MiB")
    report.add("memory.bare_import", bare_mib, "MiB")
    for peer in engines[1:]:
        rss = told[peer.label]["rss"]
        report.add(f"memory.rss.vs_{peer.label}", ours["rss"], "MiB", peer.title, rss)


def _start(report: Report, contenders: Sequence[Contender], runs: int) -> None:
    found = _in_turns(contenders, lambda one: one.first_token_s(), runs)
    _add(report, "start.first_token", "s", contenders, found)


def _mixed(report: Report, options: argparse.Namespace, runs: int) -> None:
    """Conversations of mixed length in the same cache memory, against static batches.

    A contiguous cache sets aside the most a conversation may take, so it holds few at a time. Slots
    are counted, not bytes: a peer that runs in a wider type is given more.
    """
    rng = random.Random(0)
    prompts, num_new = [], []
    for _ in range(MIXED_REQUESTS):
        length = round(MIXED_PROMPT * rng.betavariate(1.2, 3.0)) + 16
        prompts.append([rng.randrange(MIN_ID, MAX_ID) for _ in range(min(length, MIXED_PROMPT))])
        num_new.append(max(16, round(MIXED_NEW * rng.betavariate(1.2, 3.0))))
    batch = MIXED_BLOCKS * BLOCK_SIZE // (MIXED_PROMPT + MIXED_NEW)
    ours = _careline(options, f"--num-blocks={MIXED_BLOCKS}")
    theirs = _transformers(options, batch)
    ours.settle()
    total = sum(num_new)

    def rate(one: Contender) -> float:
        assert isinstance(one, EngineProcess)
        # Fresh first tokens, so that no run finds another's prefix.
        fresh = [[rng.randrange(MIN_ID, MAX_ID), *prompt[1:]] for prompt in prompts]
        return total / one.generate(fresh, num_new)

    both: list[Contender] = [ours, theirs]
    _add(report, "mixed32.same_memory", "tokens/s", both, _in_turns(both, rate, max(3, runs // 2)))
    _close(both)


def _close(contenders: Sequence[Contender]) -> None:
    for one in contenders:
        if isinstance(one, EngineProcess):
            one.close()


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
