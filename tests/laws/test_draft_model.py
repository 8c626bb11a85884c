"""Promise 1 with drafts by a smaller model and from texts, whatever becomes of the blocks."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference import Document, Engine, EngineConfig
from inference.runner.model_runner import ModelRunner
from inference.speculation.base import Speculator
from inference.speculation.budget import EveryNode
from inference.speculation.corpora import Corpora
from inference.speculation.draft_model import DraftShape, load
from inference.speculation.suffix import SuffixSpeculator
from tests.laws.test_lossless import PARAMS, PROMPTS, Answer, answers
from tests.tiny_models import save_tiny_llama

NAMES = ("greedy", "penalised", "guided")
KINDS = ("draft_model", "suffix")
Make = Callable[..., Engine]


@pytest.fixture(scope="module")
def plain(tiny_target: Path) -> dict[str, list[Answer]]:
    """What every prompt says without speculation."""
    one = Engine(_config(tiny_target, num_blocks=256))
    return {name: answers(one, PROMPTS, PARAMS[name]) for name in NAMES}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("tiny") / "draft", seed=3, num_layers=1)


@pytest.fixture
def make(
    kind: str, tiny_target: Path, small: Path, plain: dict[str, list[Answer]]
) -> Iterator[Make]:
    """An engine with one speculator of a kind that drafts at every step, wide and deep."""
    made: list[Engine] = []

    def build(**options: Any) -> Engine:
        config = _config(tiny_target, **options)
        facts = ModelRunner(config).facts
        speculator: Speculator = SuffixSpeculator(Corpora(10_000))
        if kind != "suffix":
            folder = small if kind == "draft_model" else tiny_target
            speculator = load(folder, facts, DraftShape(max_depth=3, least_survival=0.0))
        one = Engine(config, [speculator], EveryNode([speculator.name]))
        one.learn([Document(str(i), said[0]) for i, said in enumerate(plain["penalised"])])
        made.append(one)
        return one

    yield build
    for one in made:
        one.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_and_a_warm_prefix_say_what_no_speculation_says(
    make: Make, plain: dict[str, list[Answer]], name: str
) -> None:
    one = make(num_blocks=256)

    assert answers(one, PROMPTS, PARAMS[name]) == plain[name]
    assert answers(one, PROMPTS, PARAMS[name]) == plain[name]
    stats = one.stats()
    assert stats["num_drafted_tokens"] > 100
    assert stats["num_free_blocks"] == 256


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["penalised"])
def test_a_tiny_pool_and_aborts_say_what_no_speculation_says(
    make: Make, plain: dict[str, list[Answer]], name: str
) -> None:
    one = make(num_blocks=14, max_step_tokens=24, max_batch=8)
    for number, prompt in enumerate(PROMPTS):
        one.submit(f"aborted {number}", prompt, PARAMS[name])
    for number in range(len(PROMPTS)):
        one.step()
        one.abort(f"aborted {number}")
    while one.has_work:
        one.step()

    assert answers(one, PROMPTS, PARAMS[name]) == plain[name]
    stats = one.stats()
    assert stats["num_preemptions"] > 0
    assert stats["num_free_blocks"] == 14


@pytest.mark.parametrize("kind", ["same model"])
def test_a_draft_model_that_is_the_target_drafts_what_it_says(
    make: Make, plain: dict[str, list[Answer]]
) -> None:
    one = make(num_blocks=256)

    outputs = one.generate(PROMPTS, PARAMS["greedy"])

    for output, (token_ids, _, _) in zip(outputs, plain["greedy"], strict=True):
        assert output.token_ids == token_ids
        assert output.num_steps < len(token_ids) / 2


def _config(target: Path, **options: Any) -> EngineConfig:
    return EngineConfig(model=str(target), device="cpu", dtype="float64", **options)
