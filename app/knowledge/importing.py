"""Reading files that become articles: Markdown, HTML, and zips of both; pure.

Nothing is trusted: names may climb out of a folder, a small zip may be a large one, a file may lie
about its type. Everything that is wrong is collected, so that one try tells all of it.
"""

import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.knowledge.editing import (
    MAX_BODY_CHARS,
    MAX_COLLECTION_CHARS,
    MAX_TITLE_CHARS,
    Edit,
)
from app.knowledge.html_text import html_to_markdown
from app.knowledge.paragraphs import read_blocks
from app.vocabulary import Visibility

MAX_FILES = 500
MAX_FILE_BYTES = 1_000_000
MAX_TOTAL_BYTES = 20_000_000
_MARKDOWN = {".md", ".markdown", ".txt"}
_HTML = {".html", ".htm"}
_FRONT_MATTER = re.compile(r"\A---\n(?P<head>(?:[^\n]*\n)*?)---\n", re.MULTILINE)
_HEADING = re.compile(r"\A\s*#\s+(?P<title>[^\n]+)\n*")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class Incoming:
    """An article that came in; a `slug` of one that is here already means that one."""

    name: str
    edit: Edit
    slug: str | None = None
    source_url: str | None = None


@dataclass(frozen=True)
class Failure:
    """A file that cannot become an article, and why."""

    name: str
    reason: str


Read = tuple[list[Incoming], list[Failure]]


def read_files(files: Iterable[tuple[str, bytes]]) -> Read:
    """What stands in uploaded files; zips are opened, one level deep."""
    incoming: list[Incoming] = []
    failures: list[Failure] = []
    for name, data in files:
        inner, broken = (
            _unpack(name, data) if name.lower().endswith(".zip") else ([(name, data)], [])
        )
        failures += broken
        for path, content in inner:
            one = _read_file(path, content)
            (failures if isinstance(one, Failure) else incoming).append(one)  # type: ignore[arg-type]  # each list its own
    failures += _repeated(incoming)
    if not incoming and not failures:
        failures.append(Failure("(nothing)", "There is no Markdown or HTML file in it."))
    return incoming, failures


def read_page(url: str, html: str) -> Incoming | Failure:
    """A fetched page."""
    title, body = html_to_markdown(html)
    return _made(url, title or url, body, source_url=url)


def read_markdown(name: str, text: str, *, source_url: str | None = None) -> Incoming | Failure:
    """A Markdown file, with `key: value` lines between `---` in front if it has them."""
    text = text.replace("\r\n", "\n")
    fields: dict[str, str] = {}
    if head := _FRONT_MATTER.match(text):
        pairs = (line.partition(":") for line in head["head"].splitlines() if ":" in line)
        fields = {key.strip().lower(): value.strip().strip("\"'") for key, _, value in pairs}
        text = text[head.end() :]
    title = fields.get("title", "")
    if heading := _HEADING.match(text):
        if not title:
            title = heading["title"].strip().strip("#").strip()
        if title == heading["title"].strip():
            text = text[heading.end() :]
    title = title or PurePosixPath(name).stem.replace("-", " ").replace("_", " ").capitalize()
    return _made(
        name,
        title,
        text.strip() + "\n",
        collection=fields.get("topic", fields.get("collection", "")),
        is_internal=fields.get("visibility") == Visibility.INTERNAL,
        slug=fields.get("slug") or None,
        source_url=source_url,
    )


def _unpack(name: str, data: bytes) -> tuple[list[tuple[str, bytes]], list[Failure]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _entries(name, archive)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError):
        return [], [Failure(name, "This is not a zip file that can be read.")]


def _entries(name: str, archive: zipfile.ZipFile) -> tuple[list[tuple[str, bytes]], list[Failure]]:
    wanted = [
        one for one in archive.infolist() if not one.is_dir() and not _is_hidden(one.filename)
    ]
    if len(wanted) > MAX_FILES:
        return [], [Failure(name, f"It holds {len(wanted):,} files; {MAX_FILES} at most.")]
    read: list[tuple[str, bytes]] = []
    failures: list[Failure] = []
    num_left = MAX_TOTAL_BYTES
    for entry in wanted:
        path = f"{name}/{entry.filename}"
        reason = _refusal(entry)
        if reason is not None:
            failures.append(Failure(path, reason))
            continue
        with archive.open(entry) as file:  # the size in the directory may be a lie
            content = file.read(MAX_FILE_BYTES + 1)
        num_left -= len(content)
        if num_left < 0:
            return [], [Failure(name, f"It unpacks to more than {MAX_TOTAL_BYTES / 1e6:g} MB.")]
        read.append((path, content))
    return read, failures


def _refusal(entry: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in entry.filename or "\x00" in str(path):
        return "Its name leads out of the folder."
    if entry.flag_bits & 0x1:
        return "It is encrypted."
    if (entry.external_attr >> 16) & 0o170000 == 0o120000:
        return "It is a link."
    if path.suffix.lower() not in _MARKDOWN | _HTML:
        return f"Only {', '.join(sorted(_MARKDOWN | _HTML))} can be imported."
    return None


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) and part != ".." for part in name.split("/"))


def _read_file(name: str, data: bytes) -> Incoming | Failure:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in _MARKDOWN | _HTML:
        return Failure(name, "Only Markdown, HTML, and zips of them can be imported.")
    if len(data) > MAX_FILE_BYTES:
        return Failure(name, f"It is larger than {MAX_FILE_BYTES / 1e6:g} MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Failure(name, f"It is not UTF-8 text (byte {error.start:,}).")
    if _BINARY.search(text):
        return Failure(name, "It is not a text file, whatever its name says.")
    if suffix in _HTML:
        title, body = html_to_markdown(text)
        return _made(name, title or PurePosixPath(name).stem, body)
    return read_markdown(name, text)


def _made(
    name: str,
    title: str,
    body: str,
    *,
    collection: str = "",
    is_internal: bool = False,
    slug: str | None = None,
    source_url: str | None = None,
) -> Incoming | Failure:
    if not any(block.ordinal for block in read_blocks(body)):
        return Failure(name, "There is no paragraph in it.")
    if len(body) > MAX_BODY_CHARS:
        return Failure(name, f"It has {len(body):,} characters; {MAX_BODY_CHARS:,} at most.")
    if len(title) > MAX_TITLE_CHARS:
        return Failure(name, f"Its title has {len(title)} characters; {MAX_TITLE_CHARS} at most.")
    if len(collection) > MAX_COLLECTION_CHARS:
        return Failure(name, f"Its topic is longer than {MAX_COLLECTION_CHARS} characters.")
    if slug is not None and not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", slug):
        return Failure(name, "Its slug may only have a-z, 0-9 and single dashes.")
    visibility = Visibility.INTERNAL if is_internal else Visibility.PUBLIC
    return Incoming(name, Edit(title, body, collection, visibility), slug, source_url)


def _repeated(incoming: Iterable[Incoming]) -> list[Failure]:
    first: dict[str, str] = {}
    failures: list[Failure] = []
    for one in incoming:
        if one.slug is not None and first.setdefault(one.slug, one.name) != one.name:
            reason = f"It has the same slug as {first[one.slug]}."
            failures.append(Failure(one.name, reason))
    return failures
