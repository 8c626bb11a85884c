"""What agents do with a conversation besides talking: notes, labels, priority, snooze, block."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select

from app import access
from app.api.errors import BadField
from app.conversations.control import ShownText
from app.conversations.ledger import append_change, append_note
from app.conversations.moves import Cause, move
from app.conversations.repository import Conversations
from app.conversations.service import NewMessage, Posted, check_same
from app.conversations.states import Happening
from app.database import Work
from app.errors import Invalid
from app.events import Mentioned
from app.models import (
    Agent,
    Contact,
    Conversation,
    ConversationLabel,
    Draft,
    Label,
    Mention,
    Message,
)
from app.speakers import SignedInAgent
from app.vocabulary import DraftKind, EventType, Priority, Role

MAX_LABEL_CHARS = 40
COLOURS = ("grey", "red", "orange", "green", "teal", "blue", "violet", "pink")


@dataclass(frozen=True)
class NewLabel:
    """A label by its name; an unknown one is made, in the given colour of the palette."""

    name: str
    colour: str = "grey"


async def add_note(work: Work, agent: SignedInAgent, new: NewMessage) -> Posted:
    """Write what only colleagues read; whoever is named with `@` finds it among their mentions.

    Raises:
        NotFound, Forbidden: no such conversation here, or this agent may only read.
        ConversationClosed: it is archived.
        Conflict: the same `client_msg_id` was sent before with another text.
    """
    assert new.conversation_id is not None, "a note stands in a conversation"
    conversation = await access.lock_conversation(work, agent, new.conversation_id)
    sent = await Conversations(work.session).find_sent(conversation.id, new.client_msg_id)
    if sent is not None:
        same = check_same(sent, new, Role.AGENT)
        return Posted(same.conversation_id, same.id, same.seq)
    await move(work, conversation, Happening.NOTED, Cause(agent.actor, agent=agent))
    note = await append_note(
        work, conversation, agent.actor, new.text, client_msg_id=new.client_msg_id
    )
    await _mention(work, agent, note)
    return Posted(conversation.id, note.id, note.seq)


async def set_label(
    work: Work, agent: SignedInAgent, conversation_id: UUID, label: NewLabel, *, is_on: bool
) -> Conversation:
    """Put a label on, or take it off.

    Raises:
        Invalid: the name is empty or too long, or there is no such colour.
    """
    conversation = await access.lock_conversation(work, agent, conversation_id)
    known = await _label(work, agent.workspace_id, label)
    mine = (
        ConversationLabel.conversation_id == conversation.id,
        ConversationLabel.label_id == known.id,
    )
    is_there = (await work.session.scalars(select(ConversationLabel.id).where(*mine))).first()
    if (is_there is not None) == is_on:
        return conversation
    if is_on:
        work.session.add(
            ConversationLabel(
                conversation_id=conversation.id, label_id=known.id, set_by_agent_id=agent.agent_id
            )
        )
        await work.session.flush()
    else:
        await work.session.execute(delete(ConversationLabel).where(*mine))
    labels = (await Conversations(work.session).labels([conversation.id]))[conversation.id]
    shown = [{"name": one.name, "colour": one.colour} for one in labels]
    data = {"labels": shown, "by": agent.actor.wire()}
    await append_change(work, conversation, agent.actor, EventType.LABELS_CHANGED, data)
    return conversation


async def set_priority(
    work: Work, agent: SignedInAgent, conversation_id: UUID, to: Priority
) -> Conversation:
    """Say how soon a person should look."""
    conversation = await access.lock_conversation(work, agent, conversation_id)
    if conversation.priority is not to:
        data = {"from": conversation.priority.value, "to": to.value, "by": agent.actor.wire()}
        conversation.priority = to
        await append_change(work, conversation, agent.actor, EventType.PRIORITY_CHANGED, data)
    return conversation


async def snooze(
    work: Work,
    agent: SignedInAgent,
    conversation_id: UUID,
    *,
    until: datetime | None,
    shown: ShownText,
) -> Conversation:
    """Put it aside until a moment, or until the customer writes; then it comes back by itself.

    Raises:
        BadField: that moment has passed.
        ConversationClosed: it has ended.
    """
    if until is not None and until <= work.clock():
        raise BadField("/until", "A snooze must end in the future.")
    conversation = await access.lock_conversation(work, agent, conversation_id)
    cause = Cause(agent.actor, shown=shown, agent=agent, until=until)
    await move(work, conversation, Happening.SNOOZED, cause)
    return conversation


async def wake(work: Work, agent: SignedInAgent, conversation_id: UUID) -> Conversation:
    """End a snooze before its time."""
    conversation = await access.lock_conversation(work, agent, conversation_id)
    await move(work, conversation, Happening.WOKEN, Cause(agent.actor, agent=agent))
    return conversation


async def reopen(work: Work, agent: SignedInAgent, conversation_id: UUID) -> Conversation:
    """Take up a resolved conversation again; it is this agent's.

    Raises:
        ConversationClosed: it is archived.
    """
    conversation = await access.lock_conversation(work, agent, conversation_id)
    me = await work.session.get_one(Agent, agent.agent_id)
    cause = Cause(agent.actor, "reopened", agent=agent, to=me)
    await move(work, conversation, Happening.REOPENED, cause)
    return conversation


async def set_blocked(
    work: Work, agent: SignedInAgent, conversation_id: UUID, *, is_on: bool, shown: ShownText
) -> Conversation:
    """Let a contact write no more, and end all they have going on; or let them write again."""
    seen = await access.conversation(work.session, agent, conversation_id)
    contact = await work.session.get_one(Contact, seen.contact_id)
    if (contact.blocked_at is not None) is is_on:
        return seen
    contact.blocked_at = work.clock() if is_on else None
    data = {"blocked": is_on, "by": agent.actor.wire()}
    theirs = await Conversations(work.session).ids_of(contact.id)
    for one_id in sorted(theirs):  # in one order, so that no two agents wait for each other
        conversation = await access.lock_conversation(work, agent, one_id)
        await append_change(work, conversation, agent.actor, EventType.CONTACT_CHANGED, data)
        if is_on:
            cause = Cause(agent.actor, shown=shown, agent=agent)
            await move(work, conversation, Happening.BLOCKED, cause)
    return await access.conversation(work.session, agent, conversation_id)


async def keep_draft(
    work: Work, agent: SignedInAgent, conversation_id: UUID, kind: DraftKind, text: str
) -> None:
    """Remember what an agent has written and not sent; an empty text forgets it."""
    conversation = await access.conversation(work.session, agent, conversation_id)
    mine = (
        Draft.conversation_id == conversation.id,
        Draft.agent_id == agent.agent_id,
        Draft.kind == kind,
    )
    await work.session.execute(delete(Draft).where(*mine))
    if text.strip():
        work.session.add(
            Draft(
                conversation_id=conversation.id,
                agent_id=agent.agent_id,
                kind=kind,
                body=text,
                updated_at=work.clock(),
            )
        )


async def _label(work: Work, workspace_id: UUID, wanted: NewLabel) -> Label:
    name = " ".join(wanted.name.lower().split())
    if not name or len(name) > MAX_LABEL_CHARS:
        raise Invalid(f"A label has 1 to {MAX_LABEL_CHARS} characters; this one has {len(name)}.")
    if wanted.colour not in COLOURS:
        raise Invalid(f"There is no colour {wanted.colour!r}; there are {', '.join(COLOURS)}.")
    query = select(Label).where(Label.workspace_id == workspace_id, Label.name == name)
    known = (await work.session.scalars(query)).one_or_none()
    if known is None:
        known = Label(workspace_id=workspace_id, name=name, colour=wanted.colour)
        work.session.add(known)
        await work.session.flush()
    return known


async def _mention(work: Work, author: SignedInAgent, note: Message) -> None:
    """Names are matched whole, first names too: "@Tom Okafor" and "@tom"."""
    if "@" not in note.text:
        return
    query = select(Agent).where(
        Agent.workspace_id == author.workspace_id, Agent.disabled_at.is_(None)
    )
    for agent in await work.session.scalars(query):
        names = (re.escape(agent.name), re.escape(agent.name.split()[0]))
        if not re.search(rf"@(?:{'|'.join(names)})(?!\w)", note.text, re.IGNORECASE):
            continue
        work.session.add(
            Mention(conversation_id=note.conversation_id, message_id=note.id, agent_id=agent.id)
        )
        work.outbox.add(
            Mentioned(note.workspace_id, note.conversation_id, agent_id=agent.id, by=author.name)
        )
