"""How much of a step goes to requests that nobody waits for, beside those that somebody does.

A step is as long for everyone in it as its rows make it. So what it is lengthened by is bounded: by
`SHARE` of what it takes without them. Where not even one row is that cheap, that much is saved up
from step to step until one row is paid for, so nobody starves.
"""

from bisect import bisect_right
from collections.abc import Callable

SHARE = 0.1

Price = Callable[[float], float]
"""What a step of so many rows costs, in any unit, never falling; 0 where that is not known."""


class Leeway:
    """The account from which background rows are paid.

    Where the price is not known, a step counts as long as it has rows, which is never too cheap.
    """

    def __init__(self, price: Price) -> None:
        self._known = price
        self._saved = 0.0

    def rows(self, num_live: int, most: int) -> int:
        """How many rows, up to `most`, may join a step that has `num_live` anyway."""
        live = self._price(num_live)
        income = SHARE * live
        most_at_once = max(income, self._price(num_live + 1) - live)
        self._saved = min(self._saved + income, most_at_once + income)
        paid = live + min(self._saved, most_at_once)
        return bisect_right(range(1, most + 1), paid, key=lambda num: self._price(num_live + num))

    def spend(self, num_live: int, num_rows: int) -> None:
        """So many joined it."""
        self._saved -= self._price(num_live + num_rows) - self._price(num_live)

    def _price(self, num_rows: int) -> float:
        return self._known(num_rows) or float(num_rows)
