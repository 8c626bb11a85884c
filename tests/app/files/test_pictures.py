"""How large a picture unfolds, read from its head."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.files.kinds import HEAD_BYTES, check
from app.files.pictures import MAX_POINTS, size_of

SIDES = st.integers(1, 16_383)


def png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header))


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0"


def jpeg(width: int, height: int) -> bytes:
    exif = b"\xff\xe1" + struct.pack(">H", 502) + b"x" * 500
    frame = b"\xff\xc2" + struct.pack(">HBHH", 17, 8, height, width)
    return b"\xff\xd8" + exif + b"\xff\xff\xff" + frame[1:] + b"\0" * 10


def webp(kind: bytes, rest: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + rest


def webp_extended(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", b"\0" * 4 + sides)


def webp_lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14))


def webp_lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height))


Maker = Callable[[int, int], bytes]
MAKERS: tuple[Maker, ...] = (png, gif, jpeg, webp_extended, webp_lossless, webp_lossy)


@pytest.mark.parametrize("make", MAKERS)
def test_the_sides_are_read_from_the_head(
    tmp_path_factory: pytest.TempPathFactory, make: Maker
) -> None:
    file = tmp_path_factory.mktemp("pictures") / "one"

    @given(SIDES, SIDES)
    def reads(width: int, height: int) -> None:
        content = make(width, height)
        file.write_bytes(content)
        assert size_of(content[:HEAD_BYTES], file) == (width, height)

    reads()


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_cut_off_has_no_size_and_no_error(tmp_path: Path, make: Maker) -> None:
    whole, file = make(3, 4), tmp_path / "cut"
    for end in range(len(whole) - 1):
        file.write_bytes(whole[:end])
        assert size_of(whole[:end][:HEAD_BYTES], file) in (None, (3, 4)), end


def test_a_small_file_that_unfolds_too_far_is_refused_with_the_numbers(tmp_path: Path) -> None:
    file = tmp_path / "bomb.png"
    side = int(MAX_POINTS**0.5)
    for width, is_taken in ((side, True), (side + 1, False)):
        file.write_bytes(png(width, side))
        if is_taken:
            assert check("bomb.png", "", png(width, side), file).media_type == "image/png"
        else:
            with pytest.raises(Invalid, match="10,001 x 10,000 points; at most 100,000,000"):
                check("bomb.png", "", png(width, side), file)


def test_a_picture_of_nothing_but_segments_is_given_up(tmp_path: Path) -> None:
    file = tmp_path / "long.jpg"
    file.write_bytes(b"\xff\xd8" + b"\xff\xe0\0\x02" * 10_000 + jpeg(3, 4)[2:])

    assert size_of(b"\xff\xd8\xff", file) is None
