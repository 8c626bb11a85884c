"""The blocks of one request, in the order of its tokens."""

from dataclasses import dataclass, field

from inference.cache.keys import Prefix


@dataclass
class BlockTable:
    """Where a request's tokens lie: token i in block `block_ids[i // S]` at offset `i % S`."""

    prefix: Prefix
    parent_serial: int = 0
    """Serial of the last published block; 0 while there is none."""
    num_published: int = 0
    """Leading blocks that stand in the prefix table."""
    block_ids: list[int] = field(default_factory=list)

    @property
    def block_size(self) -> int:
        """Tokens that fit into a block."""
        return self.prefix.block_size

    @property
    def capacity(self) -> int:
        """Tokens that fit into the blocks held."""
        return len(self.block_ids) * self.block_size

    def missing_blocks(self, num_tokens: int) -> int:
        """Blocks to add until `num_tokens` fit."""
        return max(0, -(-num_tokens // self.block_size) - len(self.block_ids))

    def slots(self, start: int, stop: int) -> list[int]:
        """The slots of tokens start..stop."""
        size, ids = self.block_size, self.block_ids
        return [ids[i // size] * size + i % size for i in range(start, stop)]
