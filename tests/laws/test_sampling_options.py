"""Promise 1 over every sampling option: what a request says depends on the request alone."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inference import Engine, EngineConfig, TokenChunk
from tests.laws.sampling_options import (
    OPTIONS,
    Asked,
    Said,
    answers,
    combinations,
    everything,
    heard,
)

FEW = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def engine_of(target: Path, **options: Any) -> Engine:
    config: dict[str, Any] = {"device": "cpu", "dtype": "float64", "num_blocks": 512} | options
    return Engine(EngineConfig(model=str(target), **config))


@pytest.fixture(scope="module")
def single(tiny_target: Path) -> Iterator[Engine]:
    """Serves one request at a time, without speculation: what all else must equal."""
    engine = engine_of(tiny_target, max_batch=1)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def shared(tiny_target: Path) -> Iterator[Engine]:
    """Serves many at a time, and guesses; its cache is warm from whoever came before."""
    engine = engine_of(tiny_target, speculator="ngram")
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def alone(single: Engine) -> list[Said]:
    return [answers(single, [one])[0] for one in everything()]


def test_every_option_does_something(alone: list[Said]) -> None:
    of = dict(zip(OPTIONS, alone, strict=True))
    assert {said[2].value for said in alone} == {"stop", "length"}
    assert of["stop"][1] == of["stop"][1].split("e")[0].split("\n")[0]
    assert len(of["min_tokens"][0]) >= 15
    assert len(of["logprobs"][4]) == len(of["logprobs"][0])
    assert of["no token"][0] == ()
    assert len(of["choice"][3]) == 2
    assert len({said[0] for said in alone}) > 18


@pytest.mark.parametrize("num", [8, 32])
@pytest.mark.parametrize("speculator", [None, "ngram"])
def test_a_batch_changes_nothing(
    tiny_target: Path, alone: list[Said], num: int, speculator: str | None
) -> None:
    engine = engine_of(tiny_target, speculator=speculator, max_step_tokens=96)
    asked = everything()
    for first in range(0, len(asked), num):
        own = [(index + first) % len(asked) for index in range(num)]

        together = answers(engine, [asked[index] for index in own])

        assert together == [alone[index] for index in own]
    engine.close()


def test_a_warm_cache_changes_nothing(tiny_target: Path, alone: list[Said]) -> None:
    engine = engine_of(tiny_target, speculator="ngram")
    assert [answers(engine, everything()) for _ in range(2)] == [alone, alone]
    assert engine.stats()["prefix_hit_tokens"] > 0
    engine.close()


def test_fifty_requests_in_the_room_of_one_change_nothing(
    tiny_target: Path, alone: list[Said]
) -> None:
    asked = everything() * 2
    longest = max(
        len(prompt) + len(said[0]) for (prompt, _), said in zip(asked, alone * 2, strict=True)
    )
    num_blocks = round(1.2 * -(-longest // 4))
    engine = engine_of(
        tiny_target, num_blocks=num_blocks, block_size=4, max_step_tokens=24, max_batch=8
    )

    together = answers(engine, asked)

    assert len(asked) > 50 and together == alone * 2
    assert engine.stats()["num_preemptions"] > 0
    assert engine.stats()["num_free_blocks"] == num_blocks
    engine.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_neighbours_that_leave_change_nothing(shared: Engine, alone: list[Said], seed: int) -> None:
    dice, asked = random.Random(seed), everything()
    chunks: dict[str, list[TokenChunk]] = {}
    for name, (prompt, params) in enumerate(asked):
        for kind in ("stays", "leaves"):
            chunks[f"{kind} {name}"] = []
            shared.submit(f"{kind} {name}", prompt, params)

    while shared.has_work:
        for chunk in shared.step():
            chunks[chunk.request_id].append(chunk)
        shared.abort(f"leaves {dice.randrange(len(asked))}")

    assert [heard(chunks[f"stays {name}"]) for name in range(len(asked))] == alone


@pytest.mark.parametrize("seed", [1, 2])
def test_an_interruption_changes_nothing(shared: Engine, alone: list[Said], seed: int) -> None:
    dice = random.Random(seed)
    for (prompt, params), said in zip(everything(), alone, strict=True):
        done = said[0][: dice.randrange(len(said[0]) + 1)]
        shared.submit("again", prompt, params, resume_token_ids=done)
        chunks = []
        while shared.has_work:
            chunks += shared.step()

        ids, text, reason, choices, logprobs = heard(chunks, done)
        assert (ids, reason) == (said[0], said[2])
        assert said[1].endswith(text)
        assert choices == said[3][len(said[3]) - len(choices) :]
        assert logprobs == said[4][len(said[4]) - len(logprobs) :]


@given(asked=st.lists(combinations(), min_size=1, max_size=6))
@FEW
def test_combinations_say_together_what_each_says_alone(
    single: Engine, shared: Engine, asked: list[Asked]
) -> None:
    assert answers(shared, asked) == [answers(single, [one])[0] for one in asked]
