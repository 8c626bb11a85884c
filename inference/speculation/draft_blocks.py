"""What a draft model's own cache holds, block by block.

Its blocks are those of the target, one to one, but nobody tells when one is filled anew, shared or
exchanged. So each block remembers which tokens were computed in it and what stood before them, and
only what a request really has there is believed. What stands before is a chain of keys that the
workspace's salt enters where the target's does, so that what one workspace left in a block is never
another's gain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from inference.cache.keys import Key, chain_key, root_key, salted_key

_ROOT = root_key("")  # blocks hold one model's numbers only


@dataclass
class _Content:
    parent: Key | None = None
    """What stands before the block."""
    token_ids: list[int] = field(default_factory=list)
    serial: int = 0
    """Changes when anything is overwritten, not when it grows."""


class Ledger:
    """The contents of all blocks."""

    def __init__(self, num_blocks: int, block_size: int) -> None:
        self.block_size = block_size
        self._contents = [_Content() for _ in range(num_blocks)]

    def serial(self, block_id: int) -> int:
        """The number of what the block holds; another after each overwriting."""
        return self._contents[block_id].serial

    def num_held(self, block_id: int, parent: Key, token_ids: Sequence[int]) -> int:
        """How many of the tokens, from the first on, the block holds behind this parent."""
        content = self._contents[block_id]
        if content.parent != parent:
            return 0
        held = content.token_ids
        if held == token_ids:
            return len(held)
        pairs = enumerate(zip(held, token_ids, strict=False))
        most = min(len(held), len(token_ids))
        return next((at for at, (own, other) in pairs if own != other), most)

    def write(self, block_id: int, parent: Key, offset: int, token_ids: Sequence[int]) -> None:
        """The block now holds these tokens from `offset` on, and nothing behind them."""
        content = self._contents[block_id]
        if content.parent != parent:
            assert offset == 0, f"block {block_id} is written from {offset} on behind nothing"
            content.parent = parent
        if len(content.token_ids) > offset:
            content.serial += 1
            del content.token_ids[offset:]
        assert len(content.token_ids) == offset, f"block {block_id} has a gap before {offset}"
        content.token_ids += token_ids

    def clear(self, block_ids: Sequence[int]) -> None:
        """These blocks hold nothing."""
        for block_id in block_ids:
            content = self._contents[block_id]
            content.parent, content.serial = None, content.serial + 1
            content.token_ids.clear()


class Track:
    """One request's blocks as they were last found whole; each is looked at again only if it may
    have changed.
    """

    def __init__(self, ledger: Ledger, salt: bytes, num_public_blocks: int) -> None:
        self._ledger = ledger
        self._salt = salt
        self._num_public = num_public_blocks
        self._parents = [self._salted(_ROOT, 0)]
        self._num_known = 0
        self._whole: list[tuple[int, int]] = []
        """Block and serial of the leading blocks that hold all their tokens."""

    def num_held(self, token_ids: Sequence[int], block_ids: Sequence[int]) -> int:
        """How many leading tokens are computed where the request now has them."""
        size, ledger = self._ledger.block_size, self._ledger
        self._num_known = len(token_ids)
        for index in range(-(-len(token_ids) // size)):
            block_id = block_ids[index]
            if self._whole[index : index + 1] == [(block_id, ledger.serial(block_id))]:
                continue
            ids = token_ids[index * size : (index + 1) * size]
            num_held = ledger.num_held(block_id, self._parent(token_ids, index), ids)
            if num_held < size:
                del self._whole[index:]
                return index * size + num_held
            self._whole[index : index + 1] = [(block_id, ledger.serial(block_id))]
        return len(token_ids)

    def write(self, token_ids: Sequence[int], start: int, block_ids: Sequence[int]) -> None:
        """The tokens from `start` on are now computed; some of them may be drafted."""
        size = self._ledger.block_size
        for index in range(start // size, -(-len(token_ids) // size)):
            first = max(start, index * size)
            ids = token_ids[first : (index + 1) * size]
            parent = self._parent(token_ids, index)
            self._ledger.write(block_ids[index], parent, first - index * size, ids)

    def _parent(self, token_ids: Sequence[int], index: int) -> Key:
        """What stands before the block at `index`; remembered where nothing of it is drafted."""
        size = self._ledger.block_size
        while len(self._parents) <= min(index, self._num_known // size):
            self._parents.append(self._next(self._parents[-1], token_ids, len(self._parents)))
        key = self._parents[min(index, len(self._parents) - 1)]
        for behind in range(len(self._parents), index + 1):
            key = self._next(key, token_ids, behind)
        return key

    def _next(self, key: Key, token_ids: Sequence[int], index: int) -> Key:
        size = self._ledger.block_size
        key = chain_key(key, token_ids[(index - 1) * size : index * size])
        return self._salted(key, index)

    def _salted(self, key: Key, index: int) -> Key:
        return salted_key(key, self._salt) if index == self._num_public else key
