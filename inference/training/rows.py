"""Examples packed into rows of one length and kept in memory-mapped files.

Best fit: an example goes into the fullest open row that still takes it, so examples stay whole;
only one longer than a row is cut, and its pieces stay in order. Nothing is dropped.
"""

import json
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from inference.training.errors import DataMissing
from inference.training.layout import PAD_ID, Example

MAX_OPEN_ROWS: Final = 256
ORDER_SEED: Final = 11


@dataclass(frozen=True)
class Batch:
    """Rows of a step in memory."""

    ids: npt.NDArray[np.int64]  # [B, T]
    learned: npt.NDArray[np.bool_]  # [B, T]


class Feed(Protocol):
    """An endless series of rows in which each position always holds the same row."""

    @property
    def row_len(self) -> int:
        """T of all rows."""
        ...

    def take(self, start: int, count: int) -> Batch:
        """The rows at these positions."""
        ...


@dataclass(frozen=True)
class Rows:
    """A packed data set; `sources` gives each source's range of rows where they are kept apart."""

    ids: npt.NDArray[np.uint16] | npt.NDArray[np.uint32]  # [R, T]
    learned: npt.NDArray[np.uint8]  # [R, T], 1 where the token is to be predicted
    sources: dict[str, tuple[int, int]]

    @property
    def row_len(self) -> int:
        return int(self.ids.shape[1])

    def __len__(self) -> int:
        return int(self.ids.shape[0])

    def take(self, start: int, count: int) -> Batch:
        """Rows at positions start.. of an endless series of shuffled epochs."""
        positions = range(start, start + count)
        shuffles = {
            epoch: np.random.default_rng((ORDER_SEED, epoch)).permutation(len(self))
            for epoch in {position // len(self) for position in positions}
        }
        return self.at([int(shuffles[at // len(self)][at % len(self)]) for at in positions])

    def at(self, picked: Sequence[int]) -> Batch:
        """These rows; they may repeat."""
        index = np.asarray(picked, dtype=np.int64)
        return Batch(self.ids[index].astype(np.int64), self.learned[index].astype(np.bool_))


def pack(examples: Iterable[Example], row_len: int) -> Iterator[Example]:
    """Rows of exactly `row_len` tokens, filled up with padding that is never learned."""
    open_rows: list[tuple[int, int]] = []  # (room left, key into contents), sorted
    contents: dict[int, Example] = {}
    next_key = 0
    for example in examples:
        for piece in _pieces(example, row_len):
            position = bisect_left(open_rows, (len(piece.ids), -1))
            if position < len(open_rows):
                room, key = open_rows.pop(position)
                row = contents[key]
                row.ids.extend(piece.ids)
                row.learned.extend(piece.learned)
            else:
                room, key = row_len, next_key
                next_key += 1
                contents[key] = piece
            if room == len(piece.ids):
                yield contents.pop(key)
            else:
                insort(open_rows, (room - len(piece.ids), key))
            if len(open_rows) > MAX_OPEN_ROWS:
                _, key = open_rows.pop(0)
                yield padded(contents.pop(key), row_len)
    for _, key in open_rows:
        yield padded(contents.pop(key), row_len)


def write_rows(
    stem: Path,
    groups: Iterable[tuple[str, Iterable[Example]]],
    row_len: int,
    vocab_size: int = 1 << 16,
) -> None:
    """Pack each group on its own and write STEM.ids.bin, STEM.mask.bin and STEM.json."""
    width = np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.uint32)
    sources: dict[str, tuple[int, int]] = {}
    num_rows = num_learned = 0
    with _file(stem, "ids").open("wb") as ids, _file(stem, "mask").open("wb") as mask:
        for source, examples in groups:
            first = num_rows
            for row in pack(examples, row_len):
                ids.write(np.asarray(row.ids, dtype=width).tobytes())
                mask.write(np.asarray(row.learned, dtype=np.uint8).tobytes())
                num_rows += 1
                num_learned += sum(row.learned)
            sources[source] = (first, num_rows)
    about = {
        "row_len": row_len,
        "rows": num_rows,
        "learned": num_learned,
        "ids": width.name,
        "sources": sources,
    }
    stem.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n")


def open_rows_at(stem: Path) -> Rows:
    """Raises DataMissing when `prepare` has not written them, or had nothing to write."""
    about_path = stem.with_suffix(".json")
    if not about_path.exists():
        raise DataMissing(f"{about_path} is not there; run the prepare stage first")
    about = json.loads(about_path.read_text())
    if not about["rows"]:
        raise DataMissing(f"{about_path} tells of 0 rows; the data has none for this stage")
    shape = (about["rows"], about["row_len"])
    return Rows(
        ids=np.memmap(_file(stem, "ids"), dtype=about.get("ids", "uint16"), mode="r", shape=shape),
        learned=np.memmap(_file(stem, "mask"), dtype=np.uint8, mode="r", shape=shape),
        sources={name: (first, last) for name, (first, last) in about["sources"].items()},
    )


def _pieces(example: Example, row_len: int) -> Iterator[Example]:
    for start in range(0, len(example.ids), row_len):
        end = start + row_len
        yield Example(example.ids[start:end], example.learned[start:end])


def padded(row: Example, row_len: int) -> Example:
    missing = row_len - len(row.ids)
    return Example(row.ids + [PAD_ID] * missing, row.learned + [False] * missing)


def _file(stem: Path, kind: str) -> Path:
    return stem.with_suffix(f".{kind}.bin")
