import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from inference.runner.native_loader import NativeLoader
from inference.runner.threads import one_thread
from kernels.native import build as native_build
from kernels.native.build import build, cache_folder
from tests.patience import PATIENCE_S


def test_a_broken_library_is_built_anew_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_build, "UNITS", (native_build.FOLDER / "attention.cpp",))
    library = build(tmp_path)
    assert library is not None, "the tests need a C++ compiler: install g++"
    library.write_bytes(library.read_bytes()[:100])  # as a power cut may leave it

    first, second = NativeLoader(), NativeLoader()
    for loader in (first, second):
        loader.start(tmp_path, lambda kernels: None)
        loader.wait()

    assert first.kernels is None
    assert second.kernels is not None


def test_kernels_have_all_threads_though_a_step_leaves_torch_one_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_stepping = threading.Event()
    monkeypatch.setattr(
        "inference.runner.native_loader.build",
        lambda _: build(cache_folder()) if is_stepping.wait(PATIENCE_S) else None,
    )
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        loader = NativeLoader()
        loader.start(tmp_path, lambda kernels: None)
        with one_thread():
            is_stepping.set()
            loader.wait()
    finally:
        torch.set_num_threads(before)

    assert loader.kernels is not None
    assert loader.kernels.num_threads == 2


def test_a_process_may_end_while_the_kernels_are_still_loaded() -> None:
    script = """
import threading
import torch
from inference.runner.native_loader import NativeLoader
from kernels.native.build import cache_folder

loader = NativeLoader()
started = threading.Event()

def make(kernels):
    started.set()
    for _ in range(300):
        torch.ones(10**5).sort()  # leaves the interpreter, and wants it back

loader.start(cache_folder(), make)
started.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE_S,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
