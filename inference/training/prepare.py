"""From the data files to a tokenizer, to packed rows, and to what a stage reads step by step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from tokenizers import Tokenizer

from inference.training.copying import render_quotes
from inference.training.echoes import echo
from inference.training.errors import DataMissing
from inference.training.feed import MadeFeed, MixedFeed, Part, made
from inference.training.layout import render_answers
from inference.training.lookups import look_ups
from inference.training.makers import Makers
from inference.training.mixture import (
    BASE_PASSAGE_WORDS,
    CHAT_PASSAGE_WORDS,
    RENDERERS,
    SEED,
    Piece,
    base_held_out,
    base_texts,
    by_source,
    chat_pieces,
    chat_texts,
    rendered,
)
from inference.training.rows import Batch, Feed, open_rows_at, write_rows
from inference.training.small_talk import small_talk
from inference.training.tokenizer import train_tokenizer

TRAIN: Final = frozenset({"train"})
HELD_OUT: Final = frozenset({"dev", "test"})
HELD_OUT_TOKENS: Final = 20_000  # of each source: enough for two digits of loss
TOKENIZER_SHARE: Final = 0.5
PROBE_ROWS: Final = 8

Pieces = Callable[[Path, frozenset[str], Random], Iterator[Piece]]


@dataclass(frozen=True)
class StageData:
    """Where a stage's texts come from, how long its rows are, and of what 16 of them are made."""

    texts: Pieces
    held_out: Pieces
    row_len: int
    max_words: int
    """Of a passages turn, so that a prompt fits a row."""
    cycle: dict[str, int]


STAGE_DATA: Final = {
    "base": StageData(
        base_texts,
        base_held_out,
        row_len=512,
        max_words=BASE_PASSAGE_WORDS,
        cycle={
            "texts": 6,
            "echoes": 2,
            "look-ups": 2,
            "drills": 1,
            "grounded": 3,
            "shops": 1,
            "tasks": 1,
        },
    ),
    "chat": StageData(
        chat_texts,
        chat_pieces,
        row_len=1024,
        max_words=CHAT_PASSAGE_WORDS,
        cycle={
            "texts": 1,
            "look-ups": 2,
            "grounded": 5,
            "shops": 5,
            "tasks": 1,
            "small-talk": 2,
        },
    ),
}


def make_tokenizer(data: Path, out: Path) -> Tokenizer:
    """Train on half of the base stage's texts and prompts, and write OUT/tokenizer.json."""
    rng = Random(SEED)
    texts = (
        "".join(part if isinstance(part, str) else part.text for part in turn.parts)
        for pieces in (base_texts, chat_pieces)
        for piece in pieces(data, TRAIN, rng)
        if rng.random() < TOKENIZER_SHARE
        for turn in piece.conversation
    )
    tokenizer = train_tokenizer(texts)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(tokenizer_path(out)))
    return tokenizer


def open_tokenizer(out: Path) -> Tokenizer:
    """Raises DataMissing when the tokenizer stage has not run."""
    if not tokenizer_path(out).exists():
        raise DataMissing(f"{tokenizer_path(out)} is not there; run the tokenizer stage first")
    return Tokenizer.from_file(str(tokenizer_path(out)))


def prepare_stage(stage: str, data: Path, out: Path) -> None:
    """Write the stage's texts as rows, shuffled, and its held-out rows, source by source."""
    about, tokenizer, render = STAGE_DATA[stage], open_tokenizer(out), RENDERERS[stage]
    rng = Random(f"{SEED}-{stage}")
    examples = list(rendered(about.texts(data, TRAIN, rng), tokenizer, render))
    rng.shuffle(examples)
    write_rows(out / f"{stage}-train", [("all", examples)], about.row_len)
    groups = by_source(about.held_out(data, HELD_OUT, rng), tokenizer, render, HELD_OUT_TOKENS)
    write_rows(out / f"{stage}-held-out", groups.items(), about.row_len)


def stage_feed(stage: str, data: Path, out: Path) -> MixedFeed:
    """What the stage learns from: its texts' rows and the generators', in the stage's cycle.

    Of what generators make only answers are learned: their questions and passages are noise.
    """
    about, tokenizer = STAGE_DATA[stage], open_tokenizer(out)
    makers = Makers.read(data, TRAIN, about.max_words)
    vocab_size = tokenizer.get_vocab_size()
    feeds: dict[str, Feed] = {
        "texts": open_rows_at(out / f"{stage}-train"),
        "echoes": MadeFeed("echoes", lambda rng: echo(vocab_size, rng), about.row_len),
    }
    for name, make in (
        ("look-ups", look_ups),
        ("drills", makers.drilled),
        ("grounded", makers.grounded),
        ("shops", makers.shop),
        ("tasks", makers.task),
        ("small-talk", small_talk),
    ):
        feeds[name] = made(f"{stage}-{name}", make, render_answers, tokenizer, about.row_len)
    return MixedFeed([Part(feeds[name], number) for name, number in about.cycle.items()])


def copy_probes(stage: str, data: Path, out: Path) -> dict[str, Batch]:
    """Quotes that training never sees, by kind, for the copying curve."""
    about, tokenizer = STAGE_DATA[stage], open_tokenizer(out)
    makers = Makers.read(data, HELD_OUT, about.max_words)
    kinds = (
        ("look-ups", look_ups),
        ("drills", makers.drilled),
        ("grounded", makers.grounded),
        ("shops", makers.shop),
    )
    return {
        name: made(f"probe-{name}", make, render_quotes, tokenizer, about.row_len).take(
            0, PROBE_ROWS
        )
        for name, make in kinds
    }


def tokenizer_path(out: Path) -> Path:
    return out / "tokenizer.json"
