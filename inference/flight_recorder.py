"""Who was inside the engine when its process died: a small file that outlives it.

A request that crashes the engine would crash every next one too. Its client needs to know which
requests a dead engine was working on, also those of other clients, before it may blame one.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from inference.frames import Crash, InFlight


class FlightRecorder:
    """Keeps the file of one engine process; `crash` is what an earlier process left behind."""

    def __init__(self, path: Path, incarnation: str) -> None:
        self._path = path
        self._next = path.with_suffix(".next")
        self.incarnation = incarnation
        self.crash = _read(path)

    def write(self, requests: Iterable[InFlight]) -> None:
        """Replace the record. A process killed in the middle leaves the old one, whole.

        Without a sync: the record is about processes, it need not outlive the machine.
        """
        record = Crash(self.incarnation, tuple(requests))
        self._next.write_bytes(msgspec.msgpack.encode(record))
        os.replace(self._next, self._path)

    def clear(self) -> None:
        """The process ends in good order: nobody is to blame for anything."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()


def _read(path: Path) -> Crash | None:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=Crash)
    except (OSError, msgspec.DecodeError):
        return None  # Without a record nobody is blamed.
