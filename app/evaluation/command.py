"""`careline eval`: read the set, ask everything in each mode, tell what came out."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.demo.articles import read_sources
from app.demo.seed import COMPANY
from app.demo.vectors import demo_index
from app.engines import engine_config
from app.errors import BadQuestionSet, EngineFailed
from app.evaluation.cases import FILE, Case, read_cases
from app.evaluation.choices import Mode, Part
from app.evaluation.measures import Outcome, measure
from app.evaluation.policies import read_policy, tell_policy
from app.evaluation.running import run, speaking
from app.evaluation.telling import save, tabulate
from app.knowledge.search import SearchIndex
from app.settings import Settings
from app.workspace.answer_policy import DEFAULT_POLICY, AnswerPolicy
from inference import EngineConfig, EngineError


def choose(path: Path | None, part: Part) -> tuple[Case, ...]:
    """The set's questions, or one half of them; of our own set where no `path` is given.

    Raises:
        BadQuestionSet: the file is wrong, names an article the demo lacks, or has no such half.
    """
    path = path or FILE
    known = {article.slug for article in read_sources()}
    cases = read_cases(path)
    for case in cases:
        missing = sorted({*case.articles} - known)
        if missing:
            raise BadQuestionSet(f"{path}: {case.id} names {missing[0]!r}, which is no article.")
    chosen = tuple(case for case in cases if part in (Part.ALL, case.split.value))
    if not chosen:
        raise BadQuestionSet(f"{path} holds no questions marked {part}.")
    return chosen


async def evaluate(
    cases: Sequence[Case],
    modes: Sequence[Mode],
    settings: Settings,
    console: Console,
    json_path: Path | None = None,
    whose: str | None = None,
) -> None:
    """Ask the cases in every mode, print the table, keep the JSON.

    Raises:
        NotFound: there is no such company in the database.
        EngineFailed: the model cannot be served.
        Unavailable: the engine cannot answer.
    """
    policy = DEFAULT_POLICY if whose is None else await read_policy(settings, whose)
    console.print(tell_policy(policy, whose), highlight=False)
    index = await asyncio.to_thread(demo_index)
    config = engine_config(settings)
    outcomes = {mode: await _ask_all(cases, index, mode, policy, config, console) for mode in modes}
    told = {mode.value: made for mode, made in outcomes.items()}
    console.print(tabulate({mode: measure(made) for mode, made in told.items()}))
    if json_path is not None:
        save(json_path, told)


async def _ask_all(
    cases: Sequence[Case],
    index: SearchIndex,
    mode: Mode,
    policy: AnswerPolicy,
    config: EngineConfig,
    console: Console,
) -> list[Outcome]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )  # fmt: skip
    try:
        async with speaking(mode, config) as voice:
            with Progress(*columns, console=console, transient=True) as progress:
                bar = progress.add_task(mode.value, total=len(cases))

                def tick() -> None:
                    progress.advance(bar)

                return await run(cases, index, COMPANY, voice, tick=tick, policy=policy)
    except EngineError as error:
        raise EngineFailed(f"The model cannot be used: {error.message}.") from error
