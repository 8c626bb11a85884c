"""The bytes of uploaded files: in the data folder, outside what is served, named by their hash.

`files/WORKSPACE/SHA256`; a workspace's equal files lie there once, two workspaces' never together.
What is arriving lies in `files/arriving` until it is known to be whole and allowed.
"""

import asyncio
import hashlib
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from app.errors import Invalid, TooLong, Unavailable
from app.files.kinds import HEAD_BYTES
from app.ids import new_id

_WRITE_BYTES = 256 * 1_024
_STALE_S = 3_600
_HEX = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Received:
    """A whole file that has arrived and is not kept yet."""

    path: Path
    sha256: str
    size_bytes: int
    head: bytes


class FileStore:
    """The folder of one installation; all its processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, workspace_id: UUID, sha256: str) -> Path:
        """Where the content lies, or would lie."""
        return self._folder / workspace_id.hex / sha256

    @asynccontextmanager
    async def receive(self, pieces: AsyncIterator[bytes], limit: int) -> AsyncIterator[Received]:
        """The file as it has arrived; what the block does not keep is gone afterwards.

        Raises:
            TooLong: more than `limit` bytes.
            Invalid: nothing at all.
            Unavailable: it cannot be written.
        """
        arriving = self._folder / "arriving" / new_id().hex
        try:
            yield await self._write(arriving, pieces, limit)
        except OSError as error:
            raise Unavailable("Files cannot be stored right now; try again soon.") from error
        finally:
            arriving.unlink(missing_ok=True)

    def keep(self, workspace_id: UUID, received: Received) -> None:
        """Make it last, in place of an equal one."""
        path = self.path(workspace_id, received.sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(received.path, path)

    def drop(self, workspace_id: UUID, sha256: str) -> None:
        """Forget the content."""
        self.path(workspace_id, sha256).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Forget what began to arrive and was left by a process that died."""
        for path in (self._folder / "arriving").glob("*"):
            if path.stat().st_mtime < time.time() - _STALE_S:
                path.unlink(missing_ok=True)

    def older_than(self, at_s: float) -> dict[UUID, list[str]]:
        """Hashes of the contents that were kept before then (seconds of the epoch), by company."""
        found: dict[UUID, list[str]] = {}
        for folder in self._folder.glob("*"):
            if not _HEX.fullmatch(folder.name):
                continue
            with os.scandir(folder) as entries:
                old = [one.name for one in entries if one.stat().st_mtime < at_s]
            if old:
                found[UUID(folder.name)] = sorted(old)
        return found

    async def _write(self, path: Path, pieces: AsyncIterator[bytes], limit: int) -> Received:
        path.parent.mkdir(parents=True, exist_ok=True)
        digest, head, size, held = hashlib.sha256(), b"", 0, bytearray()
        with path.open("xb") as file:

            def write() -> None:
                digest.update(held)
                file.write(held)
                held.clear()

            async for piece in pieces:
                size += len(piece)
                if size > limit:
                    raise TooLong(f"A file may have {limit:,} bytes; this one has more.")
                head += piece[: HEAD_BYTES - len(head)]
                held += piece
                if len(held) >= _WRITE_BYTES:
                    await asyncio.to_thread(write)
            write()
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        if size == 0:
            raise Invalid("This file is empty.")
        return Received(path, digest.hexdigest(), size, head)
