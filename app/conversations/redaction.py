"""Taking the words out of one message; its place, time and speaker stay.

Whoever repeated them forgets them too: the subject, the bot's notes and open questions that quote
them, what the engine computed and learned from them.
"""

import re
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.api.kept_answers import forget_answers_about
from app.audit.service import Doer, note
from app.conversations.ledger import append_message_change
from app.conversations.summary import quote
from app.database import Work
from app.errors import NotFound
from app.events import TextsErased
from app.files.service import forget
from app.models import Attachment, Conversation, Generation, KbGap, Message
from app.vocabulary import EventType, MessageKind, MessageState, Visibility

REMOVED = "[redacted]"


async def redact(work: Work, doer: Doer, conversation_id: UUID, message_id: UUID) -> Message:
    """Take its words out; once is enough.

    Raises:
        NotFound: there is no such message here.
    """
    conversation = await access.lock_conversation(work, doer.agent, conversation_id)
    message = await _message(work.session, conversation, message_id)
    if message.redacted_at is not None:
        return message
    words = message.text
    message.text, message.citations, message.chips, message.files = "", [], [], []
    message.redacted_at = work.clock()
    files = await work.session.scalars(
        select(Attachment).where(Attachment.message_id == message_id)
    )
    await forget(work, files.all())
    await _forget_computed(work, message)
    await forget_answers_about(work.session, [message.id, conversation.id])
    await work.session.flush()
    await append_message_change(
        work, conversation, doer.agent.actor, EventType.MESSAGE_UPDATED, message
    )
    await _forget_quotes(work, doer, conversation, words)
    note(work, doer, "message.redacted", f"#{conversation.number}, message {message.seq}")
    work.outbox.add(TextsErased(conversation.workspace_id, (message.id,)))
    return message


async def _message(session: AsyncSession, conversation: Conversation, message_id: UUID) -> Message:
    found = await session.get(Message, message_id)
    if found is None or found.conversation_id != conversation.id:
        raise NotFound("There is no such message.")
    if found.state is MessageState.STREAMING:
        raise NotFound("This message is still being written; stop it first.")
    return found


async def _forget_computed(work: Work, message: Message) -> None:
    if message.generation_id is None:
        return
    computed = {"token_ids": None, "context": None, "retrieval": None, "drafted": None}
    mine = update(Generation).where(Generation.id == message.generation_id).values(computed)
    await work.session.execute(mine.execution_options(synchronize_session=False))


async def _forget_quotes(work: Work, doer: Doer, conversation: Conversation, words: str) -> None:
    if not words:
        return
    begins = conversation.subject.rstrip("…")
    if begins and " ".join(words.split()).startswith(begins):
        conversation.subject = REMOVED
    asked = delete(KbGap).where(
        KbGap.conversation_id == conversation.id, KbGap.question == " ".join(words.split())[:400]
    )
    await work.session.execute(asked)
    notes = select(Message).where(
        Message.conversation_id == conversation.id,
        Message.kind == MessageKind.NOTE,
        Message.visibility == Visibility.INTERNAL,
    )
    told = _quoting(words)
    for one in await work.session.scalars(notes):
        cleaned = told.sub(rf"\g<1>{REMOVED}", one.text)
        if cleaned != one.text:
            one.text = cleaned
            await append_message_change(
                work, conversation, doer.agent.actor, EventType.MESSAGE_UPDATED, one
            )


def _quoting(words: str) -> re.Pattern[str]:
    """A whole line of a summary or of a transcript that says exactly this."""
    listed = re.escape(quote(words))
    told = re.escape(words.replace("\n", "\n    "))
    return re.compile(
        rf"^(- (?={listed}$)|\[[^\]\n]+\] [^:\n]+: (?={told}$))(?:{told}|{listed})$", re.M
    )
