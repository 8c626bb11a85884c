"""Questions that no article answered: alike ones together, and a draft out of what a person said.

Two questions are alike when the rare words of one are mostly those of the other (cosine of their
weighted terms). Each joins the first group whose oldest question it is like, so the order in which
questions came decides, and a new one never moves the old ones.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.seeking import place_of_id, seek
from app.audit.service import Doer, note
from app.database import Work
from app.errors import Conflict, NotFound
from app.knowledge.analyzer import Analyzer
from app.knowledge.editing import MAX_TITLE_CHARS, Edit, create_article
from app.models import Article, KbGap, Message
from app.vocabulary import MessageKind, MessageState, Role, Visibility

_ALIKE = 0.5
_MAX_OPEN = 1_000
_TO_BE_WRITTEN = "Write the answer here. The bot quotes whole sentences.\n"

Weights = Mapping[str, float]


@dataclass(frozen=True)
class Question:
    """A question as it was asked."""

    gap_id: UUID
    text: str
    num_asked: int
    conversation_id: UUID | None
    last_at: datetime


@dataclass(frozen=True)
class Cluster:
    """Questions that ask for the same, the commonest first."""

    questions: tuple[Question, ...]
    has_reply: bool
    """A person has answered one of them, so there is a text to begin with."""

    @property
    def title(self) -> str:
        """The commonest wording."""
        return self.questions[0].text

    @property
    def num_asked(self) -> int:
        """All of them."""
        return sum(one.num_asked for one in self.questions)

    @property
    def ids(self) -> str:
        """For a form."""
        return ",".join(str(one.gap_id) for one in self.questions)


def group(questions: Sequence[Question], analyzer: Analyzer) -> list[list[Question]]:
    """Alike questions together; `questions` oldest first, groups by how often they were asked."""
    terms = [analyzer.terms(one.text) for one in questions]
    rarity = _rarity(terms)
    groups: list[tuple[Weights, list[Question]]] = []
    for one, words in zip(questions, terms, strict=True):
        weights = _weights(words, rarity)
        for first, members in groups:
            if _cosine(first, weights) >= _ALIKE:
                members.append(one)
                break
        else:
            groups.append((weights, [one]))
    found = [sorted(members, key=lambda one: -one.num_asked) for _, members in groups]
    return sorted(found, key=lambda members: -sum(one.num_asked for one in members))


async def read_clusters(session: AsyncSession, workspace_id: UUID) -> list[Cluster]:
    """The open questions."""
    query = (
        select(KbGap)
        .where(
            KbGap.workspace_id == workspace_id,
            KbGap.article_id.is_(None),
            KbGap.dismissed_at.is_(None),
        )
        .order_by(KbGap.created_at, KbGap.id)
        .limit(_MAX_OPEN)
    )
    questions = [
        Question(gap.id, gap.question, gap.count, gap.conversation_id, gap.updated_at)
        for gap in await session.scalars(query)
    ]
    asked_in = [one.conversation_id for one in questions if one.conversation_id is not None]
    answered = await _answered_by_people(session, asked_in)
    return [
        Cluster(tuple(members), any(one.conversation_id in answered for one in members))
        for members in group(questions, Analyzer())
    ]


async def page_of_gaps(
    session: AsyncSession,
    workspace_id: UUID,
    after: list[str] | None,
    limit: int,
    *,
    is_open: bool | None,
) -> list[KbGap]:
    """The next questions behind a place, newest first; open ones, dealt with ones, or all."""
    query = select(KbGap).where(KbGap.workspace_id == workspace_id)
    if is_open is not None:
        is_waiting = KbGap.article_id.is_(None) & KbGap.dismissed_at.is_(None)
        query = query.where(is_waiting if is_open else ~is_waiting)
    return list(await session.scalars(seek(query, [KbGap.id], place_of_id(after), limit)))


async def draft_from(work: Work, doer: Doer, gap_ids: Sequence[UUID]) -> Article:
    """A draft that answers these questions: in the words of the person who did, if one did.

    Raises:
        NotFound: a question is unknown.
        Conflict: one has been dealt with.
    """
    gaps = await _open_gaps(work, doer, gap_ids)
    reply = await _first_reply(work.session, gaps)
    title = gaps[0].question[:MAX_TITLE_CHARS]
    told = str(gaps[0].id)  # the question is a customer's words, which the audit log never holds
    edit = Edit(title, reply or _TO_BE_WRITTEN)
    article = await create_article(work, doer, edit, noted_as=told)
    for gap in gaps:
        gap.article_id = article.id
    note(work, doer, "gap.drafted", told, {"questions": (len(gaps), 0)})
    return article


async def dismiss(work: Work, doer: Doer, gap_ids: Sequence[UUID]) -> None:
    """Nobody wants an article about it; when it is asked again, it stays dismissed.

    Raises:
        NotFound: a question is unknown.
        Conflict: one has been dealt with.
    """
    gaps = await _open_gaps(work, doer, gap_ids)
    await work.session.execute(
        update(KbGap)
        .where(KbGap.id.in_([gap.id for gap in gaps]))
        .values(dismissed_at=work.clock())
        .execution_options(synchronize_session=False)
    )
    note(work, doer, "gap.dismissed", str(gaps[0].id), {"questions": (len(gaps), 0)})


async def _open_gaps(work: Work, doer: Doer, gap_ids: Sequence[UUID]) -> list[KbGap]:
    query = select(KbGap).where(
        KbGap.id.in_(gap_ids),
        KbGap.workspace_id == doer.agent.workspace_id,
    )
    found = {gap.id: gap for gap in await work.session.scalars(query)}
    if not gap_ids or len(found) != len(set(gap_ids)):
        raise NotFound("There is no such question.")
    if any(gap.article_id or gap.dismissed_at for gap in found.values()):
        raise Conflict("These questions have been dealt with; please load the page again.")
    return [found[gap_id] for gap_id in dict.fromkeys(gap_ids)]


async def _answered_by_people(
    session: AsyncSession, conversation_ids: Iterable[UUID]
) -> frozenset[UUID]:
    query = select(Message.conversation_id).where(
        Message.conversation_id.in_(list(conversation_ids)), *_said_by_a_person()
    )
    return frozenset(await session.scalars(query.distinct()))


async def _first_reply(session: AsyncSession, gaps: Sequence[KbGap]) -> str | None:
    """What a person said first after one of these questions."""
    for gap in gaps:
        if gap.conversation_id is None:
            continue
        mine = (Message.conversation_id == gap.conversation_id, *_said_by_a_person())
        query = select(Message.text).where(*mine).order_by(Message.seq).limit(1)
        text = (await session.scalars(query)).first()
        if text:
            return f"{text.strip()}\n"
    return None


def _said_by_a_person() -> tuple[ColumnElement[bool], ...]:
    return (
        Message.role == Role.AGENT,
        Message.kind == MessageKind.TEXT,
        Message.visibility == Visibility.PUBLIC,
        Message.state == MessageState.COMPLETE,
        Message.text != "",
    )


def _rarity(documents: Sequence[Sequence[str]]) -> dict[str, float]:
    counts = Counter(term for terms in documents for term in set(terms))
    return {term: math.log1p(len(documents) / num) for term, num in counts.items()}


def _weights(terms: Sequence[str], rarity: Mapping[str, float]) -> dict[str, float]:
    return {term: rarity[term] for term in terms}


def _cosine(one: Weights, other: Weights) -> float:
    shared = sum(weight * other[term] for term, weight in one.items() if term in other)
    lengths = math.hypot(*one.values()) * math.hypot(*other.values())
    return shared / lengths if lengths else 0.0
