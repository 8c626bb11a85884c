"""Every question through the pipeline, several at a time, in one of the ways an answer is made."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_OID, UUID, uuid5

import inference
from app.answers.generator import seed_of
from app.answers.planning import Plan
from app.answers.writing import Written, write
from app.evaluation.cases import Case
from app.evaluation.dialogue import Answered, Dialogue, Say, say_extractively
from app.evaluation.measures import Cited, Outcome
from app.knowledge.passages import Passage
from app.knowledge.search import SearchIndex
from inference import EngineConfig

if TYPE_CHECKING:
    from inference import Engine

_SALT: Final = b"evaluation"
_NUM_AT_ONCE: Final = 8


class Mode(StrEnum):
    """Who words an answer."""

    EXTRACTIVE = "extractive"
    """Nobody: quotes between sentences that stand ready."""
    SPANS = "spans"
    """The model, around quotes that must stand letter by letter."""


async def run(
    cases: Sequence[Case], index: SearchIndex, company: str, say: Say, *, tick: Callable[[], None]
) -> list[Outcome]:
    """The outcomes in the order of the cases; `tick` is called after each.

    Raises:
        Unavailable: the engine cannot answer.
    """
    gate = asyncio.Semaphore(_NUM_AT_ONCE)
    passages = {
        (passage.article.article_id, passage.paragraph): passage for passage in index.passages
    }

    async def run_one(case: Case) -> Outcome:
        async with gate:
            seed = seed_of(uuid5(NAMESPACE_OID, case.id), 1)
            dialogue = Dialogue(index, company, say, seed=seed)
            for text in case.before:
                await dialogue.ask(text)
            outcome = _outcome(case, await dialogue.ask(case.question), passages)
        tick()
        return outcome

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(run_one(case)) for case in cases]
    return [task.result() for task in running]


@asynccontextmanager
async def speaking(mode: Mode, config: EngineConfig) -> AsyncGenerator[Say]:
    """The way to say a plan; an engine in this process lives as long as the block.

    Raises:
        EngineError: the model cannot be served.
    """
    if mode is Mode.EXTRACTIVE:
        yield say_extractively
        return
    # Through the door at the last moment: torch is loaded only where a model speaks.
    engine = await asyncio.to_thread(inference.Engine, config)
    with contextlib.closing(engine):
        yield partial(_say_with, engine)


async def _say_with(engine: "Engine", plan: Plan, seed: int) -> Written:
    return await write(engine, plan, seed=seed, salt=_SALT, show=lambda _: None)


def _outcome(
    case: Case, answered: Answered, passages: Mapping[tuple[UUID, int], Passage]
) -> Outcome:
    plan, written = answered.plan, answered.written
    sources = [(passages[one.article_id, one.paragraph], one.quote or "") for one in plan.citations]
    return Outcome(
        case=case,
        text=written.text,
        verdict=plan.verdict,
        handoff=plan.handoff,
        found=plan.articles,
        cited=tuple(Cited(passage.article.slug, quote, passage.text) for passage, quote in sources),
        breaches=tuple(written.breaches),
    )
