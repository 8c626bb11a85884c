"""Who never guesses right costs next to nothing, who always does is drafted from at full depth.

Costs are a table, so nothing here depends on a clock.
"""

import random
from itertools import pairwise

import pytest

from inference.speculation.ledger import FIRST_CREDIT, INCOME, MOST_CREDIT, Entry, Ledger
from tests.inference.speculation.planted_world import DEPTH, Curve, Drafter, World

MOST_WASTED = 0.03
NUM_STEPS = 2000


def two_cores(rows: int) -> float:
    return 1e-3 * (0.9 + 0.35 * rows)


def wide(rows: int) -> float:
    return 1e-3 * (1.0 + 0.01 * rows)


@pytest.mark.parametrize("drafting_s", [0.0, 5e-4])
@pytest.mark.parametrize("num_requests", [1, 4])
@pytest.mark.parametrize("curve", [two_cores, wide])
def test_an_anti_oracle_wastes_little(curve: Curve, num_requests: int, drafting_s: float) -> None:
    boaster = Drafter("boaster", 0.0, 0.95, seconds_fixed=drafting_s)
    steps = World(curve, [boaster]).run(num_requests, NUM_STEPS)

    assert all(step.num_tokens == num_requests for step in steps)
    plain_s = NUM_STEPS * curve(num_requests)
    assert sum(step.seconds for step in steps) <= (1 + MOST_WASTED) * plain_s


def test_each_further_look_at_an_anti_oracle_is_later() -> None:
    steps = World(two_cores, [Drafter("boaster", 0.0, 0.95, seconds_fixed=5e-4)]).run(1, 8000)

    looks = [number for number, step in enumerate(steps) if step.asked]
    waits = [second - first for first, second in pairwise(looks[-6:])]
    assert min(waits) > 150  # half a percent of the time, and later a quarter of that


@pytest.mark.parametrize("num_requests", [1, 4])
def test_an_oracle_is_soon_drafted_from_at_full_depth(num_requests: int) -> None:
    world = World(wide, [Drafter("oracle", 1.0, 0.3)])  # too modest a one

    world.run(num_requests, 64)
    steps = world.run(num_requests, 64)

    full = [step for step in steps if step.num_tokens == num_requests * (DEPTH + 1)]
    assert len(full) >= 56  # some go without, to compare with


def test_who_turns_bad_is_left_and_who_turns_good_is_found() -> None:
    drafter = Drafter("fickle", 0.95, 0.7, seconds_fixed=2e-4)
    world = World(two_cores, [drafter])
    good = world.run(1, 300)[-100:]

    drafter.p_right = 0.0
    bad = world.run(1, 1000)
    drafter.p_right = 0.95
    world.run(1, 3000)
    again = world.run(1, 100)

    assert sum(bool(step.asked) for step in good) > 90
    assert sum(step.seconds for step in bad) <= 1.03 * 1000 * two_cores(1)
    assert sum(bool(step.asked) for step in again) > 90


@pytest.mark.parametrize("num_sets", [1, 3])
@pytest.mark.parametrize("seed", range(8))
def test_what_asking_can_lose_is_bounded_whatever_it_brings(seed: int, num_sets: int) -> None:
    """From any moment on, also behind a time in which all went well."""
    rng, ledger, num_steps = random.Random(seed), Ledger(), 1500
    sets = [frozenset({str(number)}) for number in range(num_sets)]
    ledger.note_plain(Entry(1, 1, 1.0, 1.0))
    balance = lowest = highest = dearest = 0.0

    for number in range(num_steps):
        if not number % 100:
            dearest = rng.uniform(0.5, 2.0)
        able = [one for one in sets if not ledger.is_resting(1, one)]
        if able:
            cost = rng.uniform(0.3, dearest)
            ledger.note_asked(rng.choice(able), Entry(1, 1, cost, 1.0))
            balance += 1.0 - cost
        else:
            ledger.note_plain(Entry(1, 1, 1.0, 1.0))
        highest = max(highest, balance)
        lowest = min(lowest, balance - highest)

    overdrafts = num_sets  # a step more than there was
    assert lowest >= -(num_sets * MOST_CREDIT + INCOME * num_steps + overdrafts)


@pytest.mark.parametrize("loss", [0.05, 0.5, 1.5])
def test_who_only_loses_loses_no_more_than_credit_and_income(loss: float) -> None:
    ledger, asked, lost = Ledger(), frozenset({"one"}), 0.0
    ledger.note_plain(Entry(4, 4, 1.0, 1.0))

    for _ in range(5000):
        if ledger.is_resting(4, asked):
            ledger.note_plain(Entry(4, 4, 1.0, 1.0))
        else:
            ledger.note_asked(asked, Entry(4, 4, 1.0 + loss, 1.0))
            lost += loss

    assert FIRST_CREDIT <= lost <= FIRST_CREDIT + INCOME * 5000 + 2 * loss


def test_who_was_only_unlucky_is_soon_back() -> None:
    ledger, asked = Ledger(), frozenset({"good"})
    ledger.note_plain(Entry(1, 1, 1.0, 1.0))
    while not ledger.is_resting(1, asked):
        ledger.note_asked(asked, Entry(1, 1, 2.0, 1.0))

    waited = 0
    while ledger.is_resting(1, asked):
        ledger.note_plain(Entry(1, 1, 1.0, 1.0))
        waited += 1
    for _ in range(500):
        ledger.note_asked(asked, Entry(1, 2, 1.5, 1.0))

    assert waited < 600
    assert not ledger.is_resting(1, asked)


@pytest.mark.parametrize("slower", [2.0, 3.0])
def test_a_machine_that_slows_down_is_no_loss_of_drafting(slower: float) -> None:
    ledger, asked, pace = Ledger(), frozenset({"good"}), 1.0

    for number in range(1500):
        pace = slower if number >= 1000 else 1.0  # by then plain steps are rare
        assert not ledger.is_resting(1, asked)
        if ledger.wants_plain(1):
            ledger.note_plain(Entry(1, 1, pace, 1.0))
        else:
            ledger.note_asked(asked, Entry(1, 2, 1.4 * pace, 1.0))


def test_sets_that_lose_one_after_the_other_share_one_credit() -> None:
    ledger, lost = Ledger(), 0.0
    sets = [frozenset({str(number)}) for number in range(8)]
    ledger.note_plain(Entry(1, 1, 1.0, 1.0))

    for asked in sets:
        while not ledger.is_resting(1, asked):
            ledger.note_asked(asked, Entry(1, 1, 1.5, 1.0))
            lost += 0.5

    assert lost <= 2 * FIRST_CREDIT + len(sets) * 1.5  # at least one step each, and half of one
