"""From the data files to a tokenizer and to packed rows: everything a stage reads is on disk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from tokenizers import Tokenizer

from inference.training.echoes import echoes
from inference.training.errors import DataMissing
from inference.training.mixture import (
    NUM_BASE_ECHOES,
    RENDERERS,
    SEED,
    Piece,
    base_pieces,
    by_source,
    chat_pieces,
    rendered,
)
from inference.training.rows import write_rows
from inference.training.tokenizer import train_tokenizer

TRAIN: Final = frozenset({"train"})
HELD_OUT: Final = frozenset({"dev", "test"})
HELD_OUT_TOKENS: Final = 20_000  # of each source: enough for two digits of loss
TOKENIZER_SHARE: Final = 0.5

Pieces = Callable[[Path, frozenset[str], Random], Iterator[Piece]]


@dataclass(frozen=True)
class StageData:
    """Where a stage's conversations come from, what is mixed in, and how long its rows are."""

    pieces: Pieces
    row_len: int
    num_echoes: int


STAGE_DATA: Final = {
    "base": StageData(base_pieces, row_len=512, num_echoes=NUM_BASE_ECHOES),
    "chat": StageData(chat_pieces, row_len=1024, num_echoes=0),
}


def make_tokenizer(data: Path, out: Path) -> Tokenizer:
    """Train on half of the base mixture and write OUT/tokenizer.json."""
    rng = Random(SEED)
    texts = (
        "".join(part if isinstance(part, str) else part.text for part in turn.parts)
        for piece in base_pieces(data, TRAIN, rng)
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
    """Write the stage's training rows, shuffled, and its held-out rows, source by source."""
    about, tokenizer, render = STAGE_DATA[stage], open_tokenizer(out), RENDERERS[stage]
    rng = Random(f"{SEED}-{stage}")
    examples = list(rendered(about.pieces(data, TRAIN, rng), tokenizer, render))
    examples += list(echoes(about.num_echoes, examples, rng))
    rng.shuffle(examples)
    write_rows(out / f"{stage}-train", [("all", examples)], about.row_len)
    groups = by_source(about.pieces(data, HELD_OUT, rng), tokenizer, render, HELD_OUT_TOKENS)
    write_rows(out / f"{stage}-held-out", groups.items(), about.row_len)


def tokenizer_path(out: Path) -> Path:
    return out / "tokenizer.json"
