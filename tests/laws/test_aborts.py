"""A thousand requests leave at random moments, and leave nothing behind."""

import random
from pathlib import Path

from inference import Engine, EngineConfig, FinishReason, QueueFull
from tests.laws.sampling_options import everything

NUM_REQUESTS = 1_000


def test_a_thousand_aborts_leave_the_pool_as_it_was(tiny_target: Path) -> None:
    engine = Engine(
        EngineConfig(
            model=str(tiny_target),
            device="cpu",
            dtype="float64",
            num_blocks=48,
            block_size=4,
            max_batch=12,
            max_step_tokens=64,
            speculator="ngram",
        )
    )
    dice, kinds = random.Random(11), everything()
    ended: dict[str, FinishReason] = {}
    num_asked = 0

    def step() -> None:
        for chunk in engine.step():
            assert chunk.request_id not in ended, "nothing comes behind an end"
            if chunk.finish_reason is not None:
                ended[chunk.request_id] = chunk.finish_reason
        tables = [one.table for one in engine._scheduler if one.table is not None]
        held = {block for table in tables for block in table.block_ids}
        assert len(held) + engine.stats()["num_free_blocks"] == 48

    while num_asked < NUM_REQUESTS:
        for _ in range(dice.randrange(12)):
            prompt, params = dice.choice(kinds)
            try:
                engine.submit(f"r{num_asked}", prompt, params, salt=dice.choice([b"a", b"b"]))
            except QueueFull:
                break
            num_asked += 1
        for _ in range(dice.randrange(14)):
            engine.abort(f"r{max(0, num_asked - 1 - int(dice.expovariate(1 / 8)))}")
        for _ in range(dice.randrange(3)):
            step()
    for number in range(num_asked):
        engine.abort(f"r{number}")
    while engine.has_work:
        step()

    assert len(ended) == num_asked, "everyone got exactly one end"
    assert sum(reason is FinishReason.ABORT for reason in ended.values()) > 500
    assert FinishReason.ERROR not in ended.values()
    stats = engine.stats()
    assert stats["num_free_blocks"] == 48
    assert stats["num_running"] == stats["num_waiting"] == 0
    assert not engine._known and not engine._sinks
    engine.close()
