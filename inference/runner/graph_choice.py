"""Which shape a step runs in, and when a new one is worth recording; pure.

Recording costs as much as many steps. So a shape is recorded only when it has been wanted a few
times; until then a recorded one that is not much larger serves, padded, or the step runs without a
graph. Batches that swing between two sizes thus never record in every step, and the number of
graphs is bounded: the one that was used longest ago makes room.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from inference.runner.step_shapes import StepShape

Graph = TypeVar("Graph")
Key = tuple[StepShape, tuple[int, ...]]
"""A shape, and the layers whose streams are asked for."""

MAX_GRAPHS = 32
WANTED = 3
"""How often a shape must be wanted before it is recorded."""
WANTED_WHEN_FULL = 48
"""Likewise where another must make room: a server that needs more shapes than there may be graphs
must not record all the time."""
MOST_WASTE = 2
"""A padded step has at most so many times its rows."""


class GraphChoice(Generic[Graph]):
    """Recorded graphs by shape, the least recently used first."""

    def __init__(self, max_graphs: int = MAX_GRAPHS) -> None:
        self._max_graphs = max_graphs
        self._graphs: OrderedDict[Key, Graph] = OrderedDict()
        self._wanted: OrderedDict[Key, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._graphs)

    def choose(
        self, shape: StepShape, layers: tuple[int, ...], record: Callable[[StepShape], Graph]
    ) -> tuple[StepShape, Graph] | None:
        """The graph for a step and its shape; None: run it as it is.

        `record` is called when this shape is due. Before that another makes room if there must be.
        """
        key = shape, layers
        if key not in self._graphs and self._is_due(key):
            while len(self._graphs) >= self._max_graphs:
                self._graphs.popitem(last=False)
            self._graphs[key] = record(shape)
            del self._wanted[key]
        found = key if key in self._graphs else self._covering(shape, layers)
        if found is None:
            return None
        self._graphs.move_to_end(found)
        return found[0], self._graphs[found]

    def _is_due(self, key: Key) -> bool:
        self._wanted[key] = self._wanted.get(key, 0) + 1
        self._wanted.move_to_end(key)
        while len(self._wanted) > 4 * self._max_graphs:
            self._wanted.popitem(last=False)
        has_room = len(self._graphs) < self._max_graphs
        return self._wanted[key] >= (WANTED if has_room else WANTED_WHEN_FULL)

    def _covering(self, shape: StepShape, layers: tuple[int, ...]) -> Key | None:
        """The smallest recorded shape that wastes little."""
        fitting = [
            (one, own)
            for one, own in self._graphs
            if own == layers and one.covers(shape) and one.num_rows <= MOST_WASTE * shape.num_rows
        ]
        return min(fitting, key=_size, default=None)


def _size(key: Key) -> tuple[int, int, int, int]:
    shape = key[0]
    return shape.num_rows, shape.num_sequences, shape.num_blocks, shape.most_rows
