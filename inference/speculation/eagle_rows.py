"""Rows of several requests as an EAGLE head's inputs."""

from collections.abc import Sequence

import torch

from inference.speculation.eagle_model import EagleRows
from kernels.paged_attention import AttentionPlan, plan_attention


class RowLayout:
    """Collects rows request by request."""

    def __init__(self, block_size: int) -> None:
        self._size = block_size
        self._token_ids: list[int] = []
        self._positions: list[int] = []
        self._slots: list[int] = []
        self._ancestors: list[int] = []
        self._starts, self._contexts = [0], list[int]()
        self._tables: list[Sequence[int]] = []

    def __len__(self) -> int:
        return len(self._token_ids)

    def add(
        self,
        block_ids: Sequence[int],
        base: int,
        first: int,
        token_ids: Sequence[int],
        positions: Sequence[int],
        ancestors: Sequence[int] = (),
    ) -> None:
        """Rows of one request, in the slots of the places from `first` on.

        They see what lies from place `base`, a block's start, up to `first`, and of each other what
        the bits of `ancestors` say, which nobody asks for where rows are only absorbed.
        """
        stop = first + len(token_ids)
        self._token_ids += token_ids
        self._positions += positions
        self._slots += [
            block_ids[place // self._size] * self._size + place % self._size
            for place in range(first, stop)
        ]
        self._ancestors += ancestors
        self._starts.append(len(self._token_ids))
        self._contexts.append(stop - base)
        self._tables.append(block_ids[base // self._size : -(-stop // self._size)])

    def rows(self, device: torch.device) -> EagleRows:
        """All of them, as the layer reads them."""
        return EagleRows(
            token_ids=torch.tensor(self._token_ids, device=device),
            positions=torch.tensor(self._positions, device=device),
            slot_mapping=torch.tensor(self._slots, device=device),
            longest=1 + max(self._positions),
        )

    def attention(self) -> AttentionPlan:
        """What each of them sees."""
        longest = max(map(len, self._tables))
        tables = [[*table, *[0] * (longest - len(table))] for table in self._tables]
        return plan_attention(
            torch.tensor(tables),
            torch.tensor(self._starts),
            torch.tensor(self._contexts),
            self._size,
            torch.tensor(self._ancestors),
        )
