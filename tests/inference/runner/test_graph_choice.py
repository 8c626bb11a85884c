"""Recording is rare: a shape must be wanted a few times, and swings record each size once."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from inference.runner.graph_choice import (
    MOST_WASTE,
    WANTED,
    WANTED_WHEN_FULL,
    GraphChoice,
)
from inference.runner.step_shapes import ROW_SIZES, StepShape

SHAPE = StepShape(num_rows=8, num_sequences=8, num_blocks=16, most_rows=1, is_tree=False)


class Rig:
    """A choice whose graphs are their own names, and what it has recorded."""

    def __init__(self, max_graphs: int = 4) -> None:
        self.recorded: list[StepShape] = []
        self.choice: GraphChoice[str] = GraphChoice(max_graphs)

    def step(self, num_rows: int, layers: tuple[int, ...] = ()) -> int | None:
        """The rows of the graph that a step of so many rows runs in."""
        chosen = self.choice.choose(replace(SHAPE, num_rows=num_rows), layers, self._record)
        if chosen is None:
            return None
        assert chosen[1] == f"graph of {chosen[0].num_rows}"
        return chosen[0].num_rows

    def _record(self, shape: StepShape) -> str:
        self.recorded.append(shape)
        return f"graph of {shape.num_rows}"


def test_a_shape_is_recorded_when_it_has_been_wanted_a_few_times() -> None:
    rig = Rig()
    assert [rig.step(8) for _ in range(5)] == [None] * (WANTED - 1) + [8] * (6 - WANTED)
    assert len(rig.recorded) == 1


def test_a_slightly_smaller_step_is_padded_until_its_own_is_due() -> None:
    rig = Rig()
    for _ in range(WANTED):
        rig.step(8)
    assert [rig.step(6) for _ in range(WANTED)] == [8] * (WANTED - 1) + [6]
    assert rig.step(2) is None, "four times the rows are too many"


def test_swings_between_two_sizes_record_each_once() -> None:
    rig = Rig()
    for _ in range(50):
        rig.step(8)
        rig.step(12)
    assert [one.num_rows for one in rig.recorded] == [8, 12]


def test_the_longest_unused_makes_room() -> None:
    rig = Rig(max_graphs=2)
    for num_rows in (1, 64):
        for _ in range(WANTED):
            rig.step(num_rows)
    assert [rig.step(8) for _ in range(WANTED_WHEN_FULL)] == [None] * (WANTED_WHEN_FULL - 1) + [8]
    assert len(rig.choice) == 2
    assert rig.step(64) == 64
    assert rig.step(1) is None, "it was used longest ago"


def test_more_shapes_than_graphs_are_rarely_recorded() -> None:
    rig = Rig(max_graphs=2)
    num_steps = 400
    for number in range(num_steps):
        rig.step((1, 8, 64)[number % 3])
    assert len(rig.recorded) <= 2 + num_steps // WANTED_WHEN_FULL


def test_other_layers_are_other_graphs() -> None:
    rig = Rig()
    for _ in range(WANTED):
        rig.step(8)
    assert rig.step(8, (1, 2)) is None


@given(st.lists(st.sampled_from(ROW_SIZES), max_size=120))
def test_memory_is_bounded_and_no_step_wastes_much(wanted: list[int]) -> None:
    rig = Rig(max_graphs=3)
    for num_rows in wanted:
        used = rig.step(num_rows)
        assert used is None or num_rows <= used <= MOST_WASTE * num_rows
        assert len(rig.choice) <= 3
    assert len(rig.recorded) * WANTED <= len(wanted)
