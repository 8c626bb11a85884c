"""Who was inside the engine when its process died: a small file that outlives it.

A request that crashes the engine would crash every next one too. Its client needs to know which
requests a dead engine was working on, also those of other clients, before it may blame one.
"""

import contextlib
import logging
import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from inference.process.frames import Crash, InFlight

logger = logging.getLogger(__name__)

_HEADER = struct.Struct(">II")  # Length and checksum of what follows.


class FlightRecorder:
    """Keeps the file of one engine process; `crash` is what an earlier process left behind.

    Writing is one call without a sync, a few microseconds: the record is about processes and need
    not outlive the machine. A write that was cut off shows in its checksum, and then nobody is
    blamed.
    """

    def __init__(self, path: Path, incarnation: str, *, is_from_outside: bool = False) -> None:
        """`is_from_outside`: whether the earlier process was killed by somebody else."""
        self._path = path
        self._fd: int | None = None
        self.incarnation = incarnation
        self.crash = _decode(path.read_bytes()) if path.exists() else None
        if self.crash is not None:
            self.crash = msgspec.structs.replace(self.crash, is_from_outside=is_from_outside)

    def write(self, requests: Iterable[InFlight]) -> None:
        """Replace the record; an earlier process's is kept until then."""
        body = msgspec.msgpack.encode(Crash(self.incarnation, tuple(requests)))
        data = _HEADER.pack(len(body), zlib.crc32(body)) + body
        try:
            if self._fd is None:
                self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.pwrite(self._fd, data, 0)
        except OSError as error:  # A full disk, say. Answers matter more than blame.
            logger.warning("the flight record is not written", extra={"reason": str(error)})

    def clear(self) -> None:
        """The process ends in good order: nobody is to blame for anything."""
        if self._fd is not None:
            os.close(self._fd)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()


def _decode(data: bytes) -> Crash | None:
    if len(data) < _HEADER.size:
        return None
    size_bytes, checksum = _HEADER.unpack_from(data)
    body = data[_HEADER.size : _HEADER.size + size_bytes]
    if len(body) != size_bytes or zlib.crc32(body) != checksum:
        return None
    try:
        return msgspec.msgpack.decode(body, type=Crash)
    except msgspec.DecodeError:
        return None  # Another version wrote it.
