"""One Careline a data folder, and a key nobody else can read."""

import os
from pathlib import Path

import pytest

from app.data_folder import DataFolder
from app.errors import BadSettings, DataFolderInUse
from app.security import read_secret_key


def test_the_second_taker_is_told_who_has_the_folder(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path / "data").prepare(), DataFolder(tmp_path / "data")
    first.take()

    with pytest.raises(DataFolderInUse, match=str(os.getpid())):
        second.take()
    first.release()
    second.take()

    assert second.pid_file.read_text() == f"{os.getpid()}\n"
    second.release()
    assert not second.pid_file.exists()


def test_a_folder_left_by_a_killed_process_can_be_taken(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path).prepare()
    folder.pid_file.write_text("99999\n")

    folder.take()

    assert folder.pid_file.read_text() == f"{os.getpid()}\n"
    folder.release()


def test_a_place_where_no_folder_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadSettings, match="cannot be made"):
        DataFolder(tmp_path / "file").prepare()


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"

    first, second = read_secret_key(path), read_secret_key(path)

    assert first == second
    assert len(first) >= 32
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_empty_key_is_refused_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text("short")

    with pytest.raises(BadSettings, match="no usable key"):
        read_secret_key(path)

    assert path.read_text() == "short"
