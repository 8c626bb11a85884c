"""Which files may be sent, and whether one is what it says; pure.

The ending of the name says what a file claims to be; the sender's Content-Type must not contradict
it, and the bytes must be of that kind. Whatever a browser could run (HTML, SVG, scripts) is not in
the list, and nothing is ever served to be shown in place.
"""

import re
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.errors import Invalid
from app.files.pictures import MAX_POINTS, size_of

HEAD_BYTES = 4_096
MAX_NAME_CHARS = 120
_MAX_ENDING_CHARS = 10
_UNSURE = ("", "application/octet-stream")
_TEXT_CONTROLS = frozenset(range(32)) - {9, 10, 12, 13}
# Characters that turn the reading direction round: "photo\u202egnp.exe" reads as a picture.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    media_type: str
    endings: tuple[str, ...]
    is_one: Callable[[bytes, Path], bool]
    """Of the first `HEAD_BYTES` and the whole file."""
    also_called: tuple[str, ...] = ()


def check(name: str, declared: str, head: bytes, file: Path) -> Kind:
    """What the file is.

    Raises:
        Invalid: its kind may not be sent, or it is not what it says it is.
    """
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    kind = _BY_ENDING.get(ending)
    if kind is None:
        raise Invalid(f"Files of this kind cannot be sent. Possible are {', '.join(ENDINGS)}.")
    said = declared.partition(";")[0].strip().lower()
    if said not in (*_UNSURE, kind.media_type, *kind.also_called):
        raise Invalid(f"This file is called .{ending} but was sent as {said}.")
    if not kind.is_one(head, file):
        raise Invalid(f"This file is called .{ending}, but that is not what is in it.")
    _check_points(head, file)
    return kind


def _check_points(head: bytes, file: Path) -> None:
    size = size_of(head, file)
    if size is not None and size[0] * size[1] > MAX_POINTS:
        told = f"{size[0]:,} x {size[1]:,} points; at most {MAX_POINTS:,} can be sent."
        raise Invalid(f"This picture has {told}")


def clean_name(given: str) -> str:
    """A name to show: no path, nothing unseen, at most `MAX_NAME_CHARS` characters.

    Raises:
        Invalid: nothing is left of it.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    name = " ".join(_UNSEEN.sub("", last).split()).lstrip(".")
    stem, dot, ending = name.rpartition(".")
    if not stem or not dot or len(ending) > _MAX_ENDING_CHARS:
        raise Invalid("A file needs a name with an ending, such as photo.png.")
    return f"{stem[: MAX_NAME_CHARS - len(ending) - 1]}.{ending}"


def _begins(*marks: bytes) -> Callable[[bytes, Path], bool]:
    return lambda head, _: head.startswith(marks)


def _is_webp(head: bytes, _: Path) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_heic(head: bytes, _: Path) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"msf1")


def _is_text(_: bytes, file: Path) -> bool:
    """No control characters, in whichever encoding; so no archive, picture or program either."""
    with file.open("rb") as opened:
        while piece := opened.read(64 * 1_024):
            if not _TEXT_CONTROLS.isdisjoint(piece):
                return False
    return True


def _holds(part: str) -> Callable[[bytes, Path], bool]:
    """An Office document with this part in it, and without macros."""

    def is_one(head: bytes, file: Path) -> bool:
        if not head.startswith(b"PK\x03\x04"):
            return False
        try:
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, ValueError, OSError):
            return False
        return part in names and not any(name.endswith("vbaProject.bin") for name in names)

    return is_one


_OFFICE = "application/vnd.openxmlformats-officedocument"
KINDS = (
    Kind("image/png", ("png",), _begins(b"\x89PNG\r\n\x1a\n")),
    Kind("image/jpeg", ("jpg", "jpeg"), _begins(b"\xff\xd8\xff"), ("image/jpg",)),
    Kind("image/gif", ("gif",), _begins(b"GIF87a", b"GIF89a")),
    Kind("image/webp", ("webp",), _is_webp),
    Kind("image/heic", ("heic",), _is_heic, ("image/heif",)),
    Kind("application/pdf", ("pdf",), _begins(b"%PDF-")),
    Kind("text/plain", ("txt", "log"), _is_text),
    # Windows with Excel calls a CSV file a spreadsheet.
    Kind("text/csv", ("csv",), _is_text, ("text/plain", "application/vnd.ms-excel")),
    Kind(f"{_OFFICE}.wordprocessingml.document", ("docx",), _holds("word/document.xml")),
    Kind(f"{_OFFICE}.spreadsheetml.sheet", ("xlsx",), _holds("xl/workbook.xml")),
)
ENDINGS = tuple(ending for kind in KINDS for ending in kind.endings)
_BY_ENDING = {ending: kind for kind in KINDS for ending in kind.endings}
