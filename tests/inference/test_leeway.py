"""What background rows may lengthen a step by, whatever rows cost."""

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.leeway import SHARE, Leeway

Table = list[float]
PRICES = st.lists(st.floats(0.0, 1.0), min_size=64, max_size=64).map(
    lambda steps: list(accumulate(steps, initial=0.3))
)
LIVE = st.lists(st.integers(1, 20), min_size=1, max_size=80)


def price_of(table: Table) -> Leeway:
    return Leeway(lambda rows: table[int(rows)])


@settings(max_examples=60, deadline=None)
@given(table=PRICES, live=LIVE)
def test_no_step_is_lengthened_by_more_than_a_tenth_or_one_row_and_all_by_a_tenth(
    table: Table, live: list[int]
) -> None:
    leeway = price_of(table)
    lengthened = 0.0
    for num_live in live:
        num = leeway.rows(num_live, most=40)
        leeway.spend(num_live, num)
        more = table[num_live + num] - table[num_live]
        one = table[num_live + 1] - table[num_live]
        assert more <= max(SHARE * table[num_live], one) + 1e-9
        lengthened += more

    assert lengthened <= SHARE * sum(table[num_live] for num_live in live) + 1e-9


@pytest.mark.parametrize("one", [0.01, 0.05, 0.35, 2.0])
def test_nobody_starves_and_what_is_allowed_is_given(one: float) -> None:
    leeway = Leeway(lambda rows: 1.0 + one * (rows - 4))
    num_steps, given_rows = 400, 0
    for _ in range(num_steps):
        num = leeway.rows(4, most=500)
        leeway.spend(4, num)
        given_rows += num

    assert given_rows * one == pytest.approx(SHARE * num_steps, abs=max(one, SHARE) + SHARE)


def test_rows_that_cost_nothing_are_all_given_and_no_more_than_there_are() -> None:
    flat = Leeway(lambda rows: 1.0)

    assert flat.rows(8, most=500) == 500
    assert flat.rows(8, most=0) == 0


def test_what_was_not_wanted_is_not_saved_for_one_long_step() -> None:
    leeway = Leeway(lambda rows: 1.0 + 0.01 * rows)
    for _ in range(100):
        leeway.rows(50, most=0)

    assert leeway.rows(50, most=500) == 15  # a tenth of what 50 rows cost


def test_where_no_price_is_known_a_step_counts_as_long_as_it_has_rows() -> None:
    unknown = Leeway(lambda rows: 0.0)

    assert unknown.rows(100, most=500) == 10
