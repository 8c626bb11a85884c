"""How anything gets into a conversation: the next `seq`, the stored event, the announcement.

Callers hold the conversation's row lock (`access.lock_conversation`). The counter is raised by
`UPDATE ... RETURNING` in the same transaction that writes the event, so it has no gaps and no
order but that of the commits.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm.attributes import set_committed_value

from app.conversations.schemas import MessageOut
from app.database import Work
from app.events import EventStored, MessagePosted
from app.files import service as files
from app.ids import new_id
from app.models import Attachment, Conversation, ConversationEvent, Message
from app.speakers import SYSTEM, Actor
from app.vocabulary import (
    ActorKind,
    EventType,
    MessageKind,
    MessageState,
    Role,
    Visibility,
)

_CREATED = {
    Visibility.PUBLIC: EventType.MESSAGE_CREATED,
    Visibility.INTERNAL: EventType.NOTE_CREATED,
}
_FOR_AGENTS = (
    EventType.LABELS_CHANGED,
    EventType.PRIORITY_CHANGED,
    EventType.CONTACT_CHANGED,
)
_ROLE = {
    ActorKind.CUSTOMER: Role.CUSTOMER,
    ActorKind.BOT: Role.BOT,
    ActorKind.AGENT: Role.AGENT,
    ActorKind.SYSTEM: Role.SYSTEM,
}


async def take_seq(work: Work, conversation: Conversation) -> int:
    """The conversation's next counter value."""
    raised = (
        update(Conversation)
        .where(Conversation.id == conversation.id)
        .values(last_seq=Conversation.last_seq + 1)
        .returning(Conversation.last_seq)
        .execution_options(synchronize_session=False)
    )
    seq = (await work.session.execute(raised)).scalar_one()
    set_committed_value(conversation, "last_seq", seq)
    return seq


async def append_message(
    work: Work,
    conversation: Conversation,
    actor: Actor,
    text: str,
    *,
    client_msg_id: str | None = None,
    sent: Sequence[Attachment] = (),
) -> Message:
    """Add a complete public message, with the files sent in it, and announce it."""
    message = _message(conversation, actor, text, client_msg_id)
    message.files = [files.shown(file) for file in sent]
    await append_created(work, conversation, actor, message)
    files.put_into(message, sent)
    return message


async def append_line(work: Work, conversation: Conversation, text: str) -> Message:
    """Add a line of the house that everybody reads."""
    return await append_message(work, conversation, SYSTEM, text)


async def append_note(
    work: Work,
    conversation: Conversation,
    actor: Actor,
    text: str,
    *,
    client_msg_id: str | None = None,
) -> Message:
    """Add what only agents read."""
    note = _message(conversation, actor, text, client_msg_id)
    note.kind = MessageKind.NOTE
    note.visibility = Visibility.INTERNAL
    await append_created(work, conversation, actor, note)
    return note


def _message(
    conversation: Conversation, actor: Actor, text: str, client_msg_id: str | None
) -> Message:
    return Message(
        id=new_id(),
        workspace_id=conversation.workspace_id,
        conversation_id=conversation.id,
        role=_ROLE[actor.kind],
        kind=MessageKind.EVENT if actor.kind is ActorKind.SYSTEM else MessageKind.TEXT,
        state=MessageState.COMPLETE,
        text=text,
        author_agent_id=actor.id if actor.kind is ActorKind.AGENT else None,
        author_name=actor.name if actor.kind is ActorKind.AGENT else None,
        client_msg_id=client_msg_id,
    )


async def append_created(
    work: Work, conversation: Conversation, actor: Actor, message: Message
) -> None:
    """Give a new message its `seq`, store it with its event, and announce both."""
    message.created_at = work.clock()
    message.visibility = message.visibility or Visibility.PUBLIC
    message.citations = message.citations or []
    message.chips = message.chips or []
    message.files = message.files or []
    message.seq = await take_seq(work, conversation)
    work.session.add(message)
    await work.session.flush()
    kind = _CREATED[message.visibility]
    payload = {"message": MessageOut.at_birth(message).wire()}
    _add_event(work, conversation, actor, kind, message.seq, message=message, payload=payload)
    if message.visibility is Visibility.PUBLIC:
        conversation.last_message_at = message.created_at
        work.outbox.add(
            MessagePosted(
                conversation.workspace_id,
                conversation.id,
                message_id=message.id,
                seq=message.seq,
                role=message.role,
                text=message.text,
                control=conversation.control,
                epoch=conversation.control_epoch,
            )
        )


async def append_message_change(
    work: Work, conversation: Conversation, actor: Actor, kind: EventType, message: Message
) -> int:
    """Announce that a stored message has changed; returns the event's `seq`."""
    seq = await take_seq(work, conversation)
    payload = {"message": MessageOut.of(message).wire()}
    _add_event(work, conversation, actor, kind, seq, message=message, payload=payload)
    return seq


async def append_change(
    work: Work,
    conversation: Conversation,
    actor: Actor,
    kind: EventType,
    data: dict[str, Any],
    *,
    announced: dict[str, Any] | None = None,
) -> int:
    """Store and announce a change of the conversation itself; returns the event's `seq`.

    `announced` is what readers get where that is more than the log keeps.
    """
    seq = await take_seq(work, conversation)
    payload = data if announced is None else announced
    _add_event(work, conversation, actor, kind, seq, message=None, payload=payload, kept=data)
    return seq


def _visibility(kind: EventType) -> Visibility:
    return Visibility.INTERNAL if kind in _FOR_AGENTS else Visibility.PUBLIC


def _add_event(
    work: Work,
    conversation: Conversation,
    actor: Actor,
    kind: EventType,
    seq: int,
    *,
    message: Message | None,
    payload: dict[str, Any],
    kept: dict[str, Any] | None = None,
) -> None:
    message_id: UUID | None = message.id if message else None
    stored = ConversationEvent(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=conversation.workspace_id,
        conversation_id=conversation.id,
        seq=seq,
        type=kind,
        visibility=message.visibility if message else _visibility(kind),
        actor_kind=actor.kind,
        actor_id=actor.id,
        message_id=message_id,
        data=kept or {},
    )
    work.session.add(stored)
    work.outbox.add(
        EventStored(
            conversation.workspace_id,
            conversation.id,
            event_id=stored.id,
            seq=seq,
            type=kind,
            visibility=stored.visibility,
            at=stored.created_at,
            data=payload,
        )
    )
