"""One request's tokens, and where in them their own end stood before.

A scan of them for the last two is faster than an index, up to some hundred thousand: it takes
microseconds, where an index of a prompt takes about a microsecond a token before it is of use.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHORTEST = 2
"""Tokens that must be the same, at least."""
_FIRST_ROOM = 1024

Places = NDArray[np.int64]


class OwnText:
    """Grows with the request."""

    def __init__(self) -> None:
        self.ids: NDArray[np.int32] = np.empty(_FIRST_ROOM, dtype=np.int32)
        """The first `num_read` of them are the text."""
        self.num_read = 0

    def goes_on_as(self, token_ids: Sequence[int]) -> bool:
        """Whether these tokens continue what was read; it is enough to look at the last one."""
        num = self.num_read
        return num == 0 or (len(token_ids) >= num and token_ids[num - 1] == self.ids[num - 1])

    def read(self, token_ids: Sequence[int]) -> None:
        """Take in what was not read yet."""
        first, self.num_read = self.num_read, len(token_ids)
        if self.num_read > len(self.ids):
            self.ids = np.resize(self.ids, 2 * self.num_read)
        self.ids[first : self.num_read] = token_ids[first:]

    def find(self, longest: int) -> tuple[Places, int] | None:
        """The tokens that followed the longest match of the end, by place, and its length.

        None where not even the last two tokens stood together before.
        """
        num, ids = self.num_read, self.ids
        if num <= SHORTEST:
            return None
        is_found = (ids[1 : num - 1] == ids[num - 1]) & (ids[: num - 2] == ids[num - 2])
        places: Places = np.flatnonzero(is_found) + SHORTEST
        if not places.size:
            return None
        length = SHORTEST
        while length < longest:
            longer = places[places > length]
            longer = longer[ids[longer - length - 1] == ids[num - length - 1]]
            if not longer.size:
                break
            places, length = longer, length + 1
        return places, length
