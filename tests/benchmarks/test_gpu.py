"""One command runs every part in a process of its own and tells which failed."""

import subprocess
import sys

import pytest

from benchmarks import gpu


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_unknown_part_is_named() -> None:
    done = run("kernels", "nonsense")
    assert done.returncode == 2
    assert "no such part: nonsense; there are kernels, " in done.stderr


def test_a_failing_part_is_told_and_the_next_one_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "PARTS", {"broken": ["no.such.module"], "whole": ["calendar"]})
    monkeypatch.setattr(sys, "argv", ["gpu", "--device", "cpu"])
    ran: list[list[str]] = []
    real = subprocess.run

    def noted(command: list[str], check: bool) -> "subprocess.CompletedProcess[bytes]":
        ran.append(command)
        return real(command[:3], check=check, capture_output=True)

    monkeypatch.setattr(subprocess, "run", noted)
    with pytest.raises(SystemExit, match=r"not everything went well: broken$"):
        gpu.main()
    assert [command[2] for command in ran] == ["no.such.module", "calendar"]
    assert all(command[3] == "--device=cpu" for command in ran)
