"""Drawn weights open like a checkpoint, and drafts over them are right as often as they are told.

The shape is Granite's, small: embedding and head are one tensor.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPTBigCodeConfig

from benchmarks import shapes
from benchmarks.continuous import layer_products
from benchmarks.drawn_weights import drawn, drawn_transformers, save_hollow
from benchmarks.parts import Parts
from benchmarks.report import Report
from benchmarks.swept import measure_swept, static_batches, swept_speculator
from inference import Engine, EngineConfig, SamplingParams
from inference.model.config import describe
from inference.model.families import read_native
from inference.speculation.budget import EveryNode
from tests.benchmarks.test_shapes import SMALL_GRANITE

HOST = torch.device("cpu")


@pytest.fixture
def hollow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small = GPTBigCodeConfig(**SMALL_GRANITE, n_positions=128, multi_query=True)
    monkeypatch.setitem(shapes.SHAPES, "granite-20b", lambda: small)
    save_hollow("granite-20b", tmp_path)
    return tmp_path


def engine(folder: Path, *speculators: Any) -> Engine:
    config = EngineConfig(
        model=str(folder), device="cpu", dtype="float32", num_blocks=64, compile=False
    )
    with drawn():
        return Engine(config, list(speculators), EveryNode(["mlp"]))


def test_a_hollow_checkpoint_takes_no_room_and_says_its_last_token(hollow: Path) -> None:
    weights = hollow / "model.safetensors"
    assert weights.stat().st_blocks * 512 < weights.stat().st_size
    one = engine(hollow)
    answer = one.generate([[7, 8, 9]], SamplingParams(max_tokens=12, ignore_eos=True))[0]
    one.close()
    assert answer.token_ids == (9,) * 12


def test_a_hollow_checkpoint_has_the_products_that_are_counted(hollow: Path) -> None:
    read = read_native(describe(hollow))
    assert read is not None
    named = shapes.tensor_shapes("granite-20b")
    products = [one for key, one in named.items() if len(one) == 2 and ".h." in key]
    assert layer_products(read[0]) == sum(a * b for a, b in products)


def test_drafts_are_right_as_often_as_asked(hollow: Path, tmp_path: Path) -> None:
    read = read_native(describe(hollow))
    assert read is not None
    speculator = swept_speculator(read[0], 24, torch.float32, HOST, 16)
    one = engine(hollow, speculator)
    theirs = drawn_transformers("granite-20b", torch.float32, "cpu")
    report = Report("swept", tmp_path / "swept.json")
    asked: list[list[int]] = []

    def prompts(count: int) -> list[list[int]]:
        asked.extend([len(asked) % 90 + i for i in range(4)] for _ in range(count))
        return asked[-count:]

    def peer(given: list[list[int]], num_new: list[int]) -> None:
        static_batches(theirs, 4, given, num_new)

    measure_swept(report, one, speculator, peer, prompts, 48, 6, 1, (0.0, 1.0))
    one.close()

    kept = json.loads((tmp_path / "swept.json").read_text())
    assert kept["swept.acceptance0.0.accepted_of_drafted"]["value"] == 0
    assert kept["swept.acceptance1.0.accepted_of_drafted"]["value"] > 0.9  # but where answers end
    for figure in ("ms_per_token_alone", "tokens_per_s"):
        assert kept[f"swept.acceptance1.0.{figure}"]["ratio"] > 0


def test_a_part_that_fails_or_comes_too_late_costs_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done: list[str] = []
    parts = Parts(limit_s=1000)
    parts.run("broken", lambda: 1 / 0)
    parts.run("whole", lambda: done.append("whole"))
    parts.limit_s = -1
    parts.run("late", lambda: done.append("late"))
    assert done == ["whole"] and parts.failed == ["broken", "late"]
    assert "ZeroDivisionError" in capsys.readouterr().err
