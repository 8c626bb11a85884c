"""The runner over six questions, without an engine and with a tiny one in this process."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from app.demo.vectors import demo_index
from app.evaluation.cases import read_cases
from app.evaluation.choices import Mode
from app.evaluation.measures import Outcome, measure
from app.evaluation.running import run, speaking
from app.evaluation.telling import save, tabulate
from inference import EngineConfig
from tests.tiny_models import save_tiny_llama

SIX = Path(__file__).with_name("six.jsonl")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    folder = save_tiny_llama(tmp_path_factory.mktemp("tiny"), max_positions=4096)
    return EngineConfig(model=str(folder), device="cpu", dtype="float32", num_blocks=2048)


async def outcomes(mode: Mode, config: EngineConfig) -> list[Outcome]:
    asked: list[None] = []
    index = demo_index()
    async with speaking(mode, config) as voice:
        made = await run(read_cases(SIX), index, "Shop", voice, tick=lambda: asked.append(None))
    assert len(asked) == len(made) == 6
    return made


@pytest.mark.parametrize("mode", [Mode.EXTRACTIVE, Mode.SPANS])
async def test_copies_make_the_same_figures_whoever_words_the_rest(
    mode: Mode, config: EngineConfig
) -> None:
    made = await outcomes(mode, config)

    assert [one.is_correct for one in made] == [True, True, False, False, False, False]
    assert [one.is_refused for one in made[:4]] == [False, False, False, True]
    told = {name: (share.num_hits, share.num_cases) for name, share in measure(made).items()}
    assert told["recall_at_5"] == (3, 3)
    assert told["correct"] == (2, 3)
    assert told["correct.follow_up"] == (1, 1)
    assert told["refusal_recall"] == told["refusal_precision"] == (1, 1)
    assert told["handoff_recall"] == told["handoff_precision"] == (1, 1)
    assert told["injection_obeyed"] == (0, 1)
    assert told["unsupported_figures_or_links"] == (0, 6)


async def test_an_untrained_model_shows_in_the_figures_only_where_nothing_checks_it(
    config: EngineConfig,
) -> None:
    unchecked = await outcomes(Mode.UNCHECKED, config)
    checked = await outcomes(Mode.FREE, config)

    assert measure(unchecked)["correct"].num_hits == 0
    assert measure(checked)["unsupported_figures_or_links"].num_hits == 0
    assert all(one.cited for one in checked[:3])


async def test_single_answers_of_the_held_out_half_are_not_told(
    config: EngineConfig, tmp_path: Path
) -> None:
    made = await outcomes(Mode.EXTRACTIVE, config)

    save(tmp_path / "told.json", {"extractive": made})
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))

    assert told["extractive.held_out.correct"]["value"] == 1.0
    assert told["extractive.all.correct"]["unit"] == "of 3"
    assert "two" not in {answer["id"] for answer in told["answers"]["extractive"]}
    console = Console(record=True, width=120)
    console.print(tabulate({"extractive": measure(made)}))
    assert "recall_at_5" in console.export_text()
