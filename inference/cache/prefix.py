"""Which cached block continues which prefix.

A key alone is not believed: on a hit the token ids and the parent block are compared as well, so
that even a forged collision gives a miss.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from inference.cache.keys import BlockKey, Key


@dataclass(frozen=True)
class CachedBlock:
    """A block whose tokens are all accepted and computed.

    `serial` names this filling of the block; a block filled anew has another.
    """

    block_id: int
    serial: int
    parent_serial: int
    token_ids: tuple[int, ...]
    key: Key


class PrefixTable:
    """Cached blocks by key; says what a prefix shares, knows nothing of reference counts."""

    def __init__(self) -> None:
        self._by_key: dict[Key, CachedBlock] = {}
        self._by_block: dict[int, CachedBlock] = {}
        self._next_serial = 1

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, block_id: int) -> bool:
        return block_id in self._by_block

    def match(self, blocks: Iterable[BlockKey]) -> list[CachedBlock]:
        """The longest chain of cached blocks that a prefix begins with."""
        chain: list[CachedBlock] = []
        parent_serial = 0
        for block in blocks:
            found = self.find(block, parent_serial)
            if found is None:
                break
            chain.append(found)
            parent_serial = found.serial
        return chain

    def find(self, block: BlockKey, parent_serial: int) -> CachedBlock | None:
        """The cached block of this key, ids and parent, if there is one."""
        found = self._by_key.get(block.key)
        if found and found.token_ids == block.token_ids and found.parent_serial == parent_serial:
            return found
        return None

    def insert(self, block_id: int, block: BlockKey, parent_serial: int) -> CachedBlock:
        """Enter a full block.

        Whatever held its key before is forgotten: an orphan whose parent was evicted, or a
        collision.
        """
        if block.key in self._by_key:
            self.forget(self._by_key[block.key].block_id)
        cached = CachedBlock(block_id, self._next_serial, parent_serial, block.token_ids, block.key)
        self._next_serial += 1
        self._by_key[block.key] = self._by_block[block_id] = cached
        return cached

    def forget(self, block_id: int) -> None:
        """Remove a block that is about to be filled with something else, if it is known."""
        block = self._by_block.pop(block_id, None)
        if block is not None:
            del self._by_key[block.key]
