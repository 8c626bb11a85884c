"""Our speculation beside others': who is held against whom, and what llama.cpp's tool tells."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models

from benchmarks.report import Report
from benchmarks.speculation_peers import Asked, LlamaTool, _compare


class Steady:
    """Another engine, which takes so long for a token."""

    def __init__(self, label: str, token_s: float) -> None:
        self.label, self.title, self._token_s = label, label.upper(), token_s
        self.batches: list[int] = []

    def generate(self, prompts: list[list[int]], num_new: list[int]) -> float:
        self.batches.append(len(prompts))
        return self._token_s * sum(num_new)


def test_each_is_held_against_itself_and_our_best_against_each() -> None:
    everyone = [
        Steady("careline", 0.1),
        Steady("careline.mlp", 0.05),
        Steady("other", 0.2),
        Steady("other.lookup", 0.4),
    ]
    asked = [Asked([1, 2], 10)] * 5
    report = Report("speculation_peers")

    _compare(report, "text", everyone, asked, at_once=2, runs=2)

    ratios = {name: figure["ratio"] for name, figure in report.figures.items()}
    assert ratios == {
        "text.careline": 1.0,
        "text.careline.mlp": 2.0,
        "text.other": 1.0,
        "text.careline_vs_other": 4.0,
        "text.other.lookup": 0.5,
        "text.careline_vs_other.lookup": 8.0,
    }
    assert everyone[0].batches == [2, 2, 1] * 3, "once to warm up"


def test_the_tools_own_speed_counts(tmp_path: Path) -> None:
    tool = tmp_path / "llama-lookup"
    tool.write_text(
        '#!/bin/sh\necho "decoded   20 tokens in    0.500 seconds, speed: 40 t/s" >&2\n'
    )
    tool.chmod(0o755)
    encoding = Tokenizer(models.WordLevel({"one": 0, "two": 1}, unk_token="one"))
    lookup = LlamaTool("lookup", tool, tmp_path / "model.gguf", encoding)

    assert lookup.generate([[0, 1], [1]], [40, 8]) == pytest.approx(1.2)

    tool.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(RuntimeError, match="told no speed"):
        lookup.generate([[0]], [1])
