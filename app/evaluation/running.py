"""Every question through the pipeline, several at a time, in one of the ways an answer is made."""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_OID, UUID, uuid5

import inference
from app.answers.generator import Request, generate, seed_of
from app.answers.planning import Plan, citation
from app.answers.writing import Written, write
from app.evaluation.cases import Case
from app.evaluation.choices import Mode
from app.evaluation.dialogue import Answered, Dialogue, Say, Shop, say_extractively
from app.evaluation.measures import Cited, Outcome
from app.knowledge.passages import Passage
from app.knowledge.search import SearchIndex
from app.workspace.answer_policy import DEFAULT_POLICY, AnswerMode, AnswerPolicy
from inference import EngineConfig

if TYPE_CHECKING:
    from inference import Engine

_SALT: Final = b"evaluation"
_NUM_AT_ONCE: Final = 8
_MARKER: Final = re.compile(r"\[(\d{1,2})\]")


def policy_of(mode: Mode, company: AnswerPolicy) -> AnswerPolicy:
    """The company's, but in this mode."""
    is_free = mode in (Mode.UNCHECKED, Mode.FREE)
    return replace(company, mode=AnswerMode.FREE if is_free else AnswerMode.SPANS)


@dataclass(frozen=True)
class Voice:
    """A mode with the engine it needs."""

    mode: Mode
    say: Say


async def run(
    cases: Sequence[Case],
    index: SearchIndex,
    company: str,
    voice: Voice,
    *,
    tick: Callable[[], None],
    policy: AnswerPolicy = DEFAULT_POLICY,
) -> list[Outcome]:
    """The outcomes in the order of the cases; `tick` is called after each.

    Raises:
        Unavailable: the engine cannot answer.
    """
    shop = Shop(company, index, policy_of(voice.mode, policy))
    gate = asyncio.Semaphore(_NUM_AT_ONCE)
    passages = {
        (passage.article.article_id, passage.paragraph): passage for passage in index.passages
    }

    async def run_one(case: Case) -> Outcome:
        async with gate:
            seed = seed_of(uuid5(NAMESPACE_OID, case.id), 1)
            dialogue = Dialogue(shop, voice.say, seed=seed)
            for text in case.before:
                await dialogue.ask(text)
            answered = await dialogue.ask(case.question)
            outcome = _outcome(case, answered, passages, voice.mode)
        tick()
        return outcome

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(run_one(case)) for case in cases]
    return [task.result() for task in running]


@asynccontextmanager
async def speaking(mode: Mode, config: EngineConfig) -> AsyncGenerator[Voice]:
    """How plans are said in this mode; an engine in this process lives as long as the block.

    Raises:
        EngineError: the model cannot be served.
    """
    if mode is Mode.EXTRACTIVE:
        yield Voice(mode, say_extractively)
        return
    # Through the door at the last moment: torch is loaded only where a model speaks.
    engine = await asyncio.to_thread(inference.Engine, config)
    with contextlib.closing(engine):
        say = _say_unchecked if mode is Mode.UNCHECKED else _say_with
        yield Voice(mode, partial(say, engine))


async def _say_with(engine: "Engine", plan: Plan, seed: int) -> Written:
    return await write(engine, plan, seed=seed, salt=_SALT, show=lambda _: None)


async def _say_unchecked(engine: "Engine", plan: Plan, seed: int) -> Written:
    """Where the model may state facts, its own text, citing what it marks."""
    if plan.free is None or plan.prompt is None:
        return await _say_with(engine, plan, seed)
    request = Request(plan.prompt.messages, None, seed, _SALT)
    async with contextlib.aclosing(generate(engine, request)) as chunks:
        text = "".join([chunk.text async for chunk in chunks]).strip()
    marked = {int(found) for found in _MARKER.findall(text)}
    cited = [
        citation(marker, passage, passage.text)
        for marker, passage in enumerate(plan.free.passages, start=1)
        if marker in marked
    ]
    return Written(text, citations=tuple(cited))


def _outcome(
    case: Case,
    answered: Answered,
    passages: Mapping[tuple[UUID, int], Passage],
    mode: Mode,
) -> Outcome:
    plan, written = answered.plan, answered.written
    sources = [(passages[one.article_id, one.paragraph], one.quote) for one in written.citations]
    return Outcome(
        case=case,
        text=written.text,
        verdict=plan.verdict,
        handoff=plan.handoff,
        found=plan.articles,
        cited=tuple(Cited(passage.article.slug, quote, passage.text) for passage, quote in sources),
        breaches=tuple(written.breaches),
        is_unguarded=mode is Mode.UNCHECKED and plan.free is not None,
    )
