"""What may be sent: only what is in the list, only as what it is."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.files.kinds import HEAD_BYTES, MAX_NAME_CHARS, check, clean_name

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
HTML = b"<html><script>alert(1)</script></html>"


def office(*parts: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for part in parts:
            archive.writestr(part, "x")
    return packed.getvalue()


GOOD = {
    "a.png": PNG,
    "a.JPG": b"\xff\xd8\xff\xe0" + b"\0" * 20,
    "a.gif": b"GIF89a" + b"\0" * 20,
    "a.webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "a.heic": b"\0\0\0\x18ftypheic\0\0\0\0",
    "a.pdf": b"%PDF-1.7\n\x80",
    "a.txt": "Grüße\r\n\t1".encode(),
    "latin.csv": "Größe;1\r\n".encode("cp1252"),
    "a.docx": office("[Content_Types].xml", "word/document.xml"),
    "a.xlsx": office("[Content_Types].xml", "xl/workbook.xml"),
}
BAD = {
    "html.png": HTML,
    "png.txt": PNG,
    "exe.pdf": b"MZ\x90\0" + b"\0" * 20,
    "pdf-later.pdf": b"GIF89a%PDF-1.7",
    "a.html": HTML,
    "a.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "a.exe": b"MZ",
    "a.docm": office("word/document.xml"),
    "macros.docx": office("word/document.xml", "word/vbaProject.bin"),
    "zip.docx": office("readme.txt"),
    "broken.xlsx": b"PK\x03\x04 and nothing more",
    "png": PNG,
}


def verdict(tmp_path: Path, name: str, content: bytes, declared: str = "") -> str:
    file = tmp_path / "arrived"
    file.write_bytes(content)
    return check(name, declared, content[:HEAD_BYTES], file).media_type


@pytest.mark.parametrize("name", GOOD)
def test_what_is_in_the_list_and_what_it_says_is_taken(tmp_path: Path, name: str) -> None:
    media_type = verdict(tmp_path, name, GOOD[name])

    assert verdict(tmp_path, name, GOOD[name], f"{media_type}; charset=x") == media_type


@pytest.mark.parametrize("name", BAD)
def test_what_lies_about_its_kind_or_has_none_of_ours_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid):
        verdict(tmp_path, name, BAD[name])


def test_a_content_type_that_contradicts_the_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="text/html"):
        verdict(tmp_path, "a.png", PNG, "text/html")


@pytest.mark.parametrize(
    ("given_name", "cleaned"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\me\\photo.png", "photo.png"),
        ("photo\u202egnp.txt", "photognp.txt"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("..bashrc.txt", "bashrc.txt"),
        ("a\r\nSet-Cookie: b.txt", "aSet-Cookie: b.txt"),
        ("x" * 500 + ".png", "x" * (MAX_NAME_CHARS - 4) + ".png"),
    ],
)
def test_names_lose_paths_and_what_nobody_sees(given_name: str, cleaned: str) -> None:
    assert clean_name(given_name) == cleaned


@given(st.text())
def test_a_name_is_short_and_of_one_line_or_refused(given_name: str) -> None:
    try:
        name = clean_name(given_name)
    except Invalid:
        return
    assert len(name) <= MAX_NAME_CHARS and name.splitlines() == [name]
    assert "/" not in name and "\\" not in name and not name.startswith(".")
