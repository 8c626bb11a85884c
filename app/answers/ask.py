"""One question outside of any conversation: nothing is stored, nobody is handed over.

The turn is planned and written as in a conversation. What was said before comes with the question,
and as text only: ids are believed from our own store alone.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.answers.earlier import Earlier, recall
from app.answers.generator import ANSWER_PRIORITY, BATCH_PRIORITY, read_window, seed_of
from app.answers.language import find_language
from app.answers.planning import Plan, make_plan
from app.answers.thread import Thread, masked_turns
from app.answers.writing import Written, write
from app.conversations.answering import Turn
from app.conversations.schemas import Citation
from app.database import Database
from app.errors import Unavailable
from app.knowledge.evidence import Verdict
from app.knowledge.library import Library, Shelf
from app.knowledge.search import SearchIndex
from app.knowledge.service import article_url
from app.models import Workspace
from app.vocabulary import MessageState, Phase, Role
from app.workspace.answer_policy import AnswerPolicy
from inference import EngineClient

OWN_LANGUAGE = "en"
"""Of the questions that are looked up, and of what triage understands."""
BATCH_TIMEOUT_S = 600.0
"""What nobody waits for may take long beside answers that somebody does."""


class Finding(StrEnum):
    """What came of a question."""

    ANSWERED = "answered"
    CLARIFY = "clarify"
    """It is asked which of two articles is meant, or something that may be meant is quoted."""
    UNKNOWN = "unknown"
    HANDOFF = "handoff"
    """A person should answer; `reason` says why."""


@dataclass(frozen=True)
class Said:
    """An earlier message, of the customer or of the bot."""

    role: Role
    text: str


@dataclass(frozen=True)
class Asked:
    """A question with what was said before it, oldest first."""

    question: str
    history: tuple[Said, ...] = ()
    locale: str | None = None
    seed: int | None = None
    """Of the bot's own words; without one the same question gives the same text."""


@dataclass(frozen=True)
class Cost:
    """Tokens, and milliseconds from the question."""

    num_prompt_tokens: int
    num_cached_tokens: int
    num_output_tokens: int
    first_ms: int | None
    """Until the first words could be seen; None where there were none."""
    total_ms: int


@dataclass(frozen=True)
class Option:
    """An article that may be meant; its number or its title, asked next, chooses it."""

    number: int
    article_id: UUID
    version: int
    title: str
    url: str


@dataclass(frozen=True)
class Reply:
    """What the bot says to it."""

    finding: Finding
    reason: str
    """A hand-off's reason, what the evidence was, or the kind of small talk."""
    text: str
    citations: tuple[Citation, ...]
    confidence: float | None
    """How likely an article answers it (`knowledge/evidence.py`); None where none was asked."""
    language: str | None
    """Of the question."""
    cost: Cost
    options: tuple[Option, ...] = ()
    """The two articles that the text asks to choose from."""


@dataclass(frozen=True)
class Watch:
    """Who hears of a reply while it is made."""

    phase: Callable[[Phase], None]
    show: Callable[[str], None]


UNWATCHED = Watch(phase=lambda _: None, show=lambda _: None)


class AskOnce:
    """Answers single questions of any workspace."""

    def __init__(
        self,
        database: Database,
        library: Library,
        engine: EngineClient,
        *,
        salt_of: Callable[[UUID], bytes],
        timeout_s: float,
    ) -> None:
        self._database = database
        self._library = library
        self._engine = engine
        self._salt_of = salt_of
        self._timeout_s = timeout_s

    async def reply(
        self,
        workspace_id: UUID,
        asked: Asked,
        watch: Watch = UNWATCHED,
        *,
        priority: int = ANSWER_PRIORITY,
    ) -> Reply:
        """Answer it; cancelling frees what the engine holds for it.

        Raises:
            Unavailable: the engine cannot answer, or not in time.
        """
        timeout_s = BATCH_TIMEOUT_S if priority <= BATCH_PRIORITY else self._timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await self._reply(workspace_id, asked, watch, priority)
        except TimeoutError as error:
            raise Unavailable(f"No answer within {timeout_s:g} s.") from error

    async def stream(self, workspace_id: UUID, asked: Asked) -> AsyncGenerator[Phase | str | Reply]:
        """Phases and pieces of text as they come, the whole reply last; closing it aborts.

        Raises:
            Unavailable: as `reply`.
        """
        # Bounded by the answer, which has at most as many pieces as tokens.
        news: asyncio.Queue[Phase | str | None] = asyncio.Queue()
        watch = Watch(news.put_nowait, news.put_nowait)
        task = asyncio.create_task(self.reply(workspace_id, asked, watch))
        task.add_done_callback(lambda _: news.put_nowait(None))
        try:
            while (one := await news.get()) is not None:
                yield one
            yield await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _reply(self, workspace_id: UUID, asked: Asked, watch: Watch, priority: int) -> Reply:
        started = time.monotonic()
        watch.phase(Phase.SEARCHING)
        shelf = await self._library.shelf(workspace_id)
        watch.phase(Phase.READING)
        thread = await self._thread(workspace_id, shelf, asked)
        plan = await asyncio.to_thread(make_plan, shelf.index, thread)
        watch.phase(Phase.WRITING)
        first_shown: list[float] = []

        def show(piece: str) -> None:
            first_shown.append(time.monotonic())
            watch.show(piece)

        salt = self._salt_of(workspace_id)
        written = await write(
            self._engine, plan, seed=thread.seed, salt=salt, show=show, priority=priority
        )
        cost = _cost(written, started, first_shown[0] if first_shown else None)
        found = await asyncio.to_thread(find_language, asked.question, asked.locale)
        options = _options(shelf.index, plan.options)
        return _to_reply(plan, written, cost, found.code, options)

    async def _thread(self, workspace_id: UUID, shelf: Shelf, asked: Asked) -> Thread:
        async with self._database.snapshot() as session:
            workspace = await session.get_one(Workspace, workspace_id)
        policy = AnswerPolicy.of(workspace)
        turns = await asyncio.to_thread(masked_turns, _turns(asked), policy.mask_pii)
        answered = [turn for turn in turns if turn.role is not Role.CUSTOMER]
        before = recall(answered[-1].text, shelf.index) if answered else Earlier()
        return Thread(
            company=workspace.name,
            topics=shelf.index.topics,
            turns=turns,
            answered_seq=answered[-1].seq if answered else 0,
            last_verdict=before.verdict,
            seed=seed_of(workspace_id, len(turns)) if asked.seed is None else asked.seed,
            window=await read_window(self._engine),
            policy=policy,
            options=before.options,
            locale=asked.locale or workspace.default_locale,
        )


def _turns(asked: Asked) -> tuple[Turn, ...]:
    said = (*asked.history, Said(Role.CUSTOMER, asked.question))
    return tuple(
        Turn(one.role, one.text, seq, MessageState.COMPLETE) for seq, one in enumerate(said, 1)
    )


def _options(index: SearchIndex, slugs: tuple[str, ...]) -> tuple[Option, ...]:
    """Each with the beginning of its article, in the order in which the text names them."""
    first = {one.article.slug: one for one in reversed(index.passages)}
    found = [first[slug] for slug in slugs]
    return tuple(
        Option(
            number,
            one.article.article_id,
            one.article.version,
            one.article.title,
            article_url(one.article.slug, one.article.version, one.paragraph),
        )
        for number, one in enumerate(found, 1)
    )


def _to_reply(
    plan: Plan, written: Written, cost: Cost, language: str | None, options: tuple[Option, ...]
) -> Reply:
    finding, reason = _found(plan, language)
    return Reply(
        finding,
        reason,
        written.text,
        written.citations,
        None if plan.coverage is None else round(plan.coverage, 2),
        language,
        cost,
        options,
    )


def _found(plan: Plan, language: str | None) -> tuple[Finding, str]:
    if plan.handoff is not None:
        topic = plan.route.topic
        return Finding.HANDOFF, topic.value if topic else plan.handoff.value
    match plan.verdict:
        case None:
            return Finding.ANSWERED, plan.route.move.value
        case Verdict.ANSWER:
            return Finding.ANSWERED, "evidence"
        case Verdict.UNSURE:
            return Finding.CLARIFY, "which_article" if plan.options else "partial_evidence"
        case Verdict.NOTHING:
            is_foreign = language not in (None, OWN_LANGUAGE)
            return Finding.UNKNOWN, "language" if is_foreign else "no_evidence"


def _cost(written: Written, started_s: float, first_s: float | None) -> Cost:
    return Cost(
        num_prompt_tokens=written.num_prompt_tokens or 0,
        num_cached_tokens=written.num_cached_tokens or 0,
        num_output_tokens=written.num_output_tokens,
        first_ms=None if first_s is None else round((first_s - started_s) * 1_000),
        total_ms=round((time.monotonic() - started_s) * 1_000),
    )
