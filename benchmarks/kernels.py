"""Every kernel checked against its reference and timed, as a share of what the device can do.

The ceilings are measured first: a copy of a large tensor, and a large product. On a GPU one command
checks and times everything, keeps the figures and draws the roofline:

    python -m benchmarks.kernels --device cuda

Without a GPU it proves in Triton's interpreter that the command works, on small sizes; its times
mean nothing then:

    TRITON_INTERPRET=1 python -m benchmarks.kernels
"""

import importlib
import importlib.util
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from itertools import chain
from pathlib import Path

import torch
import triton

from benchmarks.kernels_cases import Case, Shapes, all_cases
from benchmarks.kernels_sampling import quantized, sampling
from benchmarks.parts import Parts
from benchmarks.report import Report, arguments
from kernels.dispatch import interpreted

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks/results"
INTERPRETED = "in Triton's interpreter; the command works, but these times mean nothing"
STEP_BYTES = 15.0e9
"""What a step of Llama 3 8B reads of its weights in bfloat16: all but the embedding."""
STAGES = 4


class WrongKernel(Exception):
    """What a kernel computes is not what its reference does."""


def main() -> None:
    """Check and time all cases."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--picture", type=Path, help="where to draw the roofline")
    parser.add_argument("--limit-s", type=float, default=480.0, help="begin no case later")
    options = parser.parse_args()
    is_gpu = options.device == "cuda"
    if is_gpu and not torch.cuda.is_available():
        parser.error("torch sees no GPU")
    if not is_gpu and os.environ.get("TRITON_INTERPRET") != "1":
        parser.error("without a GPU, set TRITON_INTERPRET=1: small sizes, to see that it works")
    if is_gpu:
        name = torch.cuda.get_device_name().lower().replace(" ", "-")
        options.json = options.json or RESULTS / f"kernels-{name}.json"
        options.picture = options.picture or ROOT / f"docs/roofline-{name}.svg"
    else:
        print(f"{INTERPRETED}.")
        if options.json and options.json.resolve().is_relative_to(RESULTS):
            parser.error(f"{options.json}: results keeps speeds, and the interpreter has none")
    report = Report("kernels", options.json)
    if not is_gpu:
        report.add("is_interpreted", 1.0, "yes, so no time means anything")
    shapes = Shapes.large(options.quick) if is_gpu else Shapes.small()
    parts = Parts(options.limit_s)
    with torch.inference_mode(), nullcontext() if is_gpu else interpreted():
        points = measure(report, shapes, parts)
    if options.picture:
        draw(report, points, options.picture, None if is_gpu else INTERPRETED)
    if parts.failed:
        raise SystemExit(f"wrong or not measured: {', '.join(parts.failed)}")


def measure(report: Report, shapes: Shapes, parts: Parts) -> dict[str, tuple[float, float]]:
    """Products a byte, and products a second, of every case that multiplies."""
    bandwidth, rate = ceilings(report, shapes)
    points: dict[str, tuple[float, float]] = {}
    times: dict[str, float] = {}

    def measure_one(case: Case) -> None:
        seconds, slow = check(case)
        if shapes.device.type == "cuda":
            seconds, slow = (timed(each, shapes.device) for each in (case.run, case.truth))
        times[case.name] = seconds
        report.add(f"{case.name}.us", seconds * 1e6, "us", "the reference", slow * 1e6)
        moved = case.num_bytes / seconds / 1e9
        report.add(f"{case.name}.GB_per_s", moved, "GB/s", "copy", bandwidth / 1e9)
        if case.num_flops:
            done = case.num_flops / seconds / 1e12
            report.add(f"{case.name}.TFLOP_per_s", done, "TFLOP/s", "matrix product", rate / 1e12)
            points[case.name] = (case.num_flops / case.num_bytes, case.num_flops / seconds)

    for case in chain(all_cases(shapes), sampling(shapes), quantized(shapes)):
        parts.run(case.name, partial(measure_one, case))
    parts.run("comparisons", lambda: compare(report, times, bandwidth))
    return points


def ceilings(report: Report, shapes: Shapes) -> tuple[float, float]:
    """Bytes a second of a copy, read and written, and operations a second of a product."""
    is_gpu = shapes.device.type == "cuda"
    source = torch.zeros(1 << (30 if is_gpu else 22), dtype=torch.int8, device=shapes.device)
    target, side = torch.empty_like(source), 8192 if is_gpu else 128
    bandwidth = 2 * source.numel() / timed(lambda: target.copy_(source), shapes.device)
    one, other = shapes.random(side, side), shapes.random(side, side)
    rate = 2 * side**3 / timed(lambda: one @ other, shapes.device)
    report.add("ceiling.copy", bandwidth / 1e9, "GB/s")
    report.add("ceiling.matrix", rate / 1e12, "TFLOP/s")
    return bandwidth, rate


def check(case: Case) -> tuple[float, float]:
    """See that a kernel is right, or its speed is of no use; seconds of it and of its truth, once.

    Raises:
        WrongKernel: it is not; the message has the numbers.
    """
    times = [time.perf_counter()]
    results = []
    for run in (case.run, case.truth):
        results.append(run().double())
        times.append(time.perf_counter())
    found, wanted = results
    error = float((found - wanted).norm() / wanted.norm())
    if not error <= case.tolerance:
        raise WrongKernel(f"{case.name} is off by {error:.2%}, more than {case.tolerance:.2%}")
    return times[1] - times[0], times[2] - times[1]


def timed(run: Callable[[], object], device: torch.device) -> float:
    """Median seconds; on a GPU with a cold second-level cache."""
    if device.type == "cuda":
        return float(triton.testing.do_bench(run, return_mode="median")) / 1e3
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(report: Report, times: dict[str, float], bandwidth: float) -> None:
    """What a tree costs against a single row, and a draft against a step of an 8 B model."""
    tree = next(name for name in times if name.startswith("attention.tree"))
    context = tree.rsplit(".", 1)[1]
    one = next(
        name
        for name in times
        if name.startswith("attention.decode.batch") and name.endswith(f".{context}")
    )
    report.add("tree_against_one_row", times[tree] / times[one], "x")
    stage = next(name for name in times if name.startswith("draft.stage"))
    report.add(
        f"draft_of_{STAGES}_stages.ms",
        STAGES * times[stage] * 1e3,
        "ms",
        "a step of an 8 B model at the memory limit",
        STEP_BYTES / bandwidth * 1e3,
    )


def draw(
    report: Report, points: dict[str, tuple[float, float]], picture: Path, note: str | None
) -> None:
    """The roofline, where matplotlib is installed."""
    if importlib.util.find_spec("matplotlib") is None:
        print("no picture: matplotlib is not installed")
        return
    importlib.import_module("benchmarks.kernels_chart").draw(report, points, picture, note)


if __name__ == "__main__":
    main()
