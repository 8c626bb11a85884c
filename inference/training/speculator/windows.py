"""What a speculator learns from: a state, the token drawn from it and the tokens that follow.

A window counts where its first target was the bot's own word; later heads count as long as all
targets before theirs do. Which windows a step sees follows from its number alone.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import torch

from inference.training.errors import CheckpointMismatch, DataMissing
from inference.training.layout import PAD_ID, Example
from inference.training.rows import Rows
from inference.training.speculator.base_model import BaseModel
from inference.training.trainer import batch_of

ORDER_SEED: Final = 17


@dataclass(frozen=True)
class Windows:
    """A batch of P windows for H heads."""

    states: torch.Tensor  # [P, W]
    token_ids: torch.Tensor  # [P, H + 1], the token drawn from the state, then the H targets
    is_target: torch.Tensor  # [P, H] bool

    def __len__(self) -> int:
        return int(self.states.shape[0])

    def at(self, place: int) -> "Windows":
        """One window alone."""
        only = slice(place, place + 1)
        return Windows(self.states[only], self.token_ids[only], self.is_target[only])


class WindowSource(Protocol):
    """Batches by step number."""

    def batch(self, step: int) -> Windows:
        """The windows of a step; the same number gives the same windows."""
        ...


def cut(
    states: torch.Tensor,  # [B, T, W]
    ids: torch.Tensor,  # [B, T]
    learned: torch.Tensor,  # [B, T] bool
    num_heads: int,
) -> Windows:
    """All windows of a batch of rows that teach at least the first head."""
    span = num_heads + 1
    ids = torch.nn.functional.pad(ids, (0, span), value=PAD_ID)
    learned = torch.nn.functional.pad(learned, (0, span), value=False)
    followed = ids[:, 1:].unfold(1, span, 1)  # [B, T, H + 1]
    known = learned[:, 1:].unfold(1, span, 1).long().cumprod(-1).bool()
    picked = known[..., 1]
    return Windows(states[picked], followed[picked], known[picked][:, 1:])


class LiveWindows:
    """Windows of packed rows, their states computed when a step needs them."""

    def __init__(self, base: BaseModel, rows: Rows, batch_rows: int, num_heads: int) -> None:
        self._base, self._rows = base, rows
        self._batch_rows, self._num_heads = batch_rows, num_heads

    def batch(self, step: int) -> Windows:
        picked = in_order(len(self._rows), step * self._batch_rows, self._batch_rows)
        ids, learned = batch_of(self._rows, picked, self._base.device)
        return cut(self._base.states(ids), ids, learned, self._num_heads)


@dataclass(frozen=True)
class Written:
    """A prompt, what the base made of it (its end marker included), and the states it drew from."""

    source: str
    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    states: torch.Tensor  # [answer, W]

    def windows(self, num_heads: int) -> Windows:
        """The last token has no window: nothing is drafted behind it."""
        ids = torch.tensor([[PAD_ID, *self.answer]])
        learned = torch.tensor([[False] + [True] * len(self.answer)])
        states = torch.nn.functional.pad(self.states, (0, 0, 0, 1))
        return cut(states[None], ids, learned, num_heads)


class TextStore:
    """Texts of the base and their windows on disk, states in float16.

    `NAME.jsonl` has the texts; `NAME.*.bin` the windows, one text behind the other; `NAME.json` how
    much of both is whole. It is written last, so what a cut-off run left behind it is dropped.
    """

    def __init__(self, stem: Path, width: int, num_heads: int) -> None:
        """Raises CheckpointMismatch when the store holds windows of another shape."""
        self._stem, self._num_heads = stem, num_heads
        self._about = {"width": width, "heads": num_heads, "windows": 0, "texts": 0, "bytes": 0}
        path = stem.with_suffix(".json")
        if path.exists():
            found = json.loads(path.read_text())
            if (found["width"], found["heads"]) != (width, num_heads):
                raise CheckpointMismatch(
                    f"{path} holds windows of {found['heads']} heads, {found['width']} wide, asked "
                    f"for {num_heads} heads, {width} wide; use another --run"
                )
            self._about = found

    @property
    def num_windows(self) -> int:
        return self._about["windows"]

    @property
    def num_texts(self) -> int:
        return self._about["texts"]

    def append(self, texts: Sequence[Written]) -> None:
        """Add texts, all of them or none."""
        windows = joined([one.windows(self._num_heads) for one in texts])
        records = [
            json.dumps({"source": one.source, "prompt": one.prompt, "answer": one.answer}) + "\n"
            for one in texts
        ]
        lines = "".join(records).encode()
        _append(self._stem.with_suffix(".jsonl"), self._about["bytes"], lines)
        for kind, values in (
            ("states", windows.states.half().numpy()),
            ("ids", windows.token_ids.int().numpy()),
            ("mask", windows.is_target.byte().numpy()),
        ):
            row_bytes = values.dtype.itemsize * int(values.shape[1])
            content = values.tobytes()
            _append(_file(self._stem, kind), self.num_windows * row_bytes, content)
        self._about["windows"] += len(windows)
        self._about["texts"] += len(texts)
        self._about["bytes"] += len(lines)
        unfinished = self._stem.with_suffix(".part")
        unfinished.write_text(json.dumps(self._about) + "\n")
        os.replace(unfinished, self._stem.with_suffix(".json"))

    def windows(self, batch_size: int, device: torch.device) -> "StoredWindows":
        """Raises DataMissing when nothing was stored yet."""
        if not self.num_windows:
            raise DataMissing(f"{self._stem}.json is not there or empty; the base must write first")
        count, span = self.num_windows, self._num_heads
        return StoredWindows(
            states=_open(self._stem, "states", np.float16, (count, self._about["width"])),
            token_ids=_open(self._stem, "ids", np.int32, (count, span + 1)),
            is_target=_open(self._stem, "mask", np.uint8, (count, span)),
            batch_size=batch_size,
            device=device,
        )

    def examples(self) -> Iterator[Example]:
        """The texts as rows are made of, the answers learned."""
        for record in self._records():
            prompt, answer = record["prompt"], record["answer"]
            learned = [False] * len(prompt) + [True] * len(answer)
            yield Example([*prompt, *answer], learned)

    def texts(self, device: torch.device) -> list[Windows]:
        """The windows text by text, those without any left out."""
        counts = [len(record["answer"]) - 1 for record in self._records()]
        bounds = np.cumsum([0, *(count for count in counts if count > 0)])
        if not self.num_windows:
            return []
        stored = self.windows(1, device)
        return [stored.pick(np.arange(start, end)) for start, end in pairwise(bounds)]

    def _records(self) -> Iterator[dict[str, list[int]]]:
        path = self._stem.with_suffix(".jsonl")
        whole = path.read_bytes()[: self._about["bytes"]] if self.num_texts else b""
        for line in whole.splitlines():
            yield json.loads(line)


@dataclass(frozen=True)
class StoredWindows:
    """Windows on disk, in the order they are shuffled to."""

    states: npt.NDArray[np.float16]  # [N, W]
    token_ids: npt.NDArray[np.int32]  # [N, H + 1]
    is_target: npt.NDArray[np.uint8]  # [N, H]
    batch_size: int
    device: torch.device

    def __len__(self) -> int:
        return len(self.token_ids)

    def batch(self, step: int) -> Windows:
        return self.pick(np.sort(in_order(len(self), step * self.batch_size, self.batch_size)))

    def pick(self, picked: npt.NDArray[np.int64]) -> Windows:
        return Windows(
            torch.from_numpy(self.states[picked]).to(self.device).float(),
            torch.from_numpy(self.token_ids[picked]).to(self.device).long(),
            torch.from_numpy(self.is_target[picked]).to(self.device).bool(),
        )


def joined(parts: Sequence[Windows]) -> Windows:
    return Windows(
        torch.cat([part.states for part in parts]),
        torch.cat([part.token_ids for part in parts]),
        torch.cat([part.is_target for part in parts]),
    )


def in_order(size: int, start: int, count: int) -> npt.NDArray[np.int64]:
    """Places start.. of an endless series of shuffles of `size` things."""
    places = np.arange(start, start + count)
    epochs, within = np.divmod(places, size)
    return np.concatenate(
        [_shuffle(size, int(epoch))[within[epochs == epoch]] for epoch in np.unique(epochs)]
    )


@lru_cache(maxsize=4)
def _shuffle(size: int, epoch: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng((ORDER_SEED, epoch)).permutation(size)


def _append(path: Path, start: int, content: bytes) -> None:
    """Write behind the first `start` bytes; whatever came after them was never finished."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(start)
        file.seek(start)
        file.write(content)


def _open(
    stem: Path, kind: str, dtype: npt.DTypeLike, shape: tuple[int, int]
) -> np.memmap[tuple[int, int], np.dtype[Any]]:
    return np.memmap(_file(stem, kind), dtype=dtype, mode="r", shape=shape)


def _file(stem: Path, kind: str) -> Path:
    return stem.with_suffix(f".{kind}.bin")
