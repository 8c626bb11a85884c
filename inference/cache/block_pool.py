"""Which blocks are free, held by whom, and in which order they are used again.

A block is held (reference count above 0) or free. A free block may still hold a cached prefix; free
blocks are taken oldest first, so a cached one lives on until memory is wanted.
"""

from collections import OrderedDict

from inference.cache.prefix import PrefixTable


class BlockPool:
    """Reference counts over a fixed number of blocks."""

    def __init__(self, num_blocks: int, prefixes: PrefixTable) -> None:
        self.num_blocks = num_blocks
        self._prefixes = prefixes
        self._references = [0] * num_blocks
        self._free: OrderedDict[int, None] = OrderedDict.fromkeys(range(num_blocks))

    @property
    def num_free(self) -> int:
        """Blocks nobody holds, cached ones included."""
        return len(self._free)

    def references(self, block_id: int) -> int:
        """How many requests hold this block."""
        return self._references[block_id]

    def take(self) -> int:
        """A free block, held once; what it cached is forgotten.

        The caller has looked at `num_free`: an empty pool is a mistake of ours.
        """
        assert self._free, f"all {self.num_blocks} blocks are held"
        block_id, _ = self._free.popitem(last=False)
        self._prefixes.forget(block_id)
        self._references[block_id] = 1
        return block_id

    def share(self, block_id: int) -> None:
        """Hold a block once more, or again if it was free."""
        if self._references[block_id] == 0:
            del self._free[block_id]
        self._references[block_id] += 1

    def release(self, block_id: int) -> None:
        """Hold a block once less; the last holder frees it.

        A block that caches nothing goes to the front, for nobody can want it back.
        """
        assert self._references[block_id] > 0, f"block {block_id} is released but nobody holds it"
        self._references[block_id] -= 1
        if self._references[block_id] == 0:
            self._free[block_id] = None
            if block_id not in self._prefixes:
                self._free.move_to_end(block_id, last=False)
