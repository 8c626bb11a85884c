"""Least lengths, deadlines, and failures among others."""

from pathlib import Path

import pytest

from inference import Engine, EngineConfig, FinishReason, SamplingParams

EVERY_ID = tuple(range(266))
EXCLUDES_ALL = SamplingParams(
    json_schema='{"type": "boolean"}', stop_token_ids=EVERY_ID, min_tokens=3
)


@pytest.fixture
def engine(tiny_target: Path) -> Engine:
    return Engine(
        EngineConfig(model=str(tiny_target), device="cpu", dtype="float64", speculator="ngram")
    )


@pytest.mark.parametrize("min_tokens", [0, 1, 9, 30])
def test_no_stop_string_ends_an_answer_before_its_least_length(
    engine: Engine, min_tokens: int
) -> None:
    free = SamplingParams(max_tokens=30, temperature=1.0, seed=4, ignore_eos=True)
    whole = engine.generate(["hello"], free)[0]
    stop = tuple({char for char in whole.text if char != "\ufffd"})
    params = SamplingParams(
        max_tokens=30,
        temperature=1.0,
        seed=4,
        ignore_eos=True,
        stop=stop[:16],
        min_tokens=min_tokens,
    )

    out = engine.generate(["hello"], params)[0]

    assert len(out.token_ids) >= min_tokens
    assert out.token_ids == whole.token_ids[: len(out.token_ids)]
    assert whole.text.startswith(out.text)
    assert out.finish_reason is (FinishReason.LENGTH if min_tokens == 30 else FinishReason.STOP)
    if min_tokens < 30:
        assert len(out.token_ids) < 30


def test_a_deadline_of_nothing_is_over_before_the_first_step(engine: Engine) -> None:
    late, well = engine.generate(
        [[20], [20]],
        [SamplingParams(max_tokens=4, deadline_s=0.0), SamplingParams(max_tokens=4)],
    )

    assert (late.finish_reason, late.token_ids) == (FinishReason.ABORT, ())
    assert late.error == "the deadline has passed"
    assert late.num_steps == 0
    assert (well.error, len(well.token_ids)) == (None, 4)
    engine.close()


def test_generate_answers_the_others_when_one_fails(engine: Engine) -> None:
    params = SamplingParams(max_tokens=6, ignore_eos=True)
    alone = engine.generate([[30, 31]], params)[0]

    sick, well = engine.generate([[20], [30, 31]], [EXCLUDES_ALL, params])

    assert sick.finish_reason is FinishReason.ERROR
    assert sick.error is not None and "every token is excluded" in sick.error
    assert (well.token_ids, well.error) == (alone.token_ids, None)
    assert engine.stats()["num_free_blocks"] == engine.stats()["num_blocks"]
    engine.close()


def test_a_failure_in_the_middle_of_a_draft_ends_its_request_alone(engine: Engine) -> None:
    params = SamplingParams(max_tokens=20, ignore_eos=True)
    prompt = [40, 41, 42, 43] * 6
    alone = engine.generate([prompt], params)[0]
    schema = '{"type": "object", "required": ["key"], "properties": {"key": {"type": "boolean"}}}'
    forced_then_stuck = SamplingParams(
        max_tokens=40, json_schema=schema, stop_token_ids=EVERY_ID, min_tokens=40
    )

    outputs = engine.generate([prompt, [20], prompt], [params, forced_then_stuck, params])

    assert [out.finish_reason for out in outputs] == [
        FinishReason.LENGTH,
        FinishReason.ERROR,
        FinishReason.LENGTH,
    ]
    assert outputs[0].token_ids == outputs[2].token_ids == alone.token_ids
    assert engine.stats()["num_drafted_tokens"] > 0
    assert engine.stats()["num_free_blocks"] == engine.stats()["num_blocks"]
    engine.close()
