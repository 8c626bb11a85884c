"""A few tokens of every sequence in one call of the decoder (decoder.cpp), as it is asked for."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

import torch

from kernels.native.sample import WHY, DrawRow, row_data

_pointer, _integer = ctypes.c_void_p, ctypes.c_int64
_NS = 1e9


@dataclass(frozen=True)
class Rounds:
    """How a few tokens of every sequence are decoded, each behind the one before."""

    draws: Sequence[DrawRow]  # B, of the first tokens
    stop_ids: Sequence[frozenset[int]]  # B; a sequence that draws one of its own ends the rounds
    masks: Sequence[Sequence[torch.Tensor]]  # B, each of every round's [V] bool, or empty for all
    most: int
    most_s: float
    """A round that would end behind this time is not begun, but for the first."""


@dataclass(frozen=True)
class Decoded:
    """What rounds gave; sequences lie side by side."""

    token_ids: list[list[int]]  # [rounds][B]
    hidden: torch.Tensor  # [B * rounds, W], a sequence's rows behind each other
    aux: torch.Tensor | None  # [B * rounds, k * W]


class _RoundsData(ctypes.Structure):
    _fields_ = (
        *((name, _pointer) for name in ("draws", "stop_ids", "stop_starts", "masks")),
        *((name, _integer) for name in ("most_rounds", "most_ns")),
        ("tokens", _pointer),
    )


class Asked:
    """`Rounds` as the library reads them, with room for its tokens."""

    def __init__(self, rounds: Rounds, count: int) -> None:
        self._count = count
        self._draws = row_data(rounds.draws)
        stops = [sorted(own) for own in rounds.stop_ids]
        starts = [0, *accumulate(map(len, stops))]
        self._stop_ids = (_integer * starts[-1])(*chain.from_iterable(stops))
        self._stop_starts = (_integer * len(starts))(*starts)
        self._kept = rounds.masks  # the library reads what it holds
        self._masks = (_pointer * (rounds.most * count))()
        for at, own in enumerate(rounds.masks):
            for number, mask in enumerate(own[: rounds.most]):
                self._masks[number * count + at] = mask.data_ptr()
        self._tokens = (_integer * (rounds.most * count))()
        self.data = _RoundsData(
            ctypes.addressof(self._draws),
            ctypes.addressof(self._stop_ids),
            ctypes.addressof(self._stop_starts),
            ctypes.addressof(self._masks),
            rounds.most,
            int(rounds.most_s * _NS),
            ctypes.addressof(self._tokens),
        )

    def tokens_of(self, done: int) -> list[list[int]]:
        """The tokens of so many rounds, [rounds][B].

        Raises:
            ValueError: none was done, for this negative status says why.
        """
        if done < 0:
            raise ValueError(WHY[-done])
        ids = list(self._tokens)
        return [ids[at * self._count : (at + 1) * self._count] for at in range(done)]
