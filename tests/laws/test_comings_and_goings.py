"""Whoever comes, goes, comes back or is refused, at whatever moment: nobody else notices."""

import asyncio
import threading
from contextlib import aclosing
from pathlib import Path

import pytest

from inference import (
    Engine,
    EngineConfig,
    EngineError,
    Exactly,
    FinishReason,
    InvalidRequest,
    SamplingParams,
    TokenChunk,
)
from tests.patience import PATIENCE_S

SHORT = SamplingParams(max_tokens=8, ignore_eos=True)
LONG = SamplingParams(max_tokens=400, ignore_eos=True)
JSON = SamplingParams(json_schema='{"type": "boolean"}')
GUIDED = SamplingParams(guide=(Exactly("hello"),))


def engine(target: Path, num_blocks: int = 64, max_waiting: int = 64) -> Engine:
    return Engine(
        EngineConfig(
            model=str(target),
            speculator="ngram",
            device="cpu",
            dtype="float64",
            num_blocks=num_blocks,
            max_waiting=max_waiting,
        )
    )


def run_out(one: Engine) -> list[TokenChunk]:
    chunks = []
    while one.has_work:
        chunks += one.step()
    return chunks


def test_an_abort_of_what_had_ended_at_birth_is_ignored(tiny_target: Path) -> None:
    one = engine(tiny_target)
    one.submit("r", [20], SHORT, resume_token_ids=[20] * 8)
    one.abort("r")

    (chunk,) = run_out(one)

    assert (chunk.finish_reason, chunk.num_prompt_tokens) == (FinishReason.LENGTH, 1)
    one.close()


def test_a_late_abort_spares_the_next_of_the_same_name(tiny_target: Path) -> None:
    one = engine(tiny_target)
    one.submit("r", [20], SHORT)
    first = run_out(one)
    one.abort("r")
    one.submit("r", [20], SHORT)

    second = run_out(one)

    assert first[-1].finish_reason == second[-1].finish_reason == FinishReason.LENGTH
    one.close()


@pytest.mark.parametrize(
    "params, ids", [(SHORT, [5_000]), (JSON, [50]), (GUIDED, [50])], ids=["id", "json", "guide"]
)
def test_what_cannot_be_resumed_is_refused_and_forgotten(
    tiny_target: Path, params: SamplingParams, ids: list[int]
) -> None:
    one = engine(tiny_target)

    with pytest.raises(InvalidRequest, match="resume_token_ids: id"):
        one.submit("r", [20], params, resume_token_ids=ids)

    assert not one.has_work
    one.submit("r", [20], SHORT)
    assert run_out(one)[-1].finish_reason is FinishReason.LENGTH
    one.close()


@pytest.mark.parametrize("params", [JSON, GUIDED], ids=["json", "guide"])
def test_a_whole_answer_resumed_ends_at_once(tiny_target: Path, params: SamplingParams) -> None:
    one = engine(tiny_target)
    out = one.generate([[20]], params)[0]

    one.submit("r", [20], params, resume_token_ids=out.token_ids)

    (chunk,) = one.step()
    assert (chunk.finish_reason, chunk.token_ids) == (FinishReason.STOP, ())
    one.close()


def test_a_prompt_of_every_block_can_be_computed_ahead(tiny_target: Path) -> None:
    one = engine(tiny_target, num_blocks=4)
    one.submit("typing", [20] * 64, SamplingParams(max_tokens=0))

    assert [chunk.finish_reason for chunk in one.step()] == [FinishReason.LENGTH]
    assert one.stats()["num_free_blocks"] == 4
    one.close()


def test_one_refused_prompt_leaves_none_of_the_others_behind(tiny_target: Path) -> None:
    one = engine(tiny_target)

    with pytest.raises(InvalidRequest, match="id 5000"):
        one.generate([[20], [5_000]], SHORT)

    assert not one.has_work
    assert one.stats()["num_waiting"] == 0
    one.close()


def test_aborts_do_not_wait_in_the_queue(tiny_target: Path) -> None:
    one = engine(tiny_target, max_waiting=3)
    for index in range(3):
        one.submit(f"r{index}", [20], LONG)
    one.step()
    for index in range(3):
        one.abort(f"r{index}")

    one.submit("next", [20], SHORT)

    assert run_out(one)[-1].finish_reason is FinishReason.LENGTH
    one.close()


def test_a_request_that_excludes_every_token_ends_alone(tiny_target: Path) -> None:
    one = engine(tiny_target)
    every = tuple(range(266))
    one.submit(
        "sick",
        "x",
        SamplingParams(json_schema='{"type": "boolean"}', stop_token_ids=every, min_tokens=3),
    )
    one.submit("well", [20], SHORT)

    ended = {chunk.request_id: chunk.finish_reason for chunk in run_out(one) if chunk.finish_reason}

    assert ended == {"sick": FinishReason.ERROR, "well": FinishReason.LENGTH}
    one.close()


async def test_a_second_stream_of_a_name_does_not_touch_the_first(tiny_target: Path) -> None:
    one = engine(tiny_target)
    chunks = []
    async with aclosing(one.stream([20], LONG, request_id="r")) as first:
        chunks.append(await anext(first))
        with pytest.raises(InvalidRequest, match="already running"):
            await anext(one.stream([21], LONG, request_id="r"))
        async with asyncio.timeout(PATIENCE_S):
            chunks += [chunk async for chunk in first]

    assert chunks[-1].finish_reason is FinishReason.LENGTH
    assert sum(len(chunk.token_ids) for chunk in chunks) == 400
    one.close()


async def test_closing_the_engine_ends_its_streams(tiny_target: Path) -> None:
    one = engine(tiny_target)
    stream = one.stream([20], LONG)
    await anext(stream)
    one.close()

    async with asyncio.timeout(PATIENCE_S):
        chunks = [chunk async for chunk in stream]

    assert chunks[-1].finish_reason is FinishReason.ERROR
    assert chunks[-1].error == "the engine is closed"
    with pytest.raises(EngineError, match="is closed"):
        await anext(one.stream([20], LONG))


def test_closing_the_engine_ends_what_others_generate(tiny_target: Path) -> None:
    one = engine(tiny_target)
    errors: list[Exception] = []

    def generate() -> None:
        try:
            one.generate([[20]], LONG)
        except Exception as error:
            errors.append(error)

    other = threading.Thread(target=generate)
    other.start()
    while other.is_alive() and one.stats()["num_steps"] < 3:
        pass
    one.close()
    other.join(PATIENCE_S)

    assert [str(error) for error in errors] == ["the engine is closed"]
    assert one.step() is not None, "a step after the end harms nobody"


async def test_a_step_that_fails_ends_the_streams(
    tiny_target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = engine(tiny_target)
    stream = one.stream([20], LONG)
    await anext(stream)
    monkeypatch.delattr(one._scheduler, "_waiting")  # no scheduler can work without it

    async with asyncio.timeout(PATIENCE_S):
        chunks = [chunk async for chunk in stream]

    assert chunks[-1].finish_reason is FinishReason.ERROR
    with pytest.raises(EngineError, match="is closed"):
        one.submit("r", [20], SHORT)


def test_streams_of_several_loops_beside_generate(tiny_target: Path) -> None:
    one = engine(tiny_target, num_blocks=40)
    alone = one.generate([[20, 21]], SHORT)[0].text
    texts: list[str] = []

    async def answer() -> str:
        return "".join([chunk.text async for chunk in one.stream([20, 21], SHORT)])

    async def leave() -> None:
        async with aclosing(one.stream([20, 21], LONG)) as chunks:
            await anext(chunks)

    def visit() -> None:
        for _ in range(6):  # a loop of its own each, ended with a request under way
            texts.append(asyncio.run(answer()))
            asyncio.run(leave())

    visitors = [threading.Thread(target=visit) for _ in range(3)]
    for visitor in visitors:
        visitor.start()
    for _ in range(20):
        texts.append(one.generate([[20, 21]], SHORT)[0].text)
    for visitor in visitors:
        visitor.join()
    run_out(one)

    assert texts == [alone] * 38
    assert one.stats()["num_free_blocks"] == 40
    one.close()
