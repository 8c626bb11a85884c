"""The face of the cache that the scheduler sees: share, reserve, publish, release.

A block enters the prefix table only when every token in it is accepted and computed, so a draft
that is thrown away was never visible to anyone.
"""

from collections.abc import Sequence

from inference.cache.block_pool import BlockPool
from inference.cache.block_table import BlockTable
from inference.cache.prefix import PrefixTable, root_key


class KVCache:
    """Block tables over one pool, with the prefixes its blocks are known by."""

    def __init__(self, num_blocks: int, block_size: int, fingerprint: str) -> None:
        self.block_size = block_size
        self._fingerprint = fingerprint
        self._prefixes = PrefixTable()
        self.pool = BlockPool(num_blocks, self._prefixes)

    @property
    def num_cached_blocks(self) -> int:
        """Blocks that some prefix is known by, held or free."""
        return len(self._prefixes)

    def open(self, token_ids: Sequence[int], salt: bytes) -> tuple[BlockTable, int]:
        """A table that shares the longest known prefix, and how many tokens that is.

        The last token is never shared: its logits are wanted, so it must be computed.
        """
        root = root_key(self._fingerprint, salt)
        table = BlockTable(self.block_size, root)
        chain = self._prefixes.match(root, token_ids[:-1], self.block_size)
        for block in chain:
            self.pool.share(block.block_id)
            table.block_ids.append(block.block_id)
        if chain:
            table.parent_key, table.parent_serial = chain[-1].key, chain[-1].serial
        table.num_published = len(chain)
        return table, len(chain) * self.block_size

    def reserve(self, table: BlockTable, num_tokens: int) -> bool:
        """Make room for `num_tokens` in all; False, and nothing changed, when blocks lack."""
        missing = table.missing_blocks(num_tokens)
        if missing > self.pool.num_free:
            return False
        table.block_ids.extend(self.pool.take() for _ in range(missing))
        return True

    def publish(self, table: BlockTable, token_ids: Sequence[int], num_computed: int) -> None:
        """Make the full blocks among the first `num_computed` tokens shareable.

        A block that another request published first is exchanged for that one: what is common
        exists once.
        """
        size = self.block_size
        for index in range(table.num_published, num_computed // size):
            ids = tuple(token_ids[index * size : (index + 1) * size])
            known = self._prefixes.find(table.parent_key, ids, table.parent_serial)
            if known is None:
                known = self._prefixes.insert(
                    table.block_ids[index], table.parent_key, ids, table.parent_serial
                )
            elif known.block_id != table.block_ids[index]:
                self.pool.share(known.block_id)
                self.pool.release(table.block_ids[index])
                table.block_ids[index] = known.block_id
            table.parent_key, table.parent_serial = known.key, known.serial
            table.num_published = index + 1

    def trim(self, table: BlockTable, num_tokens: int) -> None:
        """Give back the blocks behind the first `num_tokens`, which rejected drafts had needed."""
        keep = -(-num_tokens // self.block_size)
        while len(table.block_ids) > keep:
            self.pool.release(table.block_ids.pop())

    def release(self, table: BlockTable) -> None:
        """Give back every block, the tail first, so that it is used again before its prefix."""
        while table.block_ids:
            self.pool.release(table.block_ids.pop())
