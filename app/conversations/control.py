"""Who has the word, and how a running answer loses it; every change happens under the row lock."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import select

from app.clock import as_wire
from app.conversations.ledger import append_change, append_message_change
from app.conversations.partial import kept_text
from app.database import Work
from app.events import AnswerEnded, ControlChanged
from app.models import Conversation, Generation, Message
from app.speakers import Actor
from app.vocabulary import (
    Control,
    EndReason,
    EventType,
    GenerationState,
    MessageState,
    Outcome,
    Status,
)

ShownText = Callable[[UUID], str]
"""What readers have seen of a conversation's running answer: `hub.answers.shown_text`."""

_ENDED_AS = {
    EndReason.SUPERSEDED: GenerationState.SUPERSEDED,
    EndReason.ERROR: GenerationState.FAILED,
}


async def change_control(
    work: Work, conversation: Conversation, to: Control, by: Actor, reason: str
) -> None:
    """Give the word to somebody else; what still carries the old epoch can write no more.

    A running answer must have been ended before (`end_live_answer`).
    """
    before = conversation.control
    conversation.control = to
    conversation.control_epoch += 1
    conversation.bot_turns = 0
    data = {
        "from": before.value,
        "to": to.value,
        "by": by.wire(),
        "reason": reason,
        "epoch": conversation.control_epoch,
    }
    await append_change(work, conversation, by, EventType.CONTROL_CHANGED, data)
    work.outbox.add(
        ControlChanged(
            conversation.workspace_id, conversation.id, control=to, epoch=conversation.control_epoch
        )
    )


async def change_status(work: Work, conversation: Conversation, to: Status, by: Actor) -> None:
    """Move the conversation on in its life and announce it; `resolution` is set before."""
    data = {"from": conversation.status.value, "to": to.value, "by": by.wire()}
    if to is Status.RESOLVED and conversation.resolution is not None:
        data["resolution"] = conversation.resolution.value
    if to is Status.SNOOZED and conversation.snoozed_until is not None:
        data["until"] = as_wire(conversation.snoozed_until)
    conversation.status = to
    if to is not Status.ARCHIVED:
        conversation.resolved_at = work.clock() if to is Status.RESOLVED else None
    await append_change(work, conversation, by, EventType.STATUS_CHANGED, data)


async def end_live_answer(
    work: Work, conversation: Conversation, by: Actor, reason: EndReason, shown: ShownText
) -> bool:
    """End the running answer, keeping the whole sentences of what was shown; false if none ran."""
    live = (
        select(Generation, Message)
        .join(Message, Message.generation_id == Generation.id)
        .where(
            Generation.conversation_id == conversation.id,
            Generation.state == GenerationState.STREAMING,
        )
    )
    found = (await work.session.execute(live)).one_or_none()
    if found is None:
        return False
    generation, message = found
    partial = shown(conversation.id)
    await end_answer(work, conversation, generation, message, by=by, reason=reason, partial=partial)
    return True


async def end_answer(
    work: Work,
    conversation: Conversation,
    generation: Generation,
    message: Message,
    *,
    by: Actor,
    reason: EndReason,
    partial: str,
) -> None:
    """Close a live generation short of completion and announce what is left of its message."""
    generation.state = _ENDED_AS.get(reason, GenerationState.CANCELLED)
    generation.end_reason = reason
    generation.finished_at = work.clock()
    message.text = kept_text(partial)
    outcome = Outcome.INTERRUPTED if message.text else Outcome.RETRACTED
    if reason is EndReason.ERROR and not message.text:
        outcome = Outcome.FAILED
    message.state = MessageState(outcome.value)
    await append_message_change(work, conversation, by, EventType.MESSAGE_UPDATED, message)
    work.outbox.add(
        AnswerEnded(
            conversation.workspace_id,
            conversation.id,
            generation_id=generation.id,
            message_id=message.id,
            outcome=outcome,
            reason=reason,
        )
    )
