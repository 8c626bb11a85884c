"""Promise 8, for what nobody waits for: it costs those who are waited for a tenth at most.

Prices of steps are planted, so nothing here depends on a clock.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from inference import (
    BACKGROUND_PRIORITY,
    Engine,
    EngineConfig,
    Exactly,
    SamplingParams,
    TokenChunk,
    Words,
)
from inference.batch import Batch
from inference.leeway import SHARE
from inference.speculation.budget import MeasuredBudget

LIVE = SamplingParams(max_tokens=40, ignore_eos=True)
PARTS = (Words(max_tokens=6), Exactly(" an exact text of some length.", quote=True))
BATCH = SamplingParams(
    max_tokens=60, temperature=1.0, seed=3, guide=PARTS, priority=BACKGROUND_PRIORITY
)
TICKET = [20 + index % 200 for index in range(150)]
ASKED = list(range(30, 60))

Curve = Callable[[int], float]
CURVES: dict[str, Curve] = {
    "two cores": lambda rows: 0.9 + 0.35 * rows,
    "a wide device": lambda rows: 1.0 + 0.01 * rows,
    "stairs": lambda rows: 1.0 + rows // 8,
}


def engine(target: Path, curve: Curve, num_blocks: int = 128, max_batch: int = 8) -> Engine:
    budget = MeasuredBudget([])
    budget.start({rows: curve(rows) for rows in (1, 2, 4, 8, 16, 32, 64)})
    config = EngineConfig(
        model=str(target),
        device="cpu",
        dtype="float64",
        num_blocks=num_blocks,
        max_batch=max_batch,
        max_step_tokens=96,
    )
    return Engine(config, budget=budget)


def watch(one: Engine, monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """The steps as they ran."""
    batches: list[Batch] = []
    choose = one._scheduler.next_batch

    def keep() -> Batch:
        batches.append(choose())
        return batches[-1]

    monkeypatch.setattr(one._scheduler, "next_batch", keep)
    return batches


def rows_of(batch: Batch, *, is_background: bool) -> int:
    own = (one for one in batch.parts if one.sequence.is_background == is_background)
    return sum(one.num_rows for one in own)


def run(one: Engine) -> dict[str, list[TokenChunk]]:
    chunks: dict[str, list[TokenChunk]] = {}
    while one.has_work:
        for chunk in one.step():
            chunks.setdefault(chunk.request_id, []).append(chunk)
    return chunks


def ids_of(chunks: list[TokenChunk]) -> tuple[int, ...]:
    return tuple(token_id for chunk in chunks for token_id in chunk.token_ids)


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("num_live", [1, 5])
def test_steps_that_somebody_waits_for_are_lengthened_by_a_tenth_at_most(
    tiny_target: Path, monkeypatch: pytest.MonkeyPatch, curve: Curve, num_live: int
) -> None:
    alone = engine(tiny_target, curve)
    (expected,) = alone.generate([TICKET], BATCH)
    alone.close()
    one = engine(tiny_target, curve)
    price = one._scheduler._leeway._known
    batches = watch(one, monkeypatch)
    for number in range(2):
        one.submit(f"ticket {number}", TICKET, BATCH)
    for number in range(num_live):
        one.submit(f"live {number}", [*ASKED, 60 + number], LIVE)

    chunks = run(one)

    spent = lengthened = 0.0
    for batch in batches:
        live = rows_of(batch, is_background=False)
        if live:
            spent += price(live)
            more = price(batch.num_rows) - price(live)
            lengthened += more
            one_row = price(live + 1) - price(live)
            assert more <= max(SHARE * price(live), one_row) + 1e-9
    assert 0 < lengthened <= SHARE * spent + 1e-9
    assert ids_of(chunks["ticket 0"]) == ids_of(chunks["ticket 1"]) == expected.token_ids
    one.close()


def test_an_answer_takes_its_own_steps_beside_a_flood_of_tickets(tiny_target: Path) -> None:
    """Neither their places nor their blocks are in its way."""
    curve = CURVES["two cores"]
    alone = engine(tiny_target, curve, num_blocks=24, max_batch=4)
    alone.submit("live", ASKED, LIVE)
    expected = _steps_to_the_end(alone)
    alone.close()

    for max_batch in (2, 4):
        one = engine(tiny_target, curve, num_blocks=24, max_batch=max_batch)
        for number in range(6):
            one.submit(f"ticket {number}", [number + 20, *TICKET], BATCH)
        for _ in range(3):
            one.step()
        assert one.stats()["num_running"] == 2  # of places or of blocks there are no more
        one.submit("live", ASKED, LIVE)

        assert _steps_to_the_end(one) == expected
        one.close()


def test_a_ticket_ends_however_long_answers_come(tiny_target: Path) -> None:
    one = engine(tiny_target, CURVES["two cores"])
    one.submit("ticket", TICKET[:40], BATCH)
    ended, number = False, 0
    while not ended:
        if one.stats()["num_running"] < 3:
            one.submit(f"live {number}", ASKED, LIVE)
            number += 1
        ended = any(chunk.request_id == "ticket" and chunk.finish_reason for chunk in one.step())
        assert number < 30
    one.close()


def _steps_to_the_end(one: Engine) -> int:
    for number in range(1, 1_000):
        for chunk in one.step():
            if chunk.request_id == "live" and chunk.finish_reason is not None:
                return number
    raise AssertionError("it has not ended")
