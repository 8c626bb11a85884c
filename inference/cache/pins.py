"""Preambles that stay in the cache though no request holds them.

A pin holds each of its blocks once, like a request does. All pins together hold a bounded number of
blocks; a new one pushes out those that were used longest ago.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from inference.cache.block_pool import BlockPool
from inference.cache.keys import BlockKey, Key


@dataclass
class Pin:
    """A chain of blocks from the first token on, known by the key of its last block."""

    block_ids: tuple[int, ...]
    blocks: tuple[BlockKey, ...]
    is_unsalted: bool
    """Whether it is everybody's, nothing of one workspace among it."""
    was_used: bool = True
    """Whether a request of this run began with it."""

    @property
    def key(self) -> Key:
        """What it is known by."""
        return self.blocks[-1].key

    @property
    def token_ids(self) -> list[int]:
        """The preamble, as far as it fills blocks."""
        return [token_id for block in self.blocks for token_id in block.token_ids]


class Pins:
    """The pinned chains, the one used longest ago first."""

    def __init__(self, pool: BlockPool, max_blocks: int) -> None:
        self.max_blocks = max_blocks
        self.num_added = 0
        self._pool = pool
        self._pins: OrderedDict[Key, Pin] = OrderedDict()
        self._holds: Counter[int] = Counter()

    def __iter__(self) -> Iterator[Pin]:
        return iter(self._pins.values())

    def __len__(self) -> int:
        return len(self._pins)

    @property
    def num_blocks(self) -> int:
        """Different blocks that are pinned."""
        return len(self._holds)

    def add(self, pin: Pin) -> None:
        """Pin a chain whose blocks somebody holds; one that is pinned already counts as used."""
        assert len(pin.block_ids) <= self.max_blocks, f"{len(pin.block_ids)} blocks are too many"
        if pin.key in self._pins:
            self._pins[pin.key].was_used = True
            self._pins.move_to_end(pin.key)
            return
        while len(self._holds.keys() | set(pin.block_ids)) > self.max_blocks:
            self.drop_oldest()
        self._pins[pin.key] = pin
        self._holds.update(pin.block_ids)
        for block_id in pin.block_ids:
            self._pool.share(block_id)
        self.num_added += 1

    def drop(self, key: Key) -> bool:
        """Let go of a chain, its tail first; False when it is not pinned."""
        pin = self._pins.pop(key, None)
        if pin is None:
            return False
        for block_id in reversed(pin.block_ids):
            self._holds[block_id] -= 1
            if not self._holds[block_id]:
                del self._holds[block_id]
            self._pool.release(block_id)
        return True

    def drop_oldest(self) -> bool:
        """Let go of the chain that was used longest ago; False when there is none."""
        return self.drop(next(iter(self._pins))) if self._pins else False
