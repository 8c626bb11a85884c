"""What is built, when it is built anew, and what is never loaded."""

import os
import pwd
import shutil
from pathlib import Path

import pytest

from kernels.native.build import build, cache_folder


def test_a_build_is_kept_and_a_missing_compiler_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(tmp_path)
    assert first is not None
    built_at = first.stat().st_mtime_ns

    assert build(tmp_path) == first
    assert first.stat().st_mtime_ns == built_at
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert build(tmp_path) is None


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
