"""From a base model and a data folder to a speculator in the published format."""

import json
import os
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from app.cli import app as careline
from inference.speculation.medusa_format import load_medusa
from inference.speculation.mlp_format import load_mlp_speculator
from inference.tokenizer import Tokenizer
from inference.training.__main__ import app
from inference.training.errors import (
    CheckpointMismatch,
    DataMissing,
    TrainingError,
)
from tests.inference.training.data import write_data
from tests.tiny_models import save_tiny_llama

runner = CliRunner()
SMALL = ("--tokens", "120", "--num-heads", "2")


def run(*words: str | Path) -> str:
    result = runner.invoke(app, ["speculator", *(str(word) for word in words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "dialogues")


def test_one_command_leads_to_a_measured_mlp_speculator(
    base: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "speculator"

    said = run("--base", base, "--data", data, "--out", out, *SMALL)
    first = (out / "model.safetensors").read_bytes()
    again = run("--base", base, "--data", data, "--out", out, *SMALL)

    weights, config = load_mlp_speculator(out)
    assert (config.n_predict, config.emb_dim, config.tie_weights) == (2, 32, True)
    assert weights.heads[0].dtype == torch.bfloat16
    assert (out / "model.safetensors").read_bytes() == first  # a finished run trains no further
    measured = json.loads((out / "evaluation.json").read_text())
    assert set(measured) == {"free", "grounded"}
    assert measured["free"]["tree"]["steps"] <= measured["free"]["chain"]["steps"]
    assert "tiny-base" in (out / "MODEL_CARD.md").read_text()
    assert (out / "losses.svg").read_text().count("</svg>") == 1
    assert "tokens per step" in said and "going on after step" in again


def test_medusa_heads_come_out_of_the_same_command(base: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "heads"

    run("--base", base, "--data", data, "--out", out, "--kind", "medusa", *SMALL)

    weights, config = load_medusa(out)
    assert (config.num_heads, config.hidden_size) == (2, 32)
    assert len(weights.heads) == 2


def test_a_base_without_our_markers_is_laid_out_as_the_engine_does(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "speculator"
    foreign = save_tiny_llama(tmp_path / "foreign", max_positions=2048)
    words = (foreign / "tokenizer.json").read_text().replace("<|customer|>", "<|buyer|>")
    (foreign / "tokenizer.json").write_text(words)

    run("--base", foreign, "--data", data, "--out", out, *SMALL)

    _, config = load_mlp_speculator(out)
    assert config.emb_dim == 64
    tokenizer = Tokenizer(foreign, 1 << 10)
    asked = (tmp_path / "speculator.run" / "prompts.jsonl").read_text().splitlines()
    texts = ["".join(map(tokenizer.token_text, json.loads(line)[1])) for line in asked]
    assert texts and all(text.endswith("\nAgent:") for text in texts)


def test_a_draft_model_comes_out_of_the_same_command(
    base: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "draft"

    run("--base", base, "--data", data, "--out", out, "--kind", "draft", "--eager", *SMALL)

    model = AutoModelForCausalLM.from_pretrained(out)
    assert model.config.vocab_size == json.loads((base / "config.json").read_text())["vocab_size"]
    assert (out / "tokenizer.json").exists()
    measured = json.loads((out / "evaluation.json").read_text())
    assert 1 <= measured["free"]["chain"]["tokens_per_step"] <= 5


def test_what_cannot_be_trained_is_refused_with_the_reason(
    base: Path, data: Path, tmp_path: Path
) -> None:
    out = ("--data", data, "--out", tmp_path / "out")

    with pytest.raises(DataMissing, match="point --base at"):
        run("--base", tmp_path / "nothing", *out)
    with pytest.raises(DataMissing, match="no dialogues"):
        run("--base", base, "--data", tmp_path, "--out", tmp_path / "out")
    with pytest.raises(TrainingError, match="'tpu'"):
        run("--base", base, *out, "--device", "tpu")
    assert "--kind" in run("--base", base, *out, "--kind", "oracle")


def test_a_run_of_another_shape_is_not_continued(base: Path, data: Path, tmp_path: Path) -> None:
    out = ("--base", base, "--data", data, "--out", tmp_path / "out")
    run(*out, *SMALL)

    with pytest.raises(CheckpointMismatch, match="2 heads"):
        run(*out, "--tokens", "120", "--num-heads", "3")
    with pytest.raises(CheckpointMismatch, match="inner_size=32"):
        run(*out, *SMALL, "--inner-size", "16")


def test_careline_hands_the_command_over(monkeypatch: pytest.MonkeyPatch) -> None:
    programs: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, words: programs.append(words))

    runner.invoke(careline, ["train-speculator", "--base", "model", "--help"])

    [[python, dash_m, module, *words]] = programs
    assert (python, dash_m, module) == (sys.executable, "-m", "inference.training")
    assert words == ["speculator", "--base", "model", "--help"]
    assert "--inner-size" in runner.invoke(app, words).output
