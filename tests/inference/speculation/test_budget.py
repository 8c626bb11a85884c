"""The budget against known costs and known acceptance: never behind, and near the best there is."""

from itertools import pairwise

import pytest

from inference.speculation.budget import EveryNode, Load, MeasuredBudget
from inference.speculation.cost import CostCurve
from tests.inference.speculation.planted_world import (
    Curve,
    Drafter,
    Step,
    World,
    best_fixed_speed,
    speed,
)


def free_width(rows: int) -> float:
    """Memory bound up to 100 rows, then bound by arithmetic: a large GPU."""
    return 5e-3 * max(1.0, rows / 100)


def bent(rows: int) -> float:
    """Two cores: each row costs something, and more once the caches are full."""
    return 1e-3 * (1.0 + 0.02 * rows + 0.05 * max(0, rows - 16))


def steep(rows: int) -> float:
    """Almost all of a step is arithmetic."""
    return 1e-3 * (0.2 + 0.5 * rows)


CURVES = [free_width, bent, steep]
CHEAP = {
    "never right": Drafter("cheap", 0.0, 0.8),
    "seldom right": Drafter("cheap", 0.3, 0.9),
    "modest": Drafter("cheap", 0.7, 0.4),
    "often right": Drafter("cheap", 0.9, 0.9),
    "seldom there": Drafter("cheap", 0.8, 0.7, rate=0.2),
}


@pytest.mark.parametrize("num_requests", [1, 4, 24])
@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("kind", CHEAP)
def test_drafting_is_never_behind_and_near_the_best_draft_length(
    curve: Curve, kind: str, num_requests: int
) -> None:
    drafter = CHEAP[kind]
    world = World(curve, [drafter])
    world.run(num_requests, 60)

    reached = speed(world.run(num_requests, 60 if num_requests > 8 else 240))

    assert reached >= 0.97 * num_requests / curve(num_requests)
    if drafter.rate == 1.0:
        assert reached >= 0.9 * best_fixed_speed(curve, drafter, num_requests)


@pytest.mark.parametrize("num_requests", [1, 16])
@pytest.mark.parametrize("curve", CURVES)
def test_a_dear_drafter_that_does_not_pay_is_all_but_left_out(
    curve: Curve, num_requests: int
) -> None:
    dear = Drafter("dear", 0.1, 0.9, seconds_each=1e-4, seconds_fixed=2e-3)
    world = World(curve, [dear])
    world.run(num_requests, 60)

    steps = world.run(num_requests, 500)

    assert speed(steps) >= 0.97 * num_requests / curve(num_requests)
    spent = sum(0.002 + 1e-4 * num_requests for step in steps if step.asked)
    assert spent <= 0.02 * sum(step.seconds for step in steps)


def test_what_begins_to_pay_is_found_again() -> None:
    drafter = Drafter("fickle", 0.0, 0.7, seconds_each=1e-5, seconds_fixed=3e-4)
    world = World(bent, [drafter])
    off = world.run(2, 300)[-100:]

    drafter.p_right = 0.9
    world.run(2, 2500)  # looks in vain have become rare
    on = world.run(2, 100)

    assert sum(bool(step.asked) for step in off) < 10
    assert sum(bool(step.asked) for step in on) >= 94  # the others are to compare with
    assert speed(on) > 0.85 * best_fixed_speed(bent, drafter, 2) > 2 * speed(off)


def test_drafting_ends_as_load_comes_and_is_back_when_it_goes() -> None:
    drafter = Drafter("good", 0.6, 0.6, seconds_each=5e-5)
    world = World(bent, [drafter])

    quiet = world.run(1, 200)[-50:]
    busy = world.run(64, 60)[-30:]
    again = world.run(1, 60)[-30:]

    assert speed(quiet) > 1.5 / bent(1)
    assert speed(busy) >= 0.97 * 64 / bent(64)
    assert sum(bool(step.asked) for step in busy) <= 2
    assert speed(again) > 1.5 / bent(1)


def test_rows_do_not_jump_about() -> None:
    world = World(bent, [Drafter("good", 0.75, 0.8)], noise=0.3)
    world.run(6, 100)

    steps = world.run(6, 200)

    buckets = [(step.num_rows - 1).bit_length() for step in steps]
    changes = sum(one != other for one, other in pairwise(buckets))
    assert changes <= 10


def test_of_two_the_one_that_brings_nothing_of_its_own_is_not_asked() -> None:
    good = Drafter("good", 0.8, 0.8)
    dear = Drafter("dear", 0.3, 0.8, seconds_each=1e-4, seconds_fixed=3e-3)
    world = World(bent, [good, dear])
    world.run(2, 100)

    steps = world.run(2, 300)

    assert sum("dear" in step.asked for step in steps) < 15
    assert all("good" in step.asked for step in steps)
    assert speed(steps) > 0.9 * best_fixed_speed(bent, good, 2)


def test_two_that_are_right_at_different_times_are_both_asked() -> None:
    pair = [Drafter("one", 0.9, 0.9, rate=0.5), Drafter("two", 0.9, 0.9, rate=0.5)]

    alone, together = World(free_width, pair[:1]), World(free_width, pair)
    alone.run(2, 100)
    together.run(2, 100)
    steps = together.run(2, 200)

    assert sum(len(step.asked) == 2 for step in steps) > 190
    assert speed(steps) > 1.2 * speed(alone.run(2, 200))


def test_prompt_rows_do_not_pay_for_drafts() -> None:
    with_prompts, without = World(steep, [CHEAP["seldom right"]]), World(steep, [])

    drafted = with_prompts.run(4, 80, prompt_rows=200)[-40:]
    plain = without.run(4, 40, prompt_rows=200)

    assert sum(map(_drafted_rows, drafted)) <= 8
    assert speed(drafted) >= 0.97 * speed(plain)


def _drafted_rows(step: Step) -> int:
    return step.num_rows - 204


def test_nothing_is_asked_where_nobody_samples_and_all_is_granted_in_a_trial() -> None:
    budget, trial = MeasuredBudget(["a"]), EveryNode(["a"])

    assert budget.ask(Load(100, 0)) == frozenset()
    assert budget.grant(Load(1, 1), []) == 0
    assert trial.ask(Load(1, 1)) == {"a"}
    assert trial.grant(Load(1, 1), [0.1, 0.0]) == 2


def test_a_cost_curve_follows_real_runs_and_never_falls() -> None:
    curve = CostCurve()
    curve.start({1: 1.0, 2: 1.1, 4: 1.3, 8: 1.7})

    assert curve(3) == pytest.approx(1.2)
    assert curve(16) == pytest.approx(2.5)  # the last slope goes on
    for _ in range(100):
        curve.measure(4, 0.65)
        curve.measure(40, 3.0)
    assert curve(4) == pytest.approx(0.65, rel=0.05)
    assert curve(40) == pytest.approx(3.0, rel=0.05)
    assert curve(1) <= curve(2) <= curve(4) <= curve(32) <= curve(48) <= curve(1000)


def test_a_slower_machine_is_no_reason_to_choose_differently() -> None:
    dear = Drafter("dear", 0.5, 0.5, seconds_each=1e-4, seconds_fixed=1e-3)
    world = World(bent, [dear])
    world.run(4, 200)
    before = sum(bool(step.asked) for step in world.run(4, 100))

    world.curve = lambda rows: 4.0 * bent(rows)
    dear.seconds_each, dear.seconds_fixed = 4e-4, 4e-3
    world.run(4, 40)
    after = sum(bool(step.asked) for step in world.run(4, 100))

    assert before <= 2
    assert after <= 2


def test_one_delayed_run_is_not_the_price() -> None:
    curve = CostCurve()
    curve.start({1: 1.0, 64: 2.0})

    curve.measure(1, 1000.0)

    assert curve(1) < 1.2


def test_a_first_draft_that_warms_up_is_not_the_price_of_the_next() -> None:
    slow_start = Drafter("good", 0.8, 0.8, seconds_each=1e-5)
    world = World(bent, [slow_start])
    slow_start.seconds_fixed = 1.0
    world.run(1, 2)
    slow_start.seconds_fixed = 0.0

    steps = world.run(1, 40)

    assert sum(bool(step.asked) for step in steps) >= 32  # the others are to compare with


def test_a_step_of_more_rows_than_the_curve_has_gets_no_drafts() -> None:
    budget = MeasuredBudget(["a"])
    budget.start({1: 1.0, 64: 1.0})

    assert budget.grant(Load(5000, 1), [0.9] * 4) == 0


def test_another_number_of_rows_must_be_better_by_more_than_a_little() -> None:
    prices = {1: 1.0, 2: 1.1, 4: 1.3, 8: 1.7}
    settled, fresh = MeasuredBudget(["a"]), MeasuredBudget(["a"])
    settled.start(prices)
    fresh.start(prices)

    assert settled.grant(Load(1, 1), [0.9, 0.3]) == 2  # 2.2 tokens in 1.2
    assert settled.grant(Load(1, 1), [0.9, 0.14]) == 2  # 2.04 in 1.2; one less is 1.5 % better
    assert fresh.grant(Load(1, 1), [0.9, 0.14]) == 1
    assert settled.grant(Load(1, 1), [0.9, 0.05]) == 1


@pytest.mark.parametrize("num_requests", [2, 8])
def test_rows_that_were_measured_too_dear_are_found_out(num_requests: int) -> None:
    oracle = Drafter("oracle", 0.95, 0.9)
    world = World(bent, [oracle], noise=0.2)
    plain = bent(num_requests)
    dear = {rows: plain * max(1.0, rows / num_requests) for rows in (1, 2, 4, 8, 16, 32, 64)}
    world.budget.start(dear)
    world.run(num_requests, 1500)

    reached = speed(world.run(num_requests, 300))

    assert 1.1 * reached >= 0.8 * best_fixed_speed(bent, oracle, num_requests)


def test_what_is_measured_at_the_start_may_be_too_dear_but_not_too_cheap() -> None:
    curve = CostCurve()

    curve.start({4: 2.3, 8: 5.0, 16: 4.5, 32: 14.3})

    assert curve(8) == pytest.approx(4.5)  # no more than sixteen
    assert curve(32) == pytest.approx(9.0)  # no more than sixteen twice


def test_plain_steps_of_one_size_do_not_say_what_rows_cost() -> None:
    budget = MeasuredBudget(["a"])
    budget.start({1: 1.0, 2: 1.3, 4: 1.9, 8: 3.1})

    for number in range(400):
        budget.ask(Load(1, 0))
        budget.note_step(1, 4.0 if number % 10 == 0 else 1.3)

    assert budget.step_cost(4) / budget.step_cost(1) == pytest.approx(1.9, rel=0.05)
