"""What the reports read: one row a conversation, and nothing anybody said."""

from collections import Counter
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import (
    Conversation,
    ConversationEvent,
    Generation,
    KbGap,
    Message,
    Rating,
    Workspace,
)
from app.reports.measures import Score, Span, Told
from app.vocabulary import Control, EventType, Feedback, GenerationState

_ANSWERED = ("answer", "unsure")
_SHOWN_GAPS = 5
_PASSED_ON = literal(EventType.CONTROL_CHANGED, ConversationEvent.type.type, literal_execute=True)
"""Spelled out in the query: SQLite takes an index of some rows for no bound value."""


class Reports:
    """Figures of one company."""

    def __init__(self, session: AsyncSession, workspace_id: UUID) -> None:
        self._session = session
        self._workspace_id = workspace_id

    async def zone(self) -> ZoneInfo:
        """Where its days begin."""
        return ZoneInfo((await self._session.get_one(Workspace, self._workspace_id)).timezone)

    async def conversations(self, span: Span) -> list[Told]:
        """Those that began within these days."""
        answers = await self._answers(span)
        queued = await self._queued(span)
        found = await self._session.execute(
            select(
                Conversation.id,
                Conversation.created_at,
                Conversation.first_human_reply_at,
                Conversation.resolution,
                Conversation.reopened_count,
            ).where(*self._began(span))
        )
        told: list[Told] = []
        for row in found:
            mine = answers.get(row.id, [])
            finished = [at for at, _ in mine if at is not None]
            told.append(
                Told(
                    began_at=row.created_at,
                    bot_tried=row.id in answers,
                    bot_answered=any(is_answer for _, is_answer in mine),
                    bot_replied_at=min(finished, default=None),
                    queued_at=queued.get(row.id),
                    human_replied_at=row.first_human_reply_at,
                    resolution=row.resolution,
                    reopened_count=row.reopened_count,
                )
            )
        return told

    async def handoffs(self, span: Span) -> list[tuple[str, int]]:
        """Why people were called within these days, the commonest reason first."""
        found = await self._session.scalars(
            select(ConversationEvent.data).where(
                ConversationEvent.workspace_id == self._workspace_id,
                ConversationEvent.type == _PASSED_ON,
                ConversationEvent.created_at >= span.begin,
                ConversationEvent.created_at < span.end,
            )
        )
        to_queue = (data for data in found if data.get("to") == Control.QUEUE)
        return Counter(str(data.get("reason") or "unknown") for data in to_queue).most_common()

    async def scores(self, span: Span) -> list[Score]:
        """Ratings given within these days."""
        found = await self._session.execute(
            select(Rating.score, Rating.answered_by).where(
                Rating.workspace_id == self._workspace_id,
                Rating.created_at >= span.begin,
                Rating.created_at < span.end,
            )
        )
        return [Score(row.score, row.answered_by) for row in found]

    async def num_asked(self, span: Span) -> int:
        """Customers who were asked for a rating within these days."""
        asked = select(func.count()).where(
            Conversation.workspace_id == self._workspace_id,
            Conversation.rating_asked_at >= span.begin,
            Conversation.rating_asked_at < span.end,
        )
        return (await self._session.execute(asked)).scalar_one()

    async def feedback(self, span: Span) -> dict[Feedback, int]:
        """Buttons pressed under answers that were given within these days."""
        pressed = (
            select(Message.feedback, func.count())
            .where(
                Message.workspace_id == self._workspace_id,
                Message.feedback.is_not(None),
                Message.created_at >= span.begin,
                Message.created_at < span.end,
            )
            .group_by(Message.feedback)
        )
        found = {row[0]: row[1] for row in await self._session.execute(pressed)}
        return {one: found.get(one, 0) for one in Feedback}

    async def gaps(self, span: Span) -> tuple[int, list[tuple[str, int]]]:
        """How many open questions came within these days, and the commonest of them."""
        open_ones = (
            KbGap.workspace_id == self._workspace_id,
            KbGap.dismissed_at.is_(None),
            KbGap.article_id.is_(None),
            KbGap.updated_at >= span.begin,
            KbGap.updated_at < span.end,
        )
        num = (await self._session.execute(select(func.count()).where(*open_ones))).scalar_one()
        query = select(KbGap.question, KbGap.count.label("num")).where(*open_ones)
        most = query.order_by(KbGap.count.desc(), KbGap.updated_at.desc()).limit(_SHOWN_GAPS)
        return num, [(row.question, row.num) for row in await self._session.execute(most)]

    async def _answers(self, span: Span) -> dict[UUID, list[tuple[datetime | None, bool]]]:
        """By conversation: when each answer of the bot was whole, and whether it was one."""
        found = await self._session.execute(
            select(
                Generation.conversation_id,
                Generation.state,
                Generation.finished_at,
                Generation.retrieval,
            )
            .join(Conversation, Conversation.id == Generation.conversation_id)
            .where(*self._began(span))
        )
        answers: dict[UUID, list[tuple[datetime | None, bool]]] = {}
        for row in found:
            is_whole = row.state is GenerationState.DONE
            is_answer = is_whole and (row.retrieval or {}).get("verdict") in _ANSWERED
            at = row.finished_at if is_whole else None
            answers.setdefault(row.conversation_id, []).append((at, is_answer))
        return answers

    async def _queued(self, span: Span) -> dict[UUID, datetime]:
        found = await self._session.execute(
            select(
                ConversationEvent.conversation_id,
                ConversationEvent.created_at,
                ConversationEvent.data,
            )
            .join(Conversation, Conversation.id == ConversationEvent.conversation_id)
            .where(*self._began(span), ConversationEvent.type == EventType.CONTROL_CHANGED)
            .order_by(ConversationEvent.conversation_id, ConversationEvent.seq)
        )
        first: dict[UUID, datetime] = {}
        for row in found:
            if row.data.get("to") == Control.QUEUE:
                first.setdefault(row.conversation_id, row.created_at)
        return first

    def _began(self, span: Span) -> tuple[ColumnElement[bool], ...]:
        return (
            Conversation.workspace_id == self._workspace_id,
            Conversation.created_at >= span.begin,
            Conversation.created_at < span.end,
        )
