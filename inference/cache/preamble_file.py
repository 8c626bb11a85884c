"""Pinned blocks as a file, believed only if it is whole, ours, and of this very model.

Layout: a line that names the format, the length of the header (8 bytes, big-endian), the header
(JSON), the blocks one after the other, and the sha256 of all that.
"""

import hashlib
import mmap
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

MAGIC: Final = b"careline preambles 1\n"
_LENGTH_BYTES: Final = 8
_DIGEST_BYTES: Final = 32

Blocks = npt.NDArray[np.uint8]  # [n, bytes of a block]


class UnusableFile(Exception):
    """The file is no preamble file, not whole, or not meant for this engine; says which."""


class Stamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What keys and values depend on beside the tokens; blocks of another stamp are not read."""

    weights: str
    """Digest of the checkpoint's configuration and of samples of its weights."""
    settings: dict[str, str]
    dtype: str
    cache_dtype: str
    layout: str
    block_size: int
    block_shape: tuple[int, ...]


class SavedPin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A preamble: its tokens, and which of the file's blocks they fill."""

    token_ids: tuple[int, ...]
    blocks: tuple[int, ...]


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything but the blocks; `keys` are theirs, in hexadecimal."""

    stamp: Stamp
    keys: tuple[str, ...]
    pins: tuple[SavedPin, ...]


@dataclass(frozen=True)
class PreambleFile:
    """Where the file is, and the stamp it must have."""

    path: Path
    stamp: Stamp

    def write(self, keys: Sequence[str], pins: Sequence[SavedPin], blocks: Blocks) -> None:
        """Put the file in its place at once and whole, readable by this user alone.

        Raises:
            OSError: the folder cannot be written.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        head = msgspec.json.encode(Header(self.stamp, tuple(keys), tuple(pins)))
        size = len(head).to_bytes(_LENGTH_BYTES, "big")
        digest = hashlib.sha256()
        unready = self.path.with_suffix(".new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(unready, flags, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            for part in (MAGIC, size, head, blocks.data.cast("B")):
                digest.update(part)
                file.write(part)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        unready.replace(self.path)

    def read(self) -> tuple[Header, Blocks]:
        """The header and the blocks, mapped; a byte is loaded when it is looked at.

        Raises:
            FileNotFoundError: there is none.
            UnusableFile: it cannot be believed, or belongs to another engine.
        """
        content = _map(self.path)
        whole = memoryview(content)
        start = len(MAGIC) + _LENGTH_BYTES
        if bytes(whole[: len(MAGIC)]) != MAGIC or len(whole) < start + _DIGEST_BYTES:
            raise UnusableFile("it is no file of preambles")
        if hashlib.sha256(whole[:-_DIGEST_BYTES]).digest() != whole[-_DIGEST_BYTES:]:
            raise UnusableFile("its checksum is wrong")
        end = start + int.from_bytes(whole[len(MAGIC) : start], "big")
        try:
            header = msgspec.json.decode(whole[start:end], type=Header)
        except msgspec.DecodeError as error:
            raise UnusableFile(f"its header is wrong: {error}") from None
        if header.stamp != self.stamp:
            raise UnusableFile("it belongs to another model, or to other settings")
        body = np.frombuffer(content, np.uint8)[end:-_DIGEST_BYTES]
        _check(header, len(body))
        return header, body.reshape(len(header.keys), -1)


def _check(header: Header, num_bytes: int) -> None:
    """The header against itself and the size of what follows it."""
    num_blocks, size = len(header.keys), header.stamp.block_size
    if not num_blocks or not num_bytes or num_bytes % num_blocks:
        raise UnusableFile(f"{num_bytes} bytes are not {num_blocks} blocks")
    for pin in header.pins:
        is_whole = len(pin.token_ids) == len(pin.blocks) * size > 0
        if not is_whole or any(not 0 <= block < num_blocks for block in pin.blocks):
            raise UnusableFile("its preambles do not fit its blocks")


def _map(path: Path) -> mmap.mmap:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnusableFile(f"it cannot be opened: {error.strerror}") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            raise UnusableFile("it is not a file of this user")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise UnusableFile("other users can write it")
        if not status.st_size:
            raise UnusableFile("it is empty")
        return mmap.mmap(handle, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(handle)
