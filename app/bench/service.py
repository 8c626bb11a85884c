"""What the bot would answer, with what it found; nothing is stored and nobody is handed over."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.answers.generator import read_window, seed_of
from app.answers.planning import make_plan
from app.answers.thread import Thread, masked_turns
from app.answers.writing import write
from app.conversations.answering import Turn
from app.conversations.schemas import Citation
from app.knowledge.passages import SourceArticle
from app.knowledge.repository import Articles
from app.knowledge.search import SearchIndex
from app.models import Workspace
from app.vocabulary import MessageState, Role
from app.workspace.answer_policy import AnswerPolicy
from inference import EngineClient

MAX_QUESTIONS = 50
MAX_QUESTION_CHARS = 500
_NUM_PASSAGES = 4


@dataclass(frozen=True)
class FoundPassage:
    """A paragraph that the search brought up."""

    title: str
    heading: str
    text: str
    url: str
    score: float


@dataclass(frozen=True)
class Trial:
    """What became of a question."""

    question: str
    outcome: str
    """`answer`, `unsure` or `nothing` by the articles, else the move: `greeting`, `handoff`, ..."""
    text: str
    citations: tuple[Citation, ...]
    handoff: str | None
    coverage: float | None
    """How much of the question the evidence covers, 0 to 1; None where none was looked for."""
    passages: tuple[FoundPassage, ...]
    took_ms: int


@dataclass(frozen=True)
class House:
    """A company and what it has decided about its bot's answers."""

    workspace_id: UUID
    company: str
    locale: str
    policy: AnswerPolicy


@dataclass(frozen=True)
class Bench:
    """What a question is tried on."""

    house: House
    index: SearchIndex
    salt: bytes


async def read_house(session: AsyncSession, workspace_id: UUID) -> House:
    """As it stands in this session's moment."""
    workspace = await session.get_one(Workspace, workspace_id)
    policy = AnswerPolicy.of(workspace)
    return House(workspace_id, workspace.name, workspace.default_locale, policy)


async def articles_with(
    session: AsyncSession, workspace_id: UUID, draft: SourceArticle
) -> Sequence[SourceArticle]:
    """The published articles as they would be with this draft among them."""
    published = await Articles(session).published(workspace_id)
    return [*(one for one in published if one.article_id != draft.article_id), draft]


async def try_question(engine: EngineClient, bench: Bench, question: str) -> Trial:
    """Answer as the first message of a conversation would be; the same question, the same text.

    In the company's mode, with its guidance and without the words that it does not say.

    Raises:
        Unavailable: the engine cannot answer.
    """
    started = time.monotonic()
    house = bench.house
    seed = seed_of(house.workspace_id, 1)
    asked = Turn(Role.CUSTOMER, question, 1, MessageState.COMPLETE)
    thread = Thread(
        house.company,
        bench.index.topics,
        masked_turns([asked], house.policy.mask_pii),
        seed=seed,
        window=await read_window(engine),
        policy=house.policy,
        locale=house.locale,
    )
    plan = await asyncio.to_thread(make_plan, bench.index, thread)
    written = await write(engine, plan, seed=seed, salt=bench.salt, show=lambda _: None)
    return Trial(
        question=question,
        outcome=plan.verdict.value if plan.verdict else plan.route.move.value,
        text=written.text,
        citations=written.citations,
        handoff=plan.handoff.value if plan.handoff else None,
        coverage=plan.coverage,
        passages=await asyncio.to_thread(find_passages, bench.index, question),
        took_ms=round((time.monotonic() - started) * 1_000),
    )


def find_passages(index: SearchIndex, question: str) -> tuple[FoundPassage, ...]:
    """The best paragraphs with their scores, whether the answer used them or not."""
    hits = index.search(index.understand(question), _NUM_PASSAGES)
    return tuple(
        FoundPassage(
            title=hit.passage.article.title,
            heading=hit.passage.heading,
            text=hit.passage.text,
            url=f"/dashboard/articles/{hit.passage.article.article_id}/text#p{hit.passage.paragraph}",
            score=hit.score,
        )
        for hit in hits
    )
