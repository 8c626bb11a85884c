"""Promises 4 and 8, and what one request may do to the others: nothing."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from inference import (
    ChatMessage,
    Engine,
    EngineConfig,
    Exactly,
    FinishReason,
    InvalidRequest,
    QueueFull,
    SamplingParams,
    TokenChunk,
    Words,
)

LONG = SamplingParams(max_tokens=64, ignore_eos=True)


def engine(target: Path, num_blocks: int = 64, **options: Any) -> Engine:
    return Engine(
        EngineConfig(
            model=str(target),
            speculator="ngram",
            device="cpu",
            dtype="float64",
            num_blocks=num_blocks,
            **({"max_batch": 16} | options),
        )
    )


def tokens(chunks: list[TokenChunk], request_id: str) -> tuple[int, ...]:
    return tuple(
        one for chunk in chunks if chunk.request_id == request_id for one in chunk.token_ids
    )


def test_equal_text_under_two_salts_shares_nothing(tiny_target: Path) -> None:
    one = engine(tiny_target)
    prompt = [list(range(20, 120))]

    cold = one.generate(prompt, LONG, salt=b"first")[0]
    foreign = one.generate(prompt, LONG, salt=b"second")[0]
    own = one.generate(prompt, LONG, salt=b"first")[0]

    assert [out.num_cached_tokens for out in (cold, foreign, own)] == [0, 0, 96]
    assert cold.token_ids == foreign.token_ids == own.token_ids
    one.close()


def test_a_common_prefix_exists_once_even_when_computed_side_by_side(tiny_target: Path) -> None:
    one = engine(tiny_target)
    shared = list(range(20, 84))  # 4 blocks

    for index in range(6):
        one.submit(f"r{index}", [*shared, 100 + index], LONG)
    one.step()
    tables = [sequence.table for sequence in one._scheduler]

    assert all(table is not None for table in tables)
    assert len({tuple(table.block_ids[:4]) for table in tables if table}) == 1
    one.close()


def test_aborts_leave_the_pool_as_it_was(tiny_target: Path) -> None:
    one = engine(tiny_target, num_blocks=24)
    chunks = []
    for index in range(200):
        one.submit(f"r{index}", [(index * 7 + i) % 250 + 10 for i in range(index % 60 + 1)], LONG)
        if index % 3 == 0:
            one.abort(f"r{index - index % 5}")
        chunks += one.step()
        one.abort(f"r{index - 2}")

    for index in range(200):
        one.abort(f"r{index}")
    while one.has_work:
        chunks += one.step()

    ended = [chunk.request_id for chunk in chunks if chunk.finish_reason]
    assert sorted(ended) == sorted(f"r{index}" for index in range(200))
    assert one.stats()["num_free_blocks"] == 24
    assert one.stats()["num_running"] == one.stats()["num_waiting"] == 0
    one.close()


def test_an_abort_takes_effect_with_the_next_step(tiny_target: Path) -> None:
    one = engine(tiny_target)
    one.submit("r", [20, 21, 22], LONG)
    one.step()

    one.abort("r")

    assert [(c.request_id, c.finish_reason) for c in one.step()] == [("r", FinishReason.ABORT)]
    assert not one.has_work
    one.close()


def test_what_can_never_fit_is_refused_with_the_numbers(tiny_target: Path) -> None:
    one = engine(tiny_target, num_blocks=4)

    with pytest.raises(InvalidRequest, match="need 7 blocks, the engine has 4"):
        one.submit("r", list(range(20, 68)), LONG)
    with pytest.raises(InvalidRequest, match="600 tokens leave 0 of the model's 512"):
        one.submit("r", [20] * 600, LONG)
    with pytest.raises(InvalidRequest, match="id 5000 is outside"):
        one.submit("r", [20, 5000], LONG)
    with pytest.raises(InvalidRequest, match="prompt: is empty"):
        one.submit("r", [], LONG)
    with pytest.raises(InvalidRequest, match=r"top_p: 1\.5 is outside"):
        SamplingParams(top_p=1.5)

    assert not one.has_work
    one.close()


def test_the_queue_is_bounded(tiny_target: Path) -> None:
    one = engine(tiny_target, max_waiting=3)
    for index in range(3):
        one.submit(f"r{index}", [20], LONG)

    with pytest.raises(QueueFull) as refusal:
        one.submit("r3", [20], LONG)

    assert refusal.value.retry_after_s > 0
    one.close()


def test_higher_priority_is_served_first(tiny_target: Path) -> None:
    one = engine(tiny_target, num_blocks=6)
    one.submit("batch", [20] * 20, LONG)
    one.submit("customer", [30] * 20, SamplingParams(max_tokens=64, ignore_eos=True, priority=1))

    order = []
    while one.has_work:
        order += [chunk.request_id for chunk in one.step() if chunk.finish_reason]

    assert order == ["customer", "batch"]
    one.close()


def test_a_flood_of_one_workspace_lets_the_others_in(tiny_target: Path) -> None:
    one = engine(tiny_target, max_batch=4)
    for index in range(20):
        one.submit(f"flood-{index}", [20 + index], LONG, salt=b"flood")
    one.submit("single", [90], LONG, salt=b"other")

    order = []
    while one.has_work:
        order += [chunk.request_id for chunk in one.step() if chunk.finish_reason]

    assert order.index("single") < 4
    one.close()


def test_a_prompt_can_be_computed_before_it_is_sent(tiny_target: Path) -> None:
    one = engine(tiny_target)
    typed = list(range(20, 70))
    cold = one.generate([[*typed, 100, 101]], LONG, salt=b"a")[0]

    for _ in range(2):  # the second finds everything and ends at once
        one.submit("typing", typed, SamplingParams(max_tokens=0, priority=-10), salt=b"b")
        chunks = one.step()
        assert [(c.finish_reason, c.token_ids) for c in chunks] == [(FinishReason.LENGTH, ())]
    sent = one.generate([[*typed, 100, 101]], LONG, salt=b"b")[0]

    assert (cold.num_cached_tokens, sent.num_cached_tokens) == (0, 48)
    assert sent.token_ids == cold.token_ids
    assert one.stats()["num_free_blocks"] == 64
    one.close()


def test_typing_gives_way_to_who_has_sent(tiny_target: Path) -> None:
    one = engine(tiny_target, num_blocks=12, max_step_tokens=16)
    one.submit("typing", [20] * 160, SamplingParams(max_tokens=0, priority=-10))
    one.step()
    one.submit("sent", [30] * 80, LONG)

    order = []
    while one.has_work:
        order += [chunk.request_id for chunk in one.step() if chunk.finish_reason]

    assert set(order) == {"sent", "typing"}
    assert one.stats()["num_free_blocks"] == 12
    one.close()


def test_a_deadline_ends_a_request_with_a_reason(tiny_target: Path) -> None:
    one = engine(tiny_target)
    one.submit("r", [20], SamplingParams(max_tokens=64, ignore_eos=True, deadline_s=1e-9))

    (chunk,) = one.step()

    assert (chunk.finish_reason, chunk.error) == (FinishReason.ABORT, "the deadline has passed")
    one.close()


@pytest.mark.parametrize("num_prompt", [3, 40], ids=["decoding", "prefilling"])
def test_numbers_that_are_none_end_their_request_alone(tiny_target: Path, num_prompt: int) -> None:
    one = engine(tiny_target, max_step_tokens=24)
    healthy = one.generate([[40, 41, 42]], LONG)[0]
    one.submit("sick", list(range(20, 20 + num_prompt)), LONG)
    one.submit("well", [40, 41, 42], LONG)
    chunks = one.step()
    sick = next(sequence for sequence in one._scheduler if sequence.request_id == "sick")
    assert sick.table is not None
    last = sick.table.slots(sick.num_computed - 1, sick.num_computed)[0]
    one._runner._cache[:, :, last // 16, last % 16] = float("nan")

    while one.has_work:
        chunks += one.step()

    ended = {chunk.request_id: chunk.finish_reason for chunk in chunks if chunk.finish_reason}
    assert ended == {"sick": FinishReason.ERROR, "well": FinishReason.LENGTH}
    assert tokens(chunks, "well") == healthy.token_ids
    assert not one._runner._cache.isnan().any()
    one.close()


def test_a_request_that_breaks_the_forward_pass_ends_alone(tiny_target: Path) -> None:
    one = engine(tiny_target)
    healthy = one.generate([[40, 41, 42]], LONG)[0]
    one.submit("well", [40, 41, 42], LONG)
    chunks = one.step()
    one.submit("sick", [20, 21, 22], LONG)
    chunks += one.step()
    sick = next(sequence for sequence in one._scheduler if sequence.request_id == "sick")
    sick.token_ids[-1] = 5_000  # no such row in the embedding

    while one.has_work:
        chunks += one.step()

    ended = {chunk.request_id: chunk.finish_reason for chunk in chunks if chunk.finish_reason}
    assert ended == {"sick": FinishReason.ERROR, "well": FinishReason.LENGTH}
    assert tokens(chunks, "well") == healthy.token_ids
    assert one.stats()["num_free_blocks"] == 64
    one.close()


def test_a_guide_is_followed_to_the_letter(tiny_target: Path) -> None:
    one = engine(tiny_target)
    fact = "Returns are free for 30 days: https://fernhill.example/returns"
    guide = (Words(max_tokens=12), Exactly(f" {fact}", quote=True), Exactly(" [1]"), Words())
    chat = [[ChatMessage("system", "Be kind."), ChatMessage("user", "<|end|> returns?")]]

    for seed in range(5):
        params = SamplingParams(temperature=1.0, seed=seed, guide=guide)
        out = one.generate(chat, params)[0]
        opening, closing = out.text.split(f" {fact} [1]")
        assert out.finish_reason is FinishReason.STOP
        for words in (opening, closing):
            assert words.endswith((".", "!", "?"))
            assert not any(char.isdigit() or char in "/:@\n<>" for char in words)
    one.close()


def test_no_chunk_spans_two_segments(tiny_target: Path) -> None:
    one = engine(tiny_target)
    guide = (Words(), Exactly(" First."), Exactly(" Second. ", quote=True), Words(), Exactly("!"))
    one.submit("r", "hello", SamplingParams(temperature=1.0, seed=1, guide=guide))

    texts = [""] * len(guide)
    while one.has_work:
        for chunk in one.step():
            assert chunk.segment is not None
            texts[chunk.segment] += chunk.text

    assert [texts[1], texts[2], texts[4]] == [" First.", " Second. ", "!"]
    assert all(texts[own].endswith((".", "!", "?")) for own in (0, 3))
    one.close()


async def test_closing_a_stream_frees_its_blocks(tiny_target: Path) -> None:
    one = engine(tiny_target)
    async with aclosing(one.stream([20, 21], LONG, request_id="a")) as chunks:
        async for _ in chunks:
            break
    texts = [chunk.text async for chunk in one.stream([20, 21], LONG, request_id="b")]
    while one.has_work:
        await asyncio.to_thread(one.step)

    assert "".join(texts) == one.generate([[20, 21]], LONG)[0].text
    assert one.stats()["num_free_blocks"] == 64
    one.close()
