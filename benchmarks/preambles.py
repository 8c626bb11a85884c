"""The first token after a start, with the public preamble of the last run on disk and without.

Every figure is taken in a process of its own, for what a process has warmed up is the point: an
engine starts, answers one request whose prompt begins with the preamble, and ends.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads, as the engine has it

from tokenizers import Tokenizer

from benchmarks.report import Report, arguments
from inference import ChatMessage, Engine, EngineConfig, SamplingParams
from inference.cache.preambles import FILE_NAME

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "inference/weights/careline-small"
QUESTION = "Where is my parcel? It should have come on Monday."
LENGTHS = (128, 512, 1024)


def main() -> None:
    """Alternate starts with and without the file, for preambles of several lengths."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default=str(SHIPPED))
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--once", nargs=3, metavar=("FOLDER", "TOKENS", "COMPILE"))
    options = parser.parse_args()
    if options.once:
        folder, tokens, is_compiled = options.once
        config = EngineConfig(
            model=options.model,
            device=options.device,
            dtype=options.dtype,
            cache_dir=folder,
            compile=is_compiled == "True",
        )
        print(json.dumps(_start_and_ask(config, int(tokens))))
        return
    report = Report("preambles", options.json)
    runs = 2 if options.quick else 5
    for is_compiled in (False, True):
        for tokens in LENGTHS[:2] if options.quick else LENGTHS:
            _compare(report, options, tokens, is_compiled, runs)


def _compare(
    report: Report, options: argparse.Namespace, tokens: int, is_compiled: bool, runs: int
) -> None:
    cold, warm = [], []
    with tempfile.TemporaryDirectory() as folder:

        def start(where: str) -> dict[str, float]:
            command = [sys.executable, "-m", "benchmarks.preambles", "--model", options.model]
            command += ["--device", options.device, "--dtype", options.dtype]
            command += ["--once", where, str(tokens), str(is_compiled)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
            told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
            return told

        start(folder)
        size = (Path(folder) / FILE_NAME).stat().st_size
        for _ in range(runs):
            with tempfile.TemporaryDirectory() as empty:
                cold.append(start(empty))
            warm.append(start(folder))
    assert all(one["cached"] >= tokens - 32 for one in warm) and not any(
        one["cached"] for one in cold
    )
    name = f"{'kernels' if is_compiled else 'torch'}.preamble{tokens}"
    for figure in ("first_token_ms", "start_ms"):
        with_file, without = (
            statistics.median(one[figure] for one in several) for several in (warm, cold)
        )
        report.add(f"{name}.{figure}", with_file, "ms", "no file", without)
    report.add(f"{name}.file_kib", size / 1024, "KiB")


def _start_and_ask(config: EngineConfig, num_tokens: int) -> dict[str, float]:
    begun = time.perf_counter()
    engine = Engine(config)
    ready = time.perf_counter()
    engine.finish_compiling()
    prompt = [
        ChatMessage("system", _preamble(config.model, num_tokens), public=True),
        ChatMessage("user", QUESTION),
    ]
    asked = time.perf_counter()
    output = engine.generate([prompt], SamplingParams(max_tokens=1, ignore_eos=True), salt=b"w")
    first = time.perf_counter()
    engine.close()
    return {
        "start_ms": (ready - begun) * 1000,
        "first_token_ms": (first - asked) * 1000,
        "cached": output[0].num_cached_tokens,
    }


def _preamble(model: str, num_tokens: int) -> str:
    """About so many tokens of a help article's prose."""
    tokenizer = Tokenizer.from_file(str(Path(model) / "tokenizer.json"))
    articles = sorted((ROOT / "app/demo/articles").glob("*.md"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in articles)
    encoding = tokenizer.encode(text, add_special_tokens=False)
    return text[: encoding.offsets[num_tokens][0]]


if __name__ == "__main__":
    main()
