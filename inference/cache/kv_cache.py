"""The face of the cache that the scheduler sees: admit, reserve, publish, release; and pins.

A block enters the prefix table only when every token in it is accepted and computed, so a draft
that is thrown away was never visible to anyone.
"""

from collections.abc import Sequence

from inference.cache.block_pool import BlockPool
from inference.cache.block_table import BlockTable
from inference.cache.keys import Prefix, root_key
from inference.cache.pins import Pin, Pins
from inference.cache.prefix import PrefixTable


class KVCache:
    """Block tables over one pool, with the prefixes its blocks are known by."""

    def __init__(
        self, num_blocks: int, block_size: int, fingerprint: str, max_pinned_blocks: int = 0
    ) -> None:
        self.block_size = block_size
        self._root = root_key(fingerprint)
        self._prefixes = PrefixTable()
        self.pool = BlockPool(num_blocks, self._prefixes)
        self.pins = Pins(self.pool, max_pinned_blocks)

    @property
    def num_cached_blocks(self) -> int:
        """Blocks that some prefix is known by, held or free."""
        return len(self._prefixes)

    def stats(self) -> dict[str, int]:
        """Blocks in all, free ones (cached or not), cached ones and pinned ones."""
        return {
            "num_blocks": self.pool.num_blocks,
            "num_free_blocks": self.pool.num_free,
            "num_cached_blocks": self.num_cached_blocks,
            "num_pinned_blocks": self.pins.num_blocks,
        }

    def prefix(self, salt: bytes, num_public: int = 0, num_pinned: int = 0) -> Prefix:
        """The keys of a request's tokens, of which the first `num_public` are everybody's.

        The full blocks of the first `num_pinned` tokens stay in the cache once they are computed;
        as many of them as may be pinned at all.
        """
        size = self.block_size
        pinned = min(num_pinned // size, self.pins.max_blocks)
        return Prefix(self._root, size, salt, num_public // size, pinned)

    def admit(
        self, prefix: Prefix, token_ids: Sequence[int], num_tokens: int
    ) -> tuple[BlockTable, int] | None:
        """A table with room for `num_tokens`, and how many tokens of a known prefix it shares.

        The last token is never shared: its logits are wanted, so it must be computed. None, and
        nothing changed, when blocks lack.
        """
        known = prefix.blocks(token_ids, (len(token_ids) - 1) // self.block_size)
        chain = self._prefixes.match(known)
        table = BlockTable(prefix, block_ids=[block.block_id for block in chain])
        num_idle = sum(self.pool.references(block_id) == 0 for block_id in table.block_ids)
        if table.missing_blocks(num_tokens) + num_idle > self.pool.num_free:
            return None
        for block_id in table.block_ids:
            self.pool.share(block_id)
        if chain:
            table.parent_serial, table.num_published = chain[-1].serial, len(chain)
        self._pin_if_complete(table, 0)
        is_roomy = self.reserve(table, num_tokens)
        assert is_roomy, "the room was counted a moment ago"
        return table, len(chain) * self.block_size

    def reserve(self, table: BlockTable, num_tokens: int) -> bool:
        """Make room for `num_tokens` in all; False, and nothing changed, when blocks lack."""
        missing = table.missing_blocks(num_tokens)
        if missing == 0:
            return True
        if missing > self.pool.num_free:
            return False
        table.block_ids.extend(self.pool.take() for _ in range(missing))
        return True

    def publish(self, table: BlockTable, token_ids: Sequence[int], num_computed: int) -> None:
        """Make the full blocks among the first `num_computed` tokens shareable.

        A block that another request published first is exchanged for that one: what is common
        exists once.
        """
        before, count = table.num_published, num_computed // self.block_size
        if count <= before:
            return
        for index, block in enumerate(table.prefix.blocks(token_ids, count)[before:], before):
            known = self._prefixes.find(block, table.parent_serial)
            if known is None:
                known = self._prefixes.insert(table.block_ids[index], block, table.parent_serial)
            elif known.block_id != table.block_ids[index]:
                self.pool.share(known.block_id)
                self.pool.release(table.block_ids[index])
                table.block_ids[index] = known.block_id
            table.parent_serial, table.num_published = known.serial, index + 1
        self._pin_if_complete(table, before)

    def trim(self, table: BlockTable, num_tokens: int) -> None:
        """Give back the blocks behind the first `num_tokens`, which rejected drafts had needed."""
        keep = -(-num_tokens // self.block_size)
        while len(table.block_ids) > keep:
            self.pool.release(table.block_ids.pop())

    def release(self, table: BlockTable) -> None:
        """Give back every block, the tail first, so that it is used again before its prefix."""
        while table.block_ids:
            self.pool.release(table.block_ids.pop())

    def unpin(self, prefix: Prefix, token_ids: Sequence[int]) -> bool:
        """Let go of the full blocks of these tokens; False when they are not pinned as such."""
        count = min(len(token_ids) // self.block_size, self.pins.max_blocks)
        return bool(count) and self.pins.drop(prefix.blocks(token_ids, count)[-1].key)

    def _pin_if_complete(self, table: BlockTable, num_published_before: int) -> None:
        """Pin what the request wants pinned, at the moment when the last block of it is there."""
        prefix, count = table.prefix, table.prefix.num_pinned_blocks
        if num_published_before < count <= table.num_published:
            blocks = tuple(prefix.known_blocks[:count])
            self.pins.add(Pin(tuple(table.block_ids[:count]), blocks, prefix.is_pin_unsalted))
