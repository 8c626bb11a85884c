"""The command that times kernels on a GPU compares them with the truth first, at any size."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import kernels
from benchmarks.kernels import RESULTS, WrongKernel, check
from benchmarks.kernels_cases import Case

WITHOUT_THE_APPLICATION = """
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"app", "fastapi", "sqlalchemy", "uvicorn", "websockets"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
for name in ("kernels", "serving", "gpu"):
    importlib.import_module(f"benchmarks.{name}")
"""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["kernels", *map(str, arguments)])
    kernels.main()


def test_every_case_agrees_with_its_truth_and_nothing_is_taken_for_a_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures, picture = tmp_path / "figures.json", tmp_path / "roofline.svg"

    run(monkeypatch, "--json", figures, "--picture", picture)

    found = json.loads(figures.read_text())
    assert sum(name.endswith(".us") for name in found) >= 24
    assert found["is_interpreted"]["value"] == 1
    assert {"tree_against_one_row", "draft_of_4_stages.ms", "machine", "date"} <= set(found)
    drawn = picture.read_text()
    assert "but these times mean nothing" in drawn
    assert all(name[:-12] in drawn for name in found if name.endswith(".TFLOP_per_s"))


def test_the_interpreters_times_are_not_kept_as_results(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = RESULTS / "kernels-interpreter.json"

    with pytest.raises(SystemExit):
        run(monkeypatch, "--json", path)

    assert "results keeps speeds, and the interpreter has none" in capsys.readouterr().err
    assert not path.exists()


def test_nothing_of_the_application_is_needed() -> None:
    command = [sys.executable, "-c", WITHOUT_THE_APPLICATION]
    subprocess.run(command, check=True, cwd=RESULTS.parent.parent)


def test_a_wrong_kernel_is_not_timed() -> None:
    case = Case("wrong", lambda: torch.ones(3), lambda: torch.ones(3) * 1.05, num_bytes=1)

    with pytest.raises(WrongKernel, match=r"wrong is off by 4\.76%"):
        check(case)
