"""From a data folder to a model that transformers loads, by the command alone."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from inference.training import mixture, prepare, report
from inference.training.__main__ import app
from inference.training.errors import DataMissing, TokenizerMismatch, TooFewPoints
from inference.training.trainer import Watch
from tests.inference.training.data import write_data

runner = CliRunner()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("SHOP_CONVERSATIONS", "SMALL_TALKS", "LOOK_UPS", "TASKS", "HELD_OUT"):
        monkeypatch.setattr(mixture, f"NUM_{kind}", 6)
    monkeypatch.setattr(prepare, "PROBE_ROWS", 1)
    monkeypatch.setattr(report, "PROMPTS_PER_SOURCE", 1)
    monkeypatch.setattr(report, "PROMPTS_OF", {})


def run(*words: str | Path) -> str:
    result = runner.invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_one_command_leads_from_the_data_to_a_measured_model(tmp_path: Path) -> None:
    data, out, to = write_data(tmp_path / "data"), tmp_path / "run", tmp_path / "model"
    size = ("--size", "tiny", "--tokens", "20000", "--eager")

    run("all", "--data", data, "--out", out, "--to", to, *size)
    again = run("base", "--data", data, "--out", out, *size)

    assert AutoModelForCausalLM.from_pretrained(to).config.hidden_size == 64
    measured = json.loads((to / "evaluation.json").read_text())
    assert set(measured["held_out"]["chat"]) == {
        "abcd-sample",
        "cucom-ecommerce",
        "dstc9-faq",
        "look-ups",
        "shop-topics",
        "tasks",
    }
    answers = measured["answers"]["all"]
    sources = set(measured["answers"]) - {"all"}
    assert {"dstc9-faq", "shop-topics"} <= sources
    assert answers["num_answerable"] + answers["num_unanswerable"] == len(sources)  # one of each
    assert set(measured["copying"]) == {"look-ups", "drills", "grounded", "shops"}
    assert answers["facts"]["kept_numbers"] <= answers["facts"]["num_wanted_numbers"]
    assert (to / "losses.svg").read_text().count("</svg>") == 1
    assert "going on after step" in again


def test_a_command_that_is_stopped_begins_no_further_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def stopping(_console: Console, _stage: str) -> Iterator[Watch]:
        yield lambda _: signal.raise_signal(signal.SIGTERM)

    data, out = write_data(tmp_path / "data"), tmp_path / "run"
    words = ("--data", data, "--out", out, "--to", tmp_path / "model", "--size", "tiny", "--eager")
    monkeypatch.setattr("inference.training.__main__.watching", stopping)

    stopped = runner.invoke(app, ["all", *map(str, words)])

    assert stopped.exit_code == 130 and "stopped and saved" in stopped.output
    assert (out / "base-0000001.pt").exists() and not list(out.glob("chat-*.pt"))
    monkeypatch.undo()
    assert "going on after step 1" in run("base", *words[:4], *words[6:], "--tokens", "9000")


def test_a_ladder_of_sizes_gives_a_law_and_a_picture(tmp_path: Path) -> None:
    data, out, to = write_data(tmp_path / "data"), tmp_path / "run", tmp_path / "result"
    run("tokenizer", "--data", data, "--out", out)
    run("prepare", "--data", data, "--out", out)
    words = (
        "scaling",
        "--data",
        data,
        "--out",
        out,
        "--to",
        to,
        "--eager",
        "--sizes",
        "tiny,draft",
    )

    with pytest.raises(TooFewPoints, match="2 points so far and 6"):
        run(*words, "--tokens", "2048")
    run(*words, "--tokens", "2048,6144,10240")

    measured = json.loads((to / "scaling.json").read_text())
    points = measured["points"]
    assert [(one["size"], one["num_tokens"]) for one in points] == [
        (size, count) for count in (2048, 6144, 10240) for size in ("tiny", "draft")
    ]
    assert points[4]["loss"] < points[0]["loss"] and points[5]["loss"] < points[1]["loss"]
    assert all(one["least"] <= one["loss"] <= one["most"] for one in measured["guesses"])
    assert (to / "scaling.svg").read_text().count("</svg>") == 1
    assert "a number of tokens" in run(*words, "--tokens", "many")


def test_rows_of_another_tokenizer_are_not_measured(tmp_path: Path, tokenizer: Tokenizer) -> None:
    for name, added in (("run", []), ("model", ["another"])):
        (tmp_path / name).mkdir()
        other = Tokenizer.from_str(tokenizer.to_str())
        other.add_tokens(added)
        other.save(str(tmp_path / name / "tokenizer.json"))

    with pytest.raises(TokenizerMismatch, match="prepare stage"):
        run("evaluate", "--data", tmp_path, "--out", tmp_path / "run", "--to", tmp_path / "model")


def test_a_stage_without_its_input_says_what_to_run_first(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="prepare"):
        run("base", "--data", tmp_path, "--out", tmp_path, "--size", "tiny")
    with pytest.raises(DataMissing, match="train first"):
        run("export", "--out", tmp_path, "--to", tmp_path / "model")
    with pytest.raises(DataMissing, match="no dialogues"):
        run("tokenizer", "--data", tmp_path, "--out", tmp_path)


def test_an_unknown_size_is_refused(tmp_path: Path) -> None:
    assert "tiny, draft, mini, small" in run(
        "base", "--data", tmp_path, "--out", tmp_path, "--size", "huge"
    )
