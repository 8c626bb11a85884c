"""How large a picture unfolds: a few kilobytes can hold more points than a browser has memory for.

The numbers are read from the head of the file, nothing is decoded (PNG: ISO/IEC 15948 11.2.2;
GIF89a 18; WebP: RFC 9649 2.5 to 2.7; JPEG: ITU-T T.81 B.2.2).
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

MAX_POINTS = 100_000_000
"""More than telephones take, 400 MB unfolded."""

_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
_NO_FRAME = frozenset((0xC4, 0xC8, 0xCC))
_SCAN = 0xDA
_MAX_SEGMENTS = 2_000
_MAX_FILL = 64


def size_of(head: bytes, file: Path) -> tuple[int, int] | None:
    """Width and height in points; None: it is no such picture, or a broken one."""
    for mark, read in _READERS.items():
        if head.startswith(mark):
            try:
                return read(head, file)
            except (struct.error, EOFError):
                return None
    return None


def _png(head: bytes, _: Path) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _gif(head: bytes, _: Path) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", head, 6)
    return width, height


def _webp(head: bytes, _: Path) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        low, high = struct.unpack_from("<IH", head, 24)
        return (low & 0xFFFFFF) + 1, ((low >> 24) | (high << 8)) + 1
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", head, 21)
        return (packed & 0x3FFF) + 1, ((packed >> 14) & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(_: bytes, file: Path) -> tuple[int, int] | None:
    with file.open("rb") as opened:
        opened.seek(2)
        for _segment in range(_MAX_SEGMENTS):
            marker = _marker(opened)
            if marker == _SCAN:
                break
            if marker in _WITHOUT_LENGTH:
                continue
            (length,) = struct.unpack(">H", opened.read(2))
            if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
                height, width = struct.unpack(">xHH", opened.read(5))
                return width, height
            opened.seek(length - 2, 1)
    return None


def _marker(opened: BinaryIO) -> int:
    """The next one; more bytes 0xFF may stand before it."""
    if opened.read(1) == b"\xff":
        for _fill in range(_MAX_FILL):
            read = opened.read(1)
            if read and read != b"\xff":
                return read[0]
    raise EOFError


_READERS: dict[bytes, Callable[[bytes, Path], tuple[int, int] | None]] = {
    b"\x89PNG\r\n\x1a\n": _png,
    b"GIF8": _gif,
    b"RIFF": _webp,
    b"\xff\xd8\xff": _jpeg,
}
