"""A copy of everything about a contact, and forgetting them.

Erasing takes the words out and leaves times and counts, so that reports stay true. Each message
that had words is announced without them, so whoever has it open, or comes back later, loses them
too. What the engine has been taught of these conversations it is told to forget.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.api.kept_answers import forget_answers_about
from app.audit.service import Doer, note
from app.clock import as_wire
from app.conversations.control import end_live_answer
from app.conversations.ledger import append_change, append_message_change
from app.conversations.moves import nothing_shown, pass_on
from app.conversations.schemas import RatingOut
from app.database import Work
from app.events import ContactChanged, ContactErased, SessionEnded, TextsErased
from app.files import service as files
from app.jobs.schedule import schedule
from app.models import Attachment, Contact, Conversation, JsonObject, Message, Rating, Workspace
from app.privacy.repository import Contacts, Emptied
from app.speakers import SYSTEM, Actor
from app.vocabulary import EndReason, EventType, Side, Status
from app.workspace.policy import retention_days

PURGE_JOB = "privacy.purge"
ERASED_NAME = "Erased contact"
_PURGE_EVERY = timedelta(hours=1)
_PURGED_AT_ONCE = 20
"""Conversations; each of their messages is announced."""


async def export_contact(
    session: AsyncSession, workspace_id: UUID, contact_id: UUID, at: datetime
) -> JsonObject:
    """Everything about a contact as JSON; internal notes are about them, so they are in it.

    Raises:
        NotFound: there is no such contact.
    """
    contacts = Contacts(session)
    contact = await contacts.contact(workspace_id, contact_id)
    conversations = await contacts.conversations(contact_id)
    ratings = await contacts.ratings([one.id for one in conversations])
    return {
        "exported_at": as_wire(at),
        "contact": _contact(contact),
        "conversations": [
            _conversation(one, await contacts.messages(one.id), ratings.get(one.id))
            for one in conversations
        ],
    }


async def files_of(session: AsyncSession, contact_id: UUID) -> list[Attachment]:
    """Everything sent in a contact's conversations."""
    conversations = await Contacts(session).conversations(contact_id)
    return await files.of_conversations(session, [one.id for one in conversations])


async def erase_contact(work: Work, doer: Doer, contact_id: UUID) -> None:
    """Forget a contact: name, addresses, sessions, and all words of their conversations.

    An answer that is being written to them ends, and their widgets start anew.

    Raises:
        NotFound: there is no such contact.
    """
    contacts = Contacts(work.session)
    workspace_id = doer.agent.workspace_id
    await contacts.contact(workspace_id, contact_id)
    tokens = await contacts.forget_sessions(contact_id)  # first: who writes holds theirs
    contact = await contacts.locked(workspace_id, contact_id)
    theirs = [one.id for one in await contacts.conversations(contact_id)]
    conversations = await _lock(work, theirs)
    message_ids = await _empty(work, contacts, conversations, doer.agent.actor, name=ERASED_NAME)
    await forget_answers_about(work.session, [contact_id, *theirs])
    contact.name, contact.email, contact.external_id = ERASED_NAME, None, None
    contact.locale, contact.consented_at = None, None
    contact.attributes, contact.page_attributes = {}, {}
    contact.erased_at = contact.erased_at or work.clock()
    await work.session.flush()
    changes = {"conversations": (len(conversations), 0)}
    note(work, doer, "contact.erased", str(contact_id), changes)
    work.outbox.add(TextsErased(workspace_id, tuple(message_ids)))
    work.outbox.add(ContactErased(workspace_id, contact_id, tuple(theirs)))
    work.outbox.add(ContactChanged(workspace_id))
    for token_hash in tokens:
        work.outbox.add(SessionEnded(workspace_id, token_hash))


async def purge(work: Work, _payload: JsonObject) -> None:
    """The job: empty what companies no longer keep, and look again later."""
    is_done = True
    for workspace in await work.session.scalars(select(Workspace)):
        days = retention_days(workspace)
        if days is None:
            continue
        contacts = Contacts(work.session)
        before = work.clock() - timedelta(days=days)
        expired = await contacts.expired(workspace.id, before, _PURGED_AT_ONCE)
        # Somebody may have written on in one until its lock was had.
        old = [one for one in await _lock(work, expired) if _is_over(one, before)]
        if old:
            message_ids = await _empty(work, contacts, old, SYSTEM)
            work.outbox.add(TextsErased(workspace.id, tuple(message_ids)))
        is_done &= len(expired) < _PURGED_AT_ONCE
    await schedule_purge(work, work.clock() + (_PURGE_EVERY if is_done else timedelta()))


def _is_over(conversation: Conversation, before: datetime) -> bool:
    has_ended = conversation.status in (Status.RESOLVED, Status.ARCHIVED)
    return has_ended and conversation.last_message_at < before


async def _lock(work: Work, conversation_ids: Iterable[UUID]) -> list[Conversation]:
    """In one order, so that nobody waits for each other."""
    return [await access.lock_any_conversation(work, one) for one in sorted(conversation_ids)]


async def _empty(
    work: Work,
    contacts: Contacts,
    conversations: Sequence[Conversation],
    by: Actor,
    *,
    name: str | None = None,
) -> list[UUID]:
    """Words and files go together, from locked conversations; returns the messages that had any.

    `name` is what open pages are to call the contact from now on.
    """
    for conversation in conversations:
        if await end_live_answer(work, conversation, by, EndReason.STOPPED, nothing_shown):
            await pass_on(work, conversation)
        conversation.waiting_on, conversation.waiting_since = Side.CUSTOMER, None
    ids = [one.id for one in conversations]
    await files.forget(work, await files.of_conversations(work.session, ids))
    emptied = await contacts.empty(ids)
    await _announce(work, contacts, conversations, emptied, by, name)
    return [one.id for one in emptied.messages]


async def _announce(
    work: Work,
    contacts: Contacts,
    conversations: Sequence[Conversation],
    emptied: Emptied,
    by: Actor,
    name: str | None,
) -> None:
    """Nobody's views keep the words; and nobody has something new to read for that."""
    messages: dict[UUID, list[Message]] = defaultdict(list)
    for message in emptied.messages:
        messages[message.conversation_id].append(message)
    ratings = {one.conversation_id: one for one in emptied.ratings}
    for conversation in conversations:
        before = conversation.last_seq
        for message in messages[conversation.id]:
            await append_message_change(work, conversation, by, EventType.MESSAGE_UPDATED, message)
        if conversation.id in ratings:
            told = RatingOut.of(ratings[conversation.id]).wire()
            await append_change(work, conversation, by, EventType.CSAT_ANSWERED, told)
        await _announce_head(work, conversation, by, name)
        await contacts.read_on(conversation.id, before, conversation.last_seq)


async def _announce_head(
    work: Work, conversation: Conversation, by: Actor, name: str | None
) -> None:
    """What stands above the thread goes too."""
    contact = await work.session.get_one(Contact, conversation.contact_id)
    told = {"blocked": contact.blocked_at is not None, "by": by.wire(), "subject": ""}
    if name is not None:
        told["name"] = name
    await append_change(work, conversation, by, EventType.CONTACT_CHANGED, told)


async def schedule_purge(work: Work, at: datetime) -> None:
    """Look then; there is only one such job."""
    await schedule(work, PURGE_JOB, at, {}, key=PURGE_JOB)


HANDLERS = {PURGE_JOB: purge}


def _contact(contact: Contact) -> dict[str, Any]:
    return {
        "id": str(contact.id),
        "name": contact.name,
        "email": contact.email,
        "external_id": contact.external_id,
        "locale": contact.locale,
        "attributes": contact.attributes,
        "page_attributes": contact.page_attributes,
        "consented_at": as_wire(contact.consented_at) if contact.consented_at else None,
        "first_seen_at": as_wire(contact.created_at),
        "blocked_at": as_wire(contact.blocked_at) if contact.blocked_at else None,
    }


def _conversation(
    conversation: Conversation, messages: Any, rating: Rating | None
) -> dict[str, Any]:
    return {
        "number": conversation.number,
        "status": conversation.status.value,
        "started_at": as_wire(conversation.created_at),
        "page": conversation.page,
        "locale": conversation.locale,
        "rating": {"score": rating.score, "comment": rating.comment} if rating else None,
        "messages": [_message(one) for one in messages],
    }


def _message(message: Message) -> dict[str, Any]:
    return {
        "seq": message.seq,
        "at": as_wire(message.created_at),
        "role": message.role.value,
        "kind": message.kind.value,
        "visibility": message.visibility.value,
        "author": message.author_name,
        "text": message.text,
        "files": message.files,
        "feedback": message.feedback.value if message.feedback else None,
    }
