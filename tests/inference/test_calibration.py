"""The cost of a step is measured before the first request, and again for other kernels."""

from pathlib import Path

from inference import Engine, EngineConfig, SamplingParams
from inference.speculation.budget import MeasuredBudget
from inference.speculation.ngram import NgramSpeculator

PARAMS = SamplingParams(max_tokens=24, ignore_eos=True)


def build(target: Path, num_blocks: int) -> tuple[Engine, MeasuredBudget]:
    budget = MeasuredBudget(["ngram"])
    config = EngineConfig(
        model=str(target), speculator="ngram", device="cpu", dtype="float64", num_blocks=num_blocks
    )
    return Engine(config, budget=budget), budget


def test_more_rows_cost_more_before_any_request_came(tiny_target: Path) -> None:
    one, budget = build(tiny_target, num_blocks=40)

    assert 0.0 < budget.step_cost(1) <= budget.step_cost(16) <= budget.step_cost(500)
    assert one.stats()["num_free_blocks"] == 40
    assert not one._runner.cache.any(), "what was written to measure is wiped"
    one.close()


def test_other_kernels_are_measured_once_there_are_blocks_for_it(tiny_target: Path) -> None:
    one, budget = build(tiny_target, num_blocks=4)
    expected = one.generate([[20] * 40], PARAMS)[0].token_ids
    one.submit("r", [20] * 40, PARAMS)
    one.step()
    pool = one._scheduler.cache.pool
    held = [pool.take() for _ in range(pool.num_free)]
    budget.start({1: 123.0})
    one._calibration._measured = "other kernels"

    one.step()
    without_blocks = budget.step_cost(1)
    for block in held:
        pool.release(block)
    while one.has_work:
        one.step()

    assert without_blocks > 50.0
    assert budget.step_cost(1) < 1.0
    assert one.generate([[20] * 40], PARAMS)[0].token_ids == expected
    assert one.stats()["num_free_blocks"] == 4
    one.close()


def test_without_a_speculator_nothing_is_measured(tiny_target: Path) -> None:
    budget = MeasuredBudget([])
    config = EngineConfig(model=str(tiny_target), device="cpu", dtype="float64", num_blocks=8)

    one = Engine(config, budget=budget)
    one.generate([[20]], PARAMS)

    assert not budget.step_cost.is_known
    one.close()


def test_nothing_is_measured_while_a_speculator_packs_its_weights(tiny_target: Path) -> None:
    class Slow(NgramSpeculator):
        packed = True

        def is_packed(self) -> bool:
            return self.packed

    speculator, budget = Slow(), MeasuredBudget(["ngram"])
    config = EngineConfig(model=str(tiny_target), device="cpu", dtype="float64", num_blocks=8)
    one = Engine(config, speculators=[speculator], budget=budget)
    budget.start({1: 123.0})
    one._calibration._measured = "other kernels"

    speculator.packed = False
    one.step()
    meanwhile = budget.step_cost(1)
    speculator.packed = True
    one.step()

    assert meanwhile == 123.0
    assert budget.step_cost(1) < 1.0
    one.close()
