"""Careline's speculation beside that of others, each with and without, in one run.

The same greedy answers to the same prompts by the shipped model: the demo's questions that were
never tuned on, laid out as the product asks them, and held-out dialogues up to an agent's turn. An
answer has as many tokens as the model itself gives it. Each engine answers one prompt after the
other, then eight at a time; prompts were asked before, so what an engine keeps of them it has.
llama.cpp's tool tells its decoding alone and serves one. How to prepare peers: docs/benchmarks.md.
"""

import argparse
import itertools
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer as Encoding

from benchmarks.contenders import EngineProcess, LlamaCpp, their_environment
from benchmarks.held_out import dialogue_prompts
from benchmarks.report import Report, arguments
from benchmarks.speculation import SHIPPED_MLP, read_questions
from benchmarks.test_models import SHIPPED
from inference import Engine, EngineConfig, SamplingParams
from inference.tokenizer import Tokenizer

NUM_DRAFTED = 5
"""By peers that want a number."""
LEAST_NEW, MOST_NEW = 8, 64
TOGETHER = 8
MOST_TRIES = 5
"""A tool of llama.cpp may end before the thread that writes its log has told its speed."""
_TOLD = re.compile(r"decoded\s+(\d+) tokens in\s+([\d.]+) seconds")


class Answering(Protocol):
    """Somebody who answers prompts, all of them at once."""

    label: str
    title: str

    def generate(self, prompts: list[list[int]], num_new: list[int]) -> float:
        """The seconds it takes."""
        ...


@dataclass(frozen=True)
class Asked:
    """A prompt, and how many tokens the model answers."""

    prompt: list[int]
    num_new: int


class LlamaTool:
    """A tool of llama.cpp that speculates, one prompt a process, and tells its own speed."""

    def __init__(
        self, mode: str, tool: Path, model: Path, encoding: Encoding, draft: Path | None = None
    ) -> None:
        self.label, self.title = f"llamacpp.{mode}", f"llama.cpp {tool.name}"
        self._tool, self._model, self._encoding = tool, model, encoding
        self._draft = ("-md", str(draft), "--spec-type", "draft-simple") if draft else ()

    def generate(self, prompts: list[list[int]], num_new: list[int]) -> float:
        """Seconds of decoding so many tokens, at the speed the tool tells."""
        return sum(itertools.starmap(self._decode, zip(prompts, num_new, strict=True)))

    def _decode(self, prompt: list[int], num_new: int) -> float:
        text = self._encoding.decode(prompt, skip_special_tokens=False)
        options = (
            "-n",
            str(num_new),
            "--spec-draft-n-max",
            str(NUM_DRAFTED),
            "--temp",
            "0",
            "-c",
            "2048",
        )
        command = [str(self._tool), "-m", str(self._model), *self._draft, "-p", text, *options]
        for _ in range(MOST_TRIES):
            ran = subprocess.run(
                command, capture_output=True, text=True, check=True, env=their_environment()
            )
            told = _TOLD.search(ran.stdout + ran.stderr)
            if told is not None:
                return num_new * float(told[2]) / int(told[1])
        raise RuntimeError(f"{self._tool.name} told no speed: {ran.stderr[-200:]}")


class LlamaPlain:
    """llama-bench behind prompts of the same lengths."""

    def __init__(self, label: str, folder: Path, model: Path) -> None:
        self._tools = LlamaCpp(label, folder, model)
        self.label, self.title = self._tools.label, self._tools.title

    def generate(self, prompts: list[list[int]], num_new: list[int]) -> float:
        """Seconds of decoding."""
        return sum(
            num / self._tools.decoding_rate(len(prompt), num)
            for prompt, num in zip(prompts, num_new, strict=True)
        )


def main() -> None:
    """Everybody in turn on every kind of prompt."""
    options = _options()
    report = Report("speculation_peers", options.json)
    kinds = _prompts(options)
    everyone = list(_contenders(options))
    for one in everyone:
        if isinstance(one, EngineProcess) and _is_ours(one.label):
            one.settle()
    for kind, asked in kinds.items():
        report.add(f"{kind}.prompts", len(asked), "prompts")
        report.add(f"{kind}.new_tokens", sum(one.num_new for one in asked), "tokens")
        _compare(report, f"{kind}.alone", everyone, asked, 1, options.runs)
        many = [one for one in everyone if isinstance(one, EngineProcess)]
        _compare(report, f"{kind}.together{TOGETHER}", many, asked, TOGETHER, options.runs)
    for one in everyone:
        if isinstance(one, EngineProcess):
            one.close()


def _compare(
    report: Report,
    name: str,
    everyone: Sequence[Answering],
    asked: Sequence[Asked],
    at_once: int,
    runs: int,
) -> None:
    """Tokens a second of each against its own plain decoding, and ours against each."""
    total = sum(one.num_new for one in asked)
    rates: dict[str, list[float]] = {one.label: [] for one in everyone}
    for turn in range(runs + 1):
        for one in everyone:
            seconds = _seconds(one, asked, at_once)
            if turn:  # the first one warms up
                rates[one.label].append(total / seconds)
    medians = {label: statistics.median(found) for label, found in rates.items()}
    best = {
        plain: max(rate for label, rate in medians.items() if _plain(label) == plain)
        for plain in sorted(map(_plain, medians))
        if _is_ours(plain)
    }
    for one in everyone:
        plain = _plain(one.label)
        report.add(f"{name}.{one.label}", medians[one.label], "tokens/s", plain, medians[plain])
        for ours, rate in best.items() if not _is_ours(plain) else ():
            known = medians[one.label]
            report.add(f"{name}.{ours}_vs_{one.label}", rate, "tokens/s", one.title, known)


def _plain(label: str) -> str:
    """Who decodes with the same weights and drafts nothing."""
    return label.split(".")[0]


def _is_ours(label: str) -> bool:
    return label.startswith("careline")


def _seconds(one: Answering, asked: Sequence[Asked], at_once: int) -> float:
    return sum(
        one.generate([each.prompt for each in some], [each.num_new for each in some])
        for some in (asked[at : at + at_once] for at in range(0, len(asked), at_once))
    )


def _prompts(options: argparse.Namespace) -> dict[str, list[Asked]]:
    """By kind; as many tokens are asked for as our plain engine answers."""
    shipped = Tokenizer(
        Path(options.model), Encoding.from_file(_encoding(options)).get_vocab_size()
    )
    count = 8 if options.quick else options.prompts
    questions = read_questions()["free"]
    every = max(1, len(questions) // count)
    found = {
        "questions": [shipped.encode_prompt(one.messages) for one in questions[::every]][:count]
    }
    if options.data is not None:
        found["dialogues"] = dialogue_prompts(Path(options.model), options.data, count)
    engine = Engine(EngineConfig(model=options.model, dtype=options.dtype))
    params = SamplingParams(max_tokens=MOST_NEW)
    answers = {kind: engine.generate(prompts, params) for kind, prompts in found.items()}
    engine.close()
    return {
        kind: [
            Asked(prompt, len(answer.token_ids))
            for prompt, answer in zip(found[kind], outputs, strict=True)
            if len(answer.token_ids) >= LEAST_NEW
        ]
        for kind, outputs in answers.items()
    }


def _encoding(options: argparse.Namespace) -> str:
    return str(Path(options.model) / "tokenizer.json")


def _contenders(options: argparse.Namespace) -> Iterator[Answering]:
    ours = [f"--model={options.model}", f"--dtype={options.dtype}"]
    mine = {"ngram": "ngram", "suffix": "suffix"}
    if SHIPPED_MLP.is_dir() and options.model == str(SHIPPED):
        mine |= {"mlp": str(SHIPPED_MLP), "combined": f"suffix,{SHIPPED_MLP}"}
    if options.draft:
        mine["draft"] = options.draft
    drafting = {name: f"--speculator={one}" for name, one in mine.items()}
    yield from _pair("careline", ours, drafting)
    if options.int8:
        yield from _pair("careline_int8", [*ours, "--quantization=int8"], drafting)
    lookup = {"lookup": f"--lookup={NUM_DRAFTED}"}
    drafts = {"draft": f"--draft={options.draft}"} if options.draft else {}
    if options.transformers:
        given = [f"--model={options.model}", f"--dtype={options.peer_dtype}"]
        yield EngineProcess(
            "transformers", sys.executable, "peer_transformers", [*given, f"--batch={TOGETHER}"]
        )
        for mode, option in (lookup | drafts).items():  # there it takes one at a time
            alone = [*given, option, "--batch=1"]
            yield EngineProcess(f"transformers.{mode}", sys.executable, "peer_transformers", alone)
    if options.openvino and options.openvino_model:
        converted = options.openvino_draft
        more = {"draft": f"--draft={converted}"} if converted else {}
        given = [f"--model={options.openvino_model}"]
        yield from _pair("openvino", given, lookup | more, options.openvino)
    if options.vllm:
        given = [f"--model={options.model}", f"--dtype={options.peer_dtype}"]
        yield from _pair("vllm", given, lookup, options.vllm)
    if options.llama and options.llama_model:
        yield LlamaPlain("llamacpp", options.llama, options.llama_model)
        if options.llama_int8:
            yield LlamaPlain("llamacpp_int8", options.llama, options.llama_int8)
        yield from _llama_tools(options)


def _llama_tools(options: argparse.Namespace) -> Iterator[LlamaTool]:
    encoding = Encoding.from_file(_encoding(options))
    lookup, draft = options.llama / "llama-lookup", options.llama / "llama-speculative-simple"
    if lookup.is_file():
        yield LlamaTool("lookup", lookup, options.llama_model, encoding)
    if options.llama_draft and draft.is_file():
        yield LlamaTool("draft", draft, options.llama_model, encoding, options.llama_draft)


def _pair(
    label: str, given: Sequence[str], modes: dict[str, str], python: str = sys.executable
) -> Iterator[EngineProcess]:
    """An engine that decodes plainly, and one for each way it speculates."""
    module = f"peer_{label.removesuffix('_int8')}"
    yield EngineProcess(label, python, module, given)
    for mode, option in modes.items():
        yield EngineProcess(f"{label}.{mode}", python, module, [*given, option])


def _options() -> argparse.Namespace:
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default=str(SHIPPED))
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--peer-dtype", default="float32", help="of vLLM and transformers")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=24, help="of each kind")
    parser.add_argument("--data", type=Path, help="a folder of prepared data with held-out parts")
    parser.add_argument("--draft", help="a smaller model of the same vocabulary")
    parser.add_argument("--int8", action="store_true", help="ours with int8 weights as well")
    parser.add_argument("--transformers", action="store_true")
    parser.add_argument("--openvino", metavar="PYTHON")
    parser.add_argument("--openvino-model", metavar="FOLDER")
    parser.add_argument("--openvino-draft", metavar="FOLDER")
    parser.add_argument("--vllm", metavar="PYTHON")
    parser.add_argument("--llama", type=Path, metavar="FOLDER", help="with llama-lookup too")
    parser.add_argument("--llama-model", type=Path, metavar="GGUF")
    parser.add_argument("--llama-int8", type=Path, metavar="GGUF", help="decodes plainly")
    parser.add_argument("--llama-draft", type=Path, metavar="GGUF")
    return parser.parse_args()


if __name__ == "__main__":
    main()
