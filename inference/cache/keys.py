"""What the blocks of a prefix are known by: a chain of sha256 keys, one for each full block.

A block's key is sha256(parent key, token ids), the first parent being a digest of the model. Blocks
that lie wholly inside a prompt's public span are hashed so and are the same for everybody. Where
the first other block begins, the salt of the workspace enters the chain, so equal text of two
workspaces never meets. An empty salt changes nothing: what has none is everybody's.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Key = bytes


class BlockKey(NamedTuple):
    """A full block of tokens and what it is known by."""

    key: Key
    token_ids: tuple[int, ...]


class Prefix:
    """The keys of one request's tokens, each computed once, however often they are looked up.

    Tokens are only ever appended, so a key stays right for the life of the request.
    """

    def __init__(
        self,
        root: Key,
        block_size: int,
        salt: bytes = b"",
        num_public_blocks: int = 0,
        num_pinned_blocks: int = 0,
    ) -> None:
        self.block_size = block_size
        self.num_public_blocks = num_public_blocks
        self.num_pinned_blocks = num_pinned_blocks
        """Leading blocks that are to stay in the cache once they are computed."""
        self._root = root
        self._salt = salt
        self._blocks: list[BlockKey] = []

    @property
    def is_pin_unsalted(self) -> bool:
        """Whether what is to be pinned is everybody's, nothing of one workspace among it."""
        return not self._salt or self.num_pinned_blocks <= self.num_public_blocks

    @property
    def known_blocks(self) -> Sequence[BlockKey]:
        """The blocks that were asked for before."""
        return self._blocks

    def blocks(self, token_ids: Sequence[int], count: int) -> list[BlockKey]:
        """The first `count` blocks of these tokens, which begin with those of every earlier call.

        The caller has `count` full blocks of tokens.
        """
        size = self.block_size
        assert count * size <= len(token_ids), f"{count} blocks in {len(token_ids)} tokens"
        for index in range(len(self._blocks), count):
            ids = tuple(token_ids[index * size : (index + 1) * size])
            self._blocks.append(BlockKey(chain_key(self._parent(), ids), ids))
        return self._blocks[:count]

    def _parent(self) -> Key:
        last = self._blocks[-1].key if self._blocks else self._root
        if len(self._blocks) == self.num_public_blocks:
            return salted_key(last, self._salt)
        return last


def root_key(fingerprint: str) -> Key:
    """The parent of every first block of a model."""
    return _digest(b"careline prefix 2", fingerprint.encode())


def salted_key(parent: Key, salt: bytes) -> Key:
    """The parent of the first block that belongs to a workspace; without a salt, as it was."""
    return _digest(b"careline salt 2", parent, salt) if salt else parent


def chain_key(parent: Key, token_ids: Sequence[int]) -> Key:
    """sha256 over the parent's key and the ids as 32-bit integers."""
    return hashlib.sha256(parent + np.asarray(token_ids, dtype=np.int32).tobytes()).digest()


def _digest(*fields: bytes) -> Key:
    digest = hashlib.sha256()
    for field in fields:
        digest.update(len(field).to_bytes(8, "big") + field)
    return digest.digest()
