"""Reading the training data: zstd-compressed JSON Lines of dialogues and articles."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zstandard

from inference.training.errors import DataMissing
from inference.training.layout import Conversation, Role, say

DIALOGUE_FILES: Final = "dialogues-*.jsonl.zst"
GROUNDED_FILES: Final = "grounded-*.jsonl.zst"
ARTICLE_FILES: Final = "articles-*.jsonl.zst"
INTENT_FILES: Final = "intents-*.jsonl.zst"

_INTENT: Final = re.compile(r"[A-Za-z]{2,}(?:_[A-Za-z]+)*\??")
_ROLES: Final = {"customer": Role.CUSTOMER, "agent": Role.ASSISTANT}


@dataclass(frozen=True)
class Line:
    """What one speaker said."""

    role: Role
    text: str


@dataclass(frozen=True)
class Dialogue:
    """A conversation of the data; `context` is what the agent had before them, if anything."""

    source: str
    id: str
    split: str
    context: str | None
    lines: tuple[Line, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Article:
    source: str
    id: str
    title: str
    text: str


@dataclass(frozen=True)
class Intent:
    """A customer's message and the label it deserves, in plain words: "card arrival"."""

    source: str
    split: str
    text: str
    label: str


def read_dialogues(folder: Path, pattern: str) -> Iterator[Dialogue]:
    """Raises DataMissing when no file of the folder matches the pattern."""
    for record in _records(folder, pattern):
        turns = record["turns"]
        assert isinstance(turns, list)
        context, tags = record.get("context"), record.get("tags", [])
        assert isinstance(tags, list)
        yield Dialogue(
            source=str(record["source"]),
            id=str(record["id"]),
            split=str(record["split"]),
            context=None if context is None else str(context),
            lines=tuple(Line(_ROLES[turn["role"]], turn["text"]) for turn in turns),
            tags=tuple(tags),
        )


def read_articles(folder: Path) -> Iterator[Article]:
    """Raises DataMissing when the folder holds no article file."""
    for record in _records(folder, ARTICLE_FILES):
        yield Article(
            str(record["source"]), str(record["id"]), str(record["title"]), str(record["text"])
        )


def read_intents(folder: Path) -> Iterator[Intent]:
    """Messages with one clear intent; tag lines that slipped in as intents are left out.

    Raises DataMissing when the folder holds no intent file.
    """
    for record in _records(folder, INTENT_FILES):
        intent = str(record["intent"])
        if _INTENT.fullmatch(intent):
            label = " ".join(intent.lower().split("_")).strip()
            yield Intent(str(record["source"]), str(record["split"]), str(record["text"]), label)


def plain_conversation(dialogue: Dialogue) -> Conversation:
    """The dialogue as ordinary service talk; records the agent looked up come first."""
    turns = [say(line.role, line.text) for line in dialogue.lines]
    if dialogue.context is not None:
        turns.insert(0, say(Role.PASSAGES, dialogue.context))
    return tuple(turns)


def article_conversation(article: Article) -> Conversation:
    """An article as the passages turn it would be in a prompt."""
    return (say(Role.PASSAGES, f"[1] {article.title}: {article.text}"),)


def _records(folder: Path, pattern: str) -> Iterator[dict[str, object]]:
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise DataMissing(f"no {pattern} in {folder}; point --data at the prepared training data")
    for path in paths:
        with path.open("rb") as raw:
            reader = zstandard.ZstdDecompressor().stream_reader(raw)
            for line in io.TextIOWrapper(reader, encoding="utf-8"):
                yield json.loads(line)
