"""Promise 8, for what is computed ahead of its time: nobody waits for it."""

from pathlib import Path

import pytest

from inference import Engine, EngineConfig, SamplingParams, TokenChunk

ANSWER = SamplingParams(max_tokens=24, ignore_eos=True)
AHEAD = SamplingParams(max_tokens=0, priority=-10)
TYPED = [20 + index % 200 for index in range(320)]
ASKED = list(range(30, 110))


def engine(target: Path, num_blocks: int) -> Engine:
    return Engine(
        EngineConfig(
            model=str(target),
            device="cpu",
            dtype="float64",
            num_blocks=num_blocks,
            max_batch=4,
            max_step_tokens=128,
        )
    )


def steps_to_the_end(one: Engine, request_id: str) -> int:
    for number in range(1, 1_000):
        if any(_ends(chunk, request_id) for chunk in one.step()):
            return number
    raise AssertionError(f"{request_id} has not ended")


def _ends(chunk: TokenChunk, request_id: str) -> bool:
    return chunk.request_id == request_id and chunk.finish_reason is not None


@pytest.mark.parametrize("num_blocks", [64, 21], ids=["roomy", "all blocks held"])
@pytest.mark.parametrize("num_before", [0, 1, 4])
def test_an_answer_takes_its_own_steps_whatever_is_typed(
    tiny_target: Path, num_blocks: int, num_before: int
) -> None:
    alone = engine(tiny_target, num_blocks)
    alone.submit("sent", ASKED, ANSWER)
    expected = steps_to_the_end(alone, "sent")

    one = engine(tiny_target, num_blocks)
    one.submit("typed", TYPED, AHEAD)
    for _ in range(num_before):
        one.step()
    one.submit("sent", ASKED, ANSWER)

    assert steps_to_the_end(one, "sent") == expected
    assert one.stats()["num_preemptions"] == 0
    one.close()
    alone.close()


def test_what_was_computed_before_somebody_came_is_not_lost(tiny_target: Path) -> None:
    one = engine(tiny_target, 64)
    one.submit("typed", TYPED, AHEAD)
    for _ in range(4):
        one.step()

    one.generate([ASKED], ANSWER)
    (sent,) = one.generate([TYPED], ANSWER)

    assert sent.num_cached_tokens >= 4 * 32
    one.close()


def test_it_moves_on_when_all_is_quiet_and_in_short_steps(tiny_target: Path) -> None:
    one = engine(tiny_target, 64)
    one.submit("typed", TYPED, AHEAD)

    assert steps_to_the_end(one, "typed") == len(TYPED) // (128 // 4)
    assert one.stats()["num_free_blocks"] == 64
    one.close()


def test_a_full_batch_still_lets_in_who_has_sent(tiny_target: Path) -> None:
    one = engine(tiny_target, 256)
    for number in range(4):
        one.submit(f"typed {number}", [number + 20, *TYPED], AHEAD)
    one.step()
    one.submit("sent", ASKED, ANSWER)

    first = [chunk.request_id for chunk in one.step()]

    assert first == ["sent"]
    one.close()
