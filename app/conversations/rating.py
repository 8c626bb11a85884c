"""What a customer thinks of a conversation that has ended: asked once, 1 to 5, with a remark.

A rating may be changed until it has a remark; then it is locked. Sending the same again changes
nothing, so a client may repeat itself until it is heard.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.api.seeking import place_of_id, seek
from app.conversations.ledger import append_change, append_message_change
from app.conversations.schemas import RatingOut
from app.database import Work
from app.errors import Conflict, Invalid, NotFound, TooLong
from app.ids import new_id
from app.models import Conversation, Message, Rating
from app.speakers import SYSTEM, Customer
from app.vocabulary import (
    AnsweredBy,
    Chip,
    EventType,
    Feedback,
    MessageKind,
    MessageState,
    Role,
    Visibility,
)

MAX_COMMENT_CHARS = 2_000
_SCORES = range(1, 6)
_FEEDBACK = {Chip.HELPED: Feedback.HELPED, Chip.NOT_HELPED: Feedback.NOT_HELPED}


@dataclass(frozen=True)
class NewRating:
    """A score and, perhaps, a remark."""

    score: int
    comment: str = ""


async def ask(work: Work, conversation: Conversation) -> None:
    """It has just ended: ask the customer what they think, unless they were asked before.

    Where nobody answered there is nothing to rate.
    """
    if conversation.rating_asked_at is not None or await _last_word(work, conversation) is None:
        return
    conversation.rating_asked_at = work.clock()
    await append_change(work, conversation, SYSTEM, EventType.CSAT_REQUESTED, {})


async def rate(
    work: Work, customer: Customer, conversation_id: UUID, new: NewRating
) -> Conversation:
    """Store what the customer thinks.

    Raises:
        NotFound: no such conversation, or not this customer's.
        Invalid: no score from 1 to 5.
        TooLong: the remark.
        Conflict: it has not ended, nobody has answered, or there is a remark that says otherwise.
    """
    comment = _checked(new)
    conversation = await access.lock_conversation(work, customer, conversation_id)
    answered_by = await _last_word(work, conversation)
    if answered_by is None:
        raise Conflict("Nobody has answered in this conversation, so there is nothing to rate.")
    if conversation.rating_asked_at is None:
        raise Conflict("This conversation can be rated when it has ended.")
    query = select(Rating).where(Rating.conversation_id == conversation.id)
    known = (await work.session.scalars(query)).one_or_none()
    if known is not None and _says(known, new.score, comment):
        return conversation
    if known is None:
        known = Rating(
            id=new_id(),
            created_at=work.clock(),
            workspace_id=conversation.workspace_id,
            conversation_id=conversation.id,
            answered_by=answered_by,
        )
        work.session.add(known)
    elif known.comment:
        raise Conflict("This rating has a remark and can no longer be changed.")
    known.score, known.comment = new.score, comment
    await work.session.flush()
    told = RatingOut.of(known).wire()
    # The log keeps no words of its own: a replay reads the rating as it is then.
    kept = {name: value for name, value in told.items() if name != "comment"}
    await append_change(
        work, conversation, customer.actor, EventType.CSAT_ANSWERED, kept, announced=told
    )
    return conversation


async def note_feedback(
    work: Work, conversation: Conversation, customer: Customer, chip: Chip
) -> None:
    """Remember at the answer which of its buttons was pressed; one without it is left alone."""
    feedback = _FEEDBACK.get(chip)
    if feedback is None:
        return
    newest = (
        select(Message)
        .where(Message.conversation_id == conversation.id, Message.role == Role.BOT)
        .order_by(Message.seq.desc())
        .limit(1)
    )
    answer = (await work.session.scalars(newest)).one_or_none()
    if answer is None or chip.value not in answer.chips or answer.feedback is feedback:
        return
    answer.feedback = feedback
    await append_message_change(
        work, conversation, customer.actor, EventType.MESSAGE_UPDATED, answer
    )


async def give_feedback(
    work: Work, customer: Customer, conversation_id: UUID, message_id: UUID, feedback: Feedback
) -> Message:
    """Remember whether an answer helped; the last word counts.

    Raises:
        NotFound: no such message, or not this customer's.
        Invalid: it is no answer of the bot.
    """
    conversation = await access.lock_conversation(work, customer, conversation_id)
    answer = await work.session.get(Message, message_id)
    if answer is None or answer.conversation_id != conversation.id:
        raise NotFound("There is no such message.")
    if answer.role is not Role.BOT:
        raise Invalid("Only the bot's answers are rated so.")
    if answer.feedback is not feedback:
        answer.feedback = feedback
        await append_message_change(
            work, conversation, customer.actor, EventType.MESSAGE_UPDATED, answer
        )
    return answer


async def page_of_ratings(
    session: AsyncSession, workspace_id: UUID, after: list[str] | None, limit: int
) -> list[Rating]:
    """The next ratings behind a place, newest first."""
    query = select(Rating).where(Rating.workspace_id == workspace_id)
    return list(await session.scalars(seek(query, [Rating.id], place_of_id(after), limit)))


def _checked(new: NewRating) -> str:
    if new.score not in _SCORES:
        raise Invalid(f"A rating is 1, 2, 3, 4 or 5; this one is {new.score}.")
    comment = new.comment.strip()
    if len(comment) > MAX_COMMENT_CHARS:
        told = f"A remark may have {MAX_COMMENT_CHARS:,} characters; this one has {len(comment):,}."
        raise TooLong(told)
    if "\0" in comment:
        raise Invalid("A remark cannot hold NUL characters.")
    return comment


def _says(known: Rating, score: int, comment: str) -> bool:
    """Whether this is what is known; a score that is repeated late takes no remark back."""
    return known.score == score and comment in ("", known.comment)


async def _last_word(work: Work, conversation: Conversation) -> AnsweredBy | None:
    """Whose work a rating is about."""
    newest = (
        select(Message.role)
        .where(
            Message.conversation_id == conversation.id,
            Message.role.in_([Role.BOT, Role.AGENT]),
            Message.kind == MessageKind.TEXT,
            Message.visibility == Visibility.PUBLIC,
            Message.state.in_([MessageState.COMPLETE, MessageState.INTERRUPTED]),
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    role = (await work.session.scalars(newest)).one_or_none()
    if role is None:
        return None
    return AnsweredBy.HUMAN if role is Role.AGENT else AnsweredBy.BOT
