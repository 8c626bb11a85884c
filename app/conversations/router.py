"""`/v1/conversations` and their messages: make, list, read, change."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from app.api.etags import IfMatch, check_match, tagged
from app.api.keys import ApiCaller, ApiWorkDep
from app.api.paging import Page, PagerDep
from app.api.routes import api_router
from app.api.seeking import Order
from app.api.values import Moment, Reference
from app.contacts.service import choose_contact
from app.conversations import desk, relay, service
from app.conversations.expanding import ExpansionDep
from app.conversations.listing import Filter, Listing, Sort, read_messages
from app.conversations.rating import NewRating, rate
from app.conversations.redaction import redact
from app.conversations.relay import Begin, Patch
from app.conversations.repository import ConversationRow, Conversations
from app.conversations.resources import (
    ConversationPatch,
    ConversationResource,
    MessageResource,
    NewConversation,
    NewMessageBody,
    RatingBody,
)
from app.conversations.rights import Reads, Writes
from app.conversations.schemas import EventOut, EventPage
from app.conversations.service import NewMessage, Opening, Posted, clean_text
from app.dependencies import PartsDep, SnapshotDep
from app.errors import AppError
from app.handoff.service import post_reply
from app.vocabulary import Control, Priority, Role, Side, Status, Visibility

router = api_router("/conversations", "conversations")


def _filter(
    caller: Reads,
    status: Status | None = None,
    control: Control | None = None,
    waiting_on: Side | None = None,
    priority: Priority | None = None,
    assignee_id: UUID | None = None,
    contact_id: UUID | None = None,
    inbox_id: UUID | None = None,
    label: Annotated[str | None, Query(max_length=40)] = None,
    external_ref: Annotated[Reference | None, Query()] = None,
    created_after: Moment | None = None,
    created_before: Moment | None = None,
) -> Filter:
    return Filter(
        caller.workspace_id,
        status,
        control,
        waiting_on,
        priority,
        assignee_id,
        contact_id,
        inbox_id,
        label,
        external_ref,
        created_after,
        created_before,
    )


@router.get("")
async def list_conversations(
    caller: Reads,
    chosen: Annotated[Filter, Depends(_filter)],
    pager: PagerDep,
    session: SnapshotDep,
    expansion: ExpansionDep,
    sort: Sort = Sort.CREATED,
    order: Order = Order.DESC,
) -> Page[ConversationResource]:
    """Conversations, all of them unless a filter says otherwise.

    With `sort=created` a conversation keeps its place whatever happens in it, so that reading page
    by page shows each exactly once; with `sort=activity` one that is written to moves to the front.
    With several filters a page looks through 10,000 conversations, so it may hold fewer than
    `limit`, or none, and `has_more` tells whether there are others to look through.
    """
    listing = Listing(chosen, sort, order)
    found = await listing.page(session, pager.after(listing.name), pager.limit + 1)
    shown = await expansion.show(session, found.rows[: pager.limit])
    return pager.page(
        listing.name,
        found.rows,
        lambda row: shown[row.conversation.id],
        listing.place,
        stopped_at=found.stopped_at,
    )


@router.post("", status_code=201, responses={200: {"description": "It was here already."}})
async def create_conversation(
    caller: Writes, work: ApiWorkDep, parts: PartsDep, new: NewConversation, response: Response
) -> ConversationResource:
    """Begin a conversation with what a customer wrote; the bot answers unless a person shall.

    With an `external_ref` that was used before, the conversation is shown as it is now, with 200.
    """
    text = _clean(new.message.text, parts.settings.text_limit, "/message/text")
    if new.external_ref is not None:
        known = await relay.find_by_reference(work.session, caller.workspace_id, new.external_ref)
        if known is not None:
            response.status_code = 200
            response.headers["Location"] = f"/v1/conversations/{known.id}"
            return _told(response, await Conversations(work.session).row(known))
    wanted = new.contact
    contact = await choose_contact(work, caller.workspace_id, wanted.id, wanted)
    opening = Opening(
        new.subject, new.external_ref, None if new.control is None else new.control is Control.BOT
    )
    begun = Begin(
        contact,
        await relay.choose_inbox(work.session, caller.workspace_id, new.inbox_id),
        NewMessage(text, new.message.external_ref),
        opening,
        new.locale,
        new.priority,
        tuple(new.labels),
    )
    conversation = await relay.begin(work, caller.agent, begun)
    response.headers["Location"] = f"/v1/conversations/{conversation.id}"
    return _told(response, await Conversations(work.session).row(conversation))


@router.get("/{conversation_id}")
async def get_conversation(
    conversation_id: UUID,
    caller: Reads,
    session: SnapshotDep,
    expansion: ExpansionDep,
    response: Response,
) -> ConversationResource:
    """One conversation; its `ETag` names this state."""
    row = await service.read_row(session, caller.agent, conversation_id)
    _told(response, row)
    return (await expansion.show(session, [row]))[conversation_id]


@router.patch("/{conversation_id}", responses={412: {"description": "It has changed."}})
async def patch_conversation(
    conversation_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    changes: ConversationPatch,
    response: Response,
    if_match: IfMatch = None,
) -> ConversationResource:
    """Change subject, priority, labels or reference; what is absent stays."""
    before = await service.lock_row(work, caller.agent, conversation_id)
    check_match(if_match, ConversationResource.of(before))
    labels = None if changes.labels is None else tuple(changes.labels)
    wanted = Patch(
        changes.subject, changes.priority, labels, changes.external_ref, bool(changes.cleared)
    )
    return _told(response, await relay.patch(work, caller.agent, conversation_id, wanted))


@router.get("/{conversation_id}/messages")
async def list_messages(
    conversation_id: UUID,
    caller: Reads,
    pager: PagerDep,
    session: SnapshotDep,
    order: Order = Order.ASC,
) -> Page[MessageResource]:
    """The thread, oldest first, notes for agents included."""
    found = partial(read_messages, session, caller.agent, conversation_id, order=order)
    return await pager.read(
        f"messages:{conversation_id}:{order}",
        found,
        MessageResource.of,
        lambda message: [str(message.seq)],
    )


@router.post("/{conversation_id}/messages", status_code=201)
async def create_message(
    conversation_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    parts: PartsDep,
    new: NewMessageBody,
    response: Response,
) -> MessageResource:
    """Add what the customer wrote, a reply to them, or a note.

    A customer's message wakes and reopens, and the bot answers it where it has the word. A reply
    takes the conversation over. Under an `external_ref` that was used in this conversation before,
    the message is shown as it is; with another text that is a conflict.
    """
    text = _clean(new.text, parts.settings.text_limit, "/text")
    message = NewMessage(text, new.external_ref, conversation_id)
    posted = await _post(caller, work, parts, new, message)
    stored = await relay.find_message(
        work.session, caller.agent, conversation_id, posted.message_id
    )
    response.headers["Location"] = f"/v1/conversations/{conversation_id}/messages/{stored.id}"
    return MessageResource.of(stored)


@router.get("/{conversation_id}/messages/{message_id}")
async def get_message(
    conversation_id: UUID, message_id: UUID, caller: Reads, session: SnapshotDep
) -> MessageResource:
    """One message."""
    found = await relay.find_message(session, caller.agent, conversation_id, message_id)
    return MessageResource.of(found)


@router.post("/{conversation_id}/messages/{message_id}/redact")
async def redact_message(
    conversation_id: UUID, message_id: UUID, caller: Writes, work: ApiWorkDep
) -> MessageResource:
    """Take the words out of a message, for everybody and for good."""
    found = await redact(work, caller.doer, conversation_id, message_id)
    return MessageResource.of(found)


@router.get("/{conversation_id}/events")
async def list_events(
    conversation_id: UUID,
    caller: Reads,
    session: SnapshotDep,
    after_seq: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
) -> EventPage:
    """What happened after event `after_seq`, oldest first, as in the socket's frames."""
    agent = caller.agent
    log = await service.read_events(session, agent, conversation_id, after=after_seq, limit=limit)
    return EventPage(
        data=[EventOut.of(event) for event in log.events],
        last_seq=log.last_seq,
        has_more=log.has_more,
    )


@router.put("/{conversation_id}/rating")
async def rate_conversation(
    conversation_id: UUID, caller: Writes, work: ApiWorkDep, body: RatingBody, response: Response
) -> ConversationResource:
    """What the customer thinks of a conversation that has ended; with a remark it is final."""
    row = await service.lock_row(work, caller.agent, conversation_id)
    customer = relay.speaker_of(row.conversation)
    await rate(work, customer, conversation_id, NewRating(body.score, body.comment))
    return _told(response, await Conversations(work.session).row(row.conversation))


async def _post(
    caller: ApiCaller, work: ApiWorkDep, parts: PartsDep, new: NewMessageBody, message: NewMessage
) -> Posted:
    shown = parts.hub.answers.shown_text
    if new.role is Role.CUSTOMER:
        conversation_id = message.conversation_id
        assert conversation_id is not None
        days = parts.settings.reopen_days
        return await relay.relay(
            work, caller.agent, conversation_id, message, shown=shown, reopen_days=days
        )
    agent = await relay.choose_agent(work.session, caller.agent, new.agent_id)
    if new.visibility is Visibility.INTERNAL:
        return await desk.add_note(work, agent, message)
    return await post_reply(work, agent, message, shown=shown)


def _clean(text: str, limit_chars: int, pointer: str) -> str:
    """Raises: as `clean_text`, pointing at the text."""
    try:
        return clean_text(text, limit_chars)
    except AppError as error:
        error.fields = ({"pointer": pointer, "code": error.code, "detail": error.sentence},)
        raise


def _told(response: Response, row: ConversationRow) -> ConversationResource:
    return tagged(response, ConversationResource.of(row))
