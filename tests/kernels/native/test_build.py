"""What is built, when it is built anew, and what is never loaded."""

import ctypes
import os
import pwd
import shutil
from pathlib import Path

import pytest

from kernels.native import build as native_build
from kernels.native.build import build, cache_folder


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two units that are built at once; a folder for the library."""
    units = (tmp_path / "one.cpp", tmp_path / "two.cpp")
    units[0].write_text('extern "C" int one() { return 1; }')
    units[1].write_text('extern "C" int two() { return 2; }')
    monkeypatch.setattr(native_build, "UNITS", units)
    monkeypatch.setattr(native_build, "SOURCES", units)
    return tmp_path / "kept"


def test_all_units_are_in_the_library(small: Path) -> None:
    library = build(small)

    assert library is not None
    loaded = ctypes.CDLL(str(library))
    assert (loaded.one(), loaded.two()) == (1, 2)


def test_changed_sources_are_built_anew(small: Path) -> None:
    first = build(small)
    (small.parent / "one.cpp").write_text("no longer C++")

    assert first is not None and first.is_file()
    assert build(small) is None


def test_a_build_is_kept_and_a_missing_compiler_is_no_error(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(small)
    assert first is not None
    built_at = first.stat().st_mtime_ns

    assert build(small) == first
    assert first.stat().st_mtime_ns == built_at
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert build(small) is None


def test_a_folder_that_others_can_write_is_not_used(
    tmp_path: Path, kernels_library: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / kernels_library.name).write_bytes(b"planted")
    tmp_path.chmod(0o777)

    assert build(tmp_path) is None
    assert "can be written by other users" in caplog.records[-1].__dict__["detail"]

    tmp_path.chmod(0o755)
    (tmp_path / kernels_library.name).chmod(0o666)
    assert build(tmp_path) is None


def test_who_has_no_home_builds_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.delenv("CARELINE_CACHE", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)

    assert cache_folder().parts[-2:] == (f"careline-{os.getuid()}", "kernels")
