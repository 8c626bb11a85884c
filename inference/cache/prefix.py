"""Which cached block continues which prefix.

A block's key is sha256(parent key, token ids), the first parent being a digest of the caller's
salt, so equal text of two workspaces never meets. A key alone is not believed: on a hit the token
ids and the parent block are compared as well, so that even a forged collision gives a miss.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Key = bytes


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

    def match(self, root: Key, token_ids: Sequence[int], block_size: int) -> list[CachedBlock]:
        """The longest chain of cached full blocks that `token_ids` begins with."""
        chain: list[CachedBlock] = []
        key, parent_serial = root, 0
        for start in range(0, len(token_ids) - block_size + 1, block_size):
            ids = tuple(token_ids[start : start + block_size])
            found = self.find(key, ids, parent_serial)
            if found is None:
                break
            chain.append(found)
            key, parent_serial = found.key, found.serial
        return chain

    def find(
        self, parent_key: Key, token_ids: tuple[int, ...], parent_serial: int
    ) -> CachedBlock | None:
        """The cached block of these ids after this parent, if there is one."""
        found = self._by_key.get(chain_key(parent_key, token_ids))
        if found and found.token_ids == token_ids and found.parent_serial == parent_serial:
            return found
        return None

    def insert(
        self, block_id: int, parent_key: Key, token_ids: tuple[int, ...], parent_serial: int
    ) -> CachedBlock:
        """Enter a full block.

        Whatever held its key before is forgotten: an orphan whose parent was evicted, or a
        collision.
        """
        key = chain_key(parent_key, token_ids)
        if key in self._by_key:
            self.forget(self._by_key[key].block_id)
        block = CachedBlock(block_id, self._next_serial, parent_serial, token_ids, key)
        self._next_serial += 1
        self._by_key[key] = self._by_block[block_id] = block
        return block

    def forget(self, block_id: int) -> None:
        """Remove a block that is about to be filled with something else, if it is known."""
        block = self._by_block.pop(block_id, None)
        if block is not None:
            del self._by_key[block.key]

    def __contains__(self, block_id: int) -> bool:
        return block_id in self._by_block


def root_key(fingerprint: str, salt: bytes) -> Key:
    """The parent of every first block under a salt, its fields length-prefixed."""
    digest = hashlib.sha256(b"careline prefix 1")
    for field in (fingerprint.encode(), salt):
        digest.update(len(field).to_bytes(8, "big") + field)
    return digest.digest()


def chain_key(parent: Key, token_ids: Sequence[int]) -> Key:
    """sha256 over the parent's key and the ids as 32-bit integers."""
    return hashlib.sha256(parent + np.asarray(token_ids, dtype=np.int32).tobytes()).digest()
