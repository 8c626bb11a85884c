"""The data folder: one Careline at a time, its process ids, its key."""

import fcntl
import os
from pathlib import Path
from typing import Self

from app.errors import BadSettings, DataFolderInUse


class DataFolder:
    """Holds the folder's lock from `take()` to `release()`; the system frees it if we die.

    Several web processes of one Careline share a folder, each with a number and a lock of its own
    besides the one that their parent holds.
    """

    def __init__(self, path: Path, worker: int = 0) -> None:
        self.path = path
        self._suffix = f"-{worker}" if worker else ""
        self._lock: int | None = None

    @property
    def pid_file(self) -> Path:
        """Holds our process id while we run; its lock is the folder's."""
        return self.path / "run" / f"web{self._suffix}.pid"

    @property
    def worker_file(self) -> Path:
        """Holds the lasting id of the process that holds this folder."""
        return self.path / f"worker{self._suffix}.id"

    @property
    def key_file(self) -> Path:
        """The installation's secret key."""
        return self.path / "secret.key"

    def prepare(self) -> Self:
        """Make the folder and what belongs in it.

        Raises:
            BadSettings: it cannot be made here.
        """
        try:
            for folder in (self.path, self.path / "run", self.path / "logs"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadSettings(
                f"The data folder {self.path} cannot be made: {error.strerror}."
            ) from error
        return self

    def take(self) -> None:
        """Lock the folder and write our process id.

        Raises:
            DataFolderInUse: another process holds it.
        """
        handle = os.open(self.pid_file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 32).decode().strip() or "unknown"
            os.close(handle)
            raise DataFolderInUse(
                f"Another Careline (process {holder}) runs on the data folder {self.path}."
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        self._lock = handle

    def release(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            self.pid_file.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None
