"""What one can do with a conversation; whether and how the bot answers is decided elsewhere.

`shown` tells what readers have seen of a running answer (`hub.answers.shown_text`): whoever ends
the answer keeps its whole sentences in the same transaction.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.conversations.control import ShownText, end_live_answer
from app.conversations.ledger import append_message
from app.conversations.moves import Cause, change, enter_queue, move, pass_on, tell
from app.conversations.rating import note_feedback
from app.conversations.replay import read_log
from app.conversations.repository import ConversationRow, Conversations
from app.conversations.states import Happening, begin
from app.conversations.visitors import remember
from app.database import Work
from app.errors import Conflict, Empty, Invalid, TooLong
from app.events import EventStored
from app.files.service import claim
from app.ids import new_id
from app.models import Conversation, Inbox, Message, Workspace
from app.privacy.masking import mask
from app.speakers import BOT, SYSTEM, Customer, SignedInAgent, Speaker
from app.vocabulary import Chip, Control, EndReason, HandoffReason, Priority, Role, Side, Visibility
from app.workspace.answer_policy import AnswerPolicy, PiiMasking

_SUBJECT_CHARS = 80
_SHOWN_TO_CUSTOMER = 20


@dataclass(frozen=True)
class NewMessage:
    """A message as it arrives; resending it with the same `client_msg_id` changes nothing."""

    text: str
    client_msg_id: str | None
    """None: nobody will send it again."""
    conversation_id: UUID | None = None
    """Absent: the open conversation, or a new one."""
    chip: Chip | None = None
    """The button that was pressed; "that helped" resolves what the bot has answered."""
    file_ids: tuple[UUID, ...] = ()
    """Uploaded before; with files the text may be empty."""
    begins: bool = False
    """Without a conversation: open a new one, also where one is open already."""


@dataclass(frozen=True)
class Opening:
    """What is said of a new conversation besides its first message; None leaves it as usual."""

    subject: str | None = None
    external_ref: str | None = None
    is_bot_on: bool | None = None
    """Whether the bot has the word first; as the site says where nothing is said."""


_USUAL = Opening()


@dataclass(frozen=True)
class Posted:
    """Where a message went; the same for every resend."""

    conversation_id: UUID
    message_id: UUID
    seq: int
    contact_id: UUID | None = None
    """Of the customer who posted, stored at the latest now."""


@dataclass(frozen=True)
class Snapshot:
    """A conversation as it stood in one moment; the events after `last_seq` continue it."""

    row: ConversationRow
    messages: list[Message]


def clean_text(text: str, limit: int) -> str:
    """The text as it is stored, without space around it.

    Raises:
        Empty, TooLong, Invalid: nothing in it, more than `limit` characters, or NUL characters.
    """
    cleaned = text.strip()
    if not cleaned:
        raise Empty
    if len(cleaned) > limit:
        raise TooLong(f"A message may have {limit:,} characters; this one has {len(cleaned):,}.")
    if "\0" in cleaned:
        raise Invalid("A message cannot hold NUL characters.")
    return cleaned


async def post_message(
    work: Work, customer: Customer, new: NewMessage, *, shown: ShownText, reopen_days: int
) -> Posted:
    """Add a customer's message, opening or reopening a conversation; a running answer gives way.

    Raises:
        NotFound: no such conversation, or not this customer's.
        ConversationClosed: it is archived, or was resolved too long ago.
        Conflict: the same `client_msg_id` was sent before with another text.
        Blocked: this customer may not write.
    """
    customer = await remember(work, customer)
    assert customer.contact_id is not None
    new = await _as_stored(work, customer, new)
    conversations = Conversations(work.session)
    if new.conversation_id is None:
        await conversations.lock_contact(customer.contact_id)
        sent = await conversations.find_sent_by_contact(customer.contact_id, new.client_msg_id)
        open_id = None
        if not new.begins:
            open_id = await conversations.find_open_id(customer.contact_id, customer.inbox_id)
    else:
        sent, open_id = None, new.conversation_id
    if sent is None and open_id is None:
        message = await _begin_conversation(work, customer, new)
        return Posted(message.conversation_id, message.id, message.seq, customer.contact_id)
    known_id = sent.conversation_id if sent else open_id
    assert known_id is not None
    return await _post_to(work, customer, known_id, new, shown, reopen_days)


async def relay_message(
    work: Work, customer: Customer, new: NewMessage, *, shown: ShownText, reopen_days: int
) -> Posted:
    """Add what a customer said elsewhere to a conversation of theirs; raises as `post_message`."""
    known_id = new.conversation_id
    assert known_id is not None, "what was said elsewhere belongs to a conversation"
    new = await _as_stored(work, customer, new)
    return await _post_to(work, customer, known_id, new, shown, reopen_days)


async def relay_opening(
    work: Work, customer: Customer, new: NewMessage, opening: Opening
) -> Conversation:
    """Begin a conversation with what a customer said elsewhere.

    Raises:
        Blocked: this customer may not write.
    """
    assert customer.contact_id is not None
    await access.contact(work.session, customer.contact_id)
    new = await _as_stored(work, customer, new)
    message = await _begin_conversation(work, customer, new, opening)
    return await access.lock_conversation(work, customer, message.conversation_id)


@dataclass(frozen=True)
class Log:
    """A stretch of events, and where the conversation stood when it was read."""

    events: list[EventStored]
    last_seq: int
    has_more: bool


async def read_events(
    session: AsyncSession, speaker: Speaker, conversation_id: UUID, *, after: int, limit: int
) -> Log:
    """What this speaker may see of what happened after event `after`."""
    conversation = await access.conversation(session, speaker, conversation_id)
    if after >= conversation.last_seq:
        return Log([], conversation.last_seq, has_more=False)
    events = await read_log(session, conversation_id, after, limit)
    shown = [
        event
        for event in events
        if isinstance(speaker, SignedInAgent) or event.visibility is Visibility.PUBLIC
    ]
    has_more = bool(events) and events[-1].seq < conversation.last_seq
    return Log(shown, conversation.last_seq, has_more)


def check_same(sent: Message, new: NewMessage, role: Role) -> Message:
    """The message of an earlier send under the same `client_msg_id`.

    Raises:
        Conflict: it says something else, or somebody else said it.
    """
    same_files = [file["id"] for file in sent.files] == [str(one) for one in new.file_ids]
    if sent.text != new.text or sent.role is not role or not same_files:
        raise Conflict("This message id was used before for another text.")
    return sent


async def stop_answer(
    work: Work, speaker: Speaker, conversation_id: UUID, *, shown: ShownText
) -> None:
    """End the running answer; nothing happens when none runs."""
    conversation = await access.lock_conversation(work, speaker, conversation_id)
    if await end_live_answer(work, conversation, speaker.actor, EndReason.STOPPED, shown):
        await move(work, conversation, Happening.ANSWERED, Cause(speaker.actor))
        await pass_on(work, conversation)


async def resolve(
    work: Work, agent: SignedInAgent, conversation_id: UUID, *, shown: ShownText
) -> Conversation:
    """An agent ends the conversation; it reopens when the customer writes."""
    conversation = await access.lock_conversation(work, agent, conversation_id)
    cause = Cause(agent.actor, shown=shown, agent=agent)
    await move(work, conversation, Happening.RESOLVED, cause)
    return conversation


async def confirm_solved(work: Work, conversation_id: UUID, *, shown: ShownText) -> bool:
    """The customer has said that the bot's answer helped; false if it is not the bot's to end."""
    conversation = await access.lock_any_conversation(work, conversation_id)
    cause = Cause(BOT, shown=shown)
    return await move(work, conversation, Happening.CONFIRMED, cause) is not None


async def mark_read(work: Work, speaker: Speaker, conversation_id: UUID, seq: int) -> None:
    """Remember how far somebody has read; it never goes back."""
    conversation = await access.conversation(work.session, speaker, conversation_id)
    reader_id = speaker.agent_id if isinstance(speaker, SignedInAgent) else speaker.contact_id
    assert reader_id is not None
    reached = min(seq, conversation.last_seq)
    await Conversations(work.session).raise_marker(conversation_id, reader_id, reached)


async def read_snapshot(session: AsyncSession, speaker: Speaker, conversation_id: UUID) -> Snapshot:
    """The conversation with its thread, read in one moment (`database.snapshot`)."""
    conversation = await access.conversation(session, speaker, conversation_id)
    conversations = Conversations(session)
    messages = await conversations.messages(
        conversation_id, with_internal=isinstance(speaker, SignedInAgent)
    )
    return Snapshot(await conversations.row(conversation), messages)


async def read_row(
    session: AsyncSession, speaker: Speaker, conversation_id: UUID
) -> ConversationRow:
    """The conversation with the names people see."""
    conversation = await access.conversation(session, speaker, conversation_id)
    return await Conversations(session).row(conversation)


async def lock_row(work: Work, agent: SignedInAgent, conversation_id: UUID) -> ConversationRow:
    """The same for an agent who may write, locked until the end of the work."""
    conversation = await access.lock_conversation(work, agent, conversation_id)
    return await Conversations(work.session).row(conversation)


async def read_own(session: AsyncSession, customer: Customer) -> list[Conversation]:
    """A customer's conversations, newest first."""
    if customer.contact_id is None:
        return []
    return await Conversations(session).of_contact(
        customer.contact_id, customer.inbox_id, _SHOWN_TO_CUSTOMER
    )


async def _as_stored(work: Work, customer: Customer, new: NewMessage) -> NewMessage:
    """Masked where the company does not want to keep personal data at all."""
    workspace = await work.session.get_one(Workspace, customer.workspace_id)
    is_masked = AnswerPolicy.of(workspace).mask_pii is PiiMasking.STORED
    return replace(new, text=await asyncio.to_thread(mask, new.text)) if is_masked else new


async def _post_to(
    work: Work,
    customer: Customer,
    conversation_id: UUID,
    new: NewMessage,
    shown: ShownText,
    reopen_days: int,
) -> Posted:
    conversation = await access.lock_conversation(work, customer, conversation_id)
    sent = await Conversations(work.session).find_sent(conversation.id, new.client_msg_id)
    if sent is not None:
        same = check_same(sent, new, Role.CUSTOMER)
        return Posted(same.conversation_id, same.id, same.seq, customer.contact_id)
    message = await _write_on(work, conversation, customer, new, shown, reopen_days)
    return Posted(conversation.id, message.id, message.seq, customer.contact_id)


async def _begin_conversation(
    work: Work, customer: Customer, new: NewMessage, opening: Opening = _USUAL
) -> Message:
    """The first message; where the bot is switched off, it waits for a person from the start."""
    files = await claim(work, customer, new.file_ids)
    about = new.text or files[0].name
    conversation = await _open_conversation(work, customer, about, opening)
    message = await append_message(
        work,
        conversation,
        customer.actor,
        new.text,
        client_msg_id=new.client_msg_id,
        sent=files,
    )
    conversation.waiting_since = message.created_at
    if conversation.control is Control.QUEUE:
        await enter_queue(work, conversation, HandoffReason.BOT_OFF)
    elif files:
        await _show_files_to_a_person(work, conversation)
    return message


async def _write_on(
    work: Work,
    conversation: Conversation,
    customer: Customer,
    new: NewMessage,
    shown: ShownText,
    reopen_days: int,
) -> Message:
    """Wakes and reopens it; a running answer gives way, and an agent who waited for its end."""
    cause = Cause(
        customer.actor,
        HandoffReason.REOPENED,
        shown=shown,
        reopen_within=timedelta(days=reopen_days),
    )
    changed = await change(work, conversation, Happening.CUSTOMER_WROTE, cause)
    await pass_on(work, conversation)
    files = await claim(work, customer, new.file_ids)
    message = await append_message(
        work,
        conversation,
        customer.actor,
        new.text,
        client_msg_id=new.client_msg_id,
        sent=files,
    )
    if changed is not None:
        await tell(work, conversation, changed)
    if files:
        await _show_files_to_a_person(work, conversation)
    if new.chip is not None:
        await note_feedback(work, conversation, customer, new.chip)
    if new.chip is Chip.HELPED:
        await move(work, conversation, Happening.CONFIRMED, Cause(customer.actor))
    return message


async def _open_conversation(
    work: Work, customer: Customer, text: str, opening: Opening
) -> Conversation:
    assert customer.contact_id is not None
    conversations = Conversations(work.session)
    inbox = await work.session.get_one(Inbox, customer.inbox_id)
    is_bot_on = inbox.bot_enabled and opening.is_bot_on is not False
    begun = begin(is_bot_on=is_bot_on)
    earlier = await conversations.of_contact(customer.contact_id, customer.inbox_id, 1)
    conversation = Conversation(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=customer.workspace_id,
        inbox_id=customer.inbox_id,
        contact_id=customer.contact_id,
        previous_id=earlier[0].id if earlier else None,
        number=await conversations.next_number(customer.workspace_id),
        status=begun.status,
        control=begun.control,
        control_epoch=0,
        subject=opening.subject or _subject(text),
        external_ref=opening.external_ref,
        locale=customer.locale or inbox.locale,
        page=customer.page,
        priority=Priority.NORMAL,
        last_seq=0,
        context_seq=0,
        reopened_count=0,
        bot_turns=0,
        waiting_on=Side.US,
        last_message_at=work.clock(),
    )
    work.session.add(conversation)
    await work.session.flush()
    return conversation


async def _show_files_to_a_person(work: Work, conversation: Conversation) -> None:
    """The bot cannot open them, and must not answer as if it had."""
    if conversation.control is Control.BOT:
        await move(work, conversation, Happening.HANDED_OFF, Cause(SYSTEM, HandoffReason.FILES))


def _subject(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= _SUBJECT_CHARS:
        return line
    return line[:_SUBJECT_CHARS].rsplit(" ", 1)[0] + "…"
