"""Promise 7 in the engine: what a `Spans` segment says is a copy, and which one is told."""

from pathlib import Path

import pytest

from inference import (
    Engine,
    EngineConfig,
    Exactly,
    SamplingParams,
    SpanChoice,
    Spans,
    SpanSource,
    Words,
)
from inference.request import BACKGROUND_PRIORITY
from inference.speculation.budget import EveryNode

ARTICLES = (
    ("Returns are free for 30 days.", "Returns are free.", "Refunds take 5 days."),
    ("Delivery takes 3 days.", "Delivery is free from $60: see https://fernhill.example/d"),
)
SOURCES = tuple(
    SpanSource(text, suffix=f" [{number}]") for number, text in enumerate(ARTICLES, start=1)
)
GUIDE = (Words(max_tokens=6), Spans(SOURCES, 2, lead=" ", quote=True), Words(max_tokens=6))


@pytest.fixture(scope="module")
def engine(tiny_target: Path) -> Engine:
    return Engine(EngineConfig(model=str(tiny_target), device="cpu", dtype="float64"))


def quoted(choice: SpanChoice) -> str:
    chosen = ARTICLES[choice.source][choice.first : choice.first + choice.num_sentences]
    return f" {' '.join(chosen)} [{choice.source + 1}]"


def test_the_model_chooses_and_the_choice_is_told(engine: Engine) -> None:
    heard: set[SpanChoice] = set()
    for seed in range(12):
        params = SamplingParams(temperature=1.5, seed=seed, guide=GUIDE)
        engine.submit("r", f"question {seed}", params)
        chunks = []
        while engine.has_work:
            chunks += engine.step()

        (choice,) = [chunk.choice for chunk in chunks if chunk.choice]
        own = [chunk for chunk in chunks if chunk.segment == 1]
        assert own[-1].choice == choice
        assert "".join(chunk.text for chunk in own) == quoted(choice)
        heard.add(choice)
    assert len(heard) > 3, "a wide random model has no favourite"


def test_generate_tells_the_choices_in_order(engine: Engine) -> None:
    two = (*GUIDE[:2], Exactly(" And"), *GUIDE[1:])
    out = engine.generate(["x"], SamplingParams(temperature=1.5, seed=3, guide=two))[0]

    first, second = out.choices
    assert f"{quoted(first)} And{quoted(second)}" in out.text
    assert out.num_accepted_tokens == out.num_drafted_tokens > 20, "what is forced is drafted"


@pytest.mark.parametrize("wanted", [(0, 0), (0, 2), (1, 1)])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_strong_prior_decides(
    engine: Engine, wanted: tuple[int, int], temperature: float
) -> None:
    sources = tuple(
        SpanSource(
            text, tuple(900.0 * ((number, first) == wanted) for first in range(len(text))), " [1]"
        )
        for number, text in enumerate(ARTICLES)
    )
    params = SamplingParams(temperature=temperature, seed=1, guide=(Spans(sources, quote=True),))

    out = engine.generate(["x"], params)[0]

    assert out.choices == (SpanChoice(*wanted, 1),)
    assert out.text == ARTICLES[wanted[0]][wanted[1]] + " [1]"


@pytest.mark.parametrize(("num_readers", "most"), [(1, 47), (2, 32), (3, 17), (5, 15)])
def test_certain_tokens_have_more_room_where_few_are_served(
    tiny_target: Path, num_readers: int, most: int
) -> None:
    config = EngineConfig(model=str(tiny_target), device="cpu", dtype="float64")
    engine = Engine(config, speculators=[], budget=EveryNode([]))
    params = SamplingParams(guide=(Exactly("x" * 200),))
    for number in range(num_readers):
        engine.submit(f"r{number}", [number + 3], params)

    gained = [len(chunk.token_ids) for chunk in engine.step()]

    assert len(gained) == num_readers
    assert max(gained) == most + 1, "and a token behind the drafted ones"


def test_a_background_request_gets_no_more_than_was_offered(tiny_target: Path) -> None:
    config = EngineConfig(model=str(tiny_target), device="cpu", dtype="float64")
    engine = Engine(config, speculators=[], budget=EveryNode([]))
    params = SamplingParams(guide=(Exactly("x" * 200),), priority=BACKGROUND_PRIORITY)
    engine.submit("r", [3], params)

    assert max(len(chunk.token_ids) for chunk in engine.step()) == config.max_draft_tokens + 1


@pytest.mark.parametrize(("num_blocks", "max_step_tokens"), [(14, 512), (64, 20)])
def test_certain_tokens_take_only_the_room_there_is(
    tiny_target: Path, num_blocks: int, max_step_tokens: int
) -> None:
    """Three who need thirteen blocks each, in fourteen; or in steps of twenty rows."""
    config = EngineConfig(
        model=str(tiny_target), device="cpu", dtype="float64",
        num_blocks=num_blocks, max_batch=8, max_step_tokens=max_step_tokens,
    )  # fmt: skip
    engine = Engine(config, speculators=[], budget=EveryNode([]))
    for number in range(3):
        engine.submit(f"r{number}", [number + 3], SamplingParams(guide=(Exactly("x" * 200),)))
    said = dict.fromkeys(("r0", "r1", "r2"), "")
    while engine.has_work:
        chunks = engine.step()
        assert sum(len(chunk.token_ids) for chunk in chunks) <= max_step_tokens
        for chunk in chunks:
            said[chunk.request_id] += chunk.text

    assert set(said.values()) == {"x" * 200}
