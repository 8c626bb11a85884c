"""Where an EAGLE head's keys and values lie, and which blocks are whole.

They lie in blocks numbered as the target's, so a shared prefix brings them along. The entry of
position i depends on the token of position i + 1, so that of a block's last position is missing
where a prompt ends with the block; its state waits here for the token that follows.
"""

from collections.abc import Sequence

import torch


class EagleBlocks:
    """Counts the leading entries of each block that were written since it was last begun."""

    def __init__(self, num_blocks: int, block_size: int) -> None:
        self.block_size = block_size
        self._num_filled = [0] * num_blocks
        self._waiting: dict[int, torch.Tensor] = {}

    def first_whole(self, block_ids: Sequence[int], position: int) -> int:
        """The start of the first of the whole blocks that lead to the block of a position."""
        index = position // self.block_size
        while index and self._num_filled[block_ids[index - 1]] == self.block_size:
            index -= 1
        return index * self.block_size

    def record(self, block_ids: Sequence[int], start: int, stop: int) -> None:
        """The entries of positions `start` to `stop` are written; what lay behind them is stale."""
        size = self.block_size
        for index in range(start // size, -(-stop // size)):
            block_id, first = block_ids[index], max(0, start - index * size)
            is_joined = first <= self._num_filled[block_id]
            self._num_filled[block_id] = min(size, stop - index * size) if is_joined else 0
            self._waiting.pop(block_id, None)

    def wait(self, block_ids: Sequence[int], position: int, state: torch.Tensor) -> None:
        """Keep the target's state of a block's last position until the next token is known."""
        if position % self.block_size == self.block_size - 1:
            self._waiting[block_ids[position // self.block_size]] = state.clone()

    def take_waiting(self, block_ids: Sequence[int], position: int) -> torch.Tensor | None:
        """The state that waits at the end of the block before a position, if one does."""
        if position == 0 or position % self.block_size:
            return None
        return self._waiting.pop(block_ids[position // self.block_size - 1], None)
