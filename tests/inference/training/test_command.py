"""From a data folder to a model that transformers loads, by the command alone."""

import json
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from inference.training import mixture, prepare, report
from inference.training.__main__ import app
from inference.training.errors import DataMissing
from tests.inference.training.data import write_data

runner = CliRunner()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("SHOP_CONVERSATIONS", "SMALL_TALKS", "LOOK_UPS", "TASKS", "HELD_OUT"):
        monkeypatch.setattr(mixture, f"NUM_{kind}", 6)
    monkeypatch.setattr(prepare, "PROBE_ROWS", 1)
    monkeypatch.setattr(report, "PROMPTS_PER_SOURCE", 1)


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
    assert answers["num_answerable"] + answers["num_unanswerable"] == 3  # one of each source
    assert (to / "losses.svg").read_text().count("</svg>") == 1
    assert "going on after step" in again


def test_a_stage_without_its_input_says_what_to_run_first(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="prepare"):
        run("base", "--data", tmp_path, "--out", tmp_path, "--size", "tiny")
    with pytest.raises(DataMissing, match="train first"):
        run("export", "--out", tmp_path, "--to", tmp_path / "model")
    with pytest.raises(DataMissing, match="no dialogues"):
        run("tokenizer", "--data", tmp_path, "--out", tmp_path)


def test_an_unknown_size_is_refused(tmp_path: Path) -> None:
    assert "tiny, small, medium" in run(
        "base", "--data", tmp_path, "--out", tmp_path, "--size", "huge"
    )
