"""What one does with a conversation of `/v1`: who has the word, where it stands, transcripts."""

from collections.abc import Awaitable
from typing import Annotated
from uuid import UUID

from fastapi import Body, Query, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from app.api.etags import etag_of
from app.api.keys import ApiCaller, ApiWorkDep
from app.api.routes import api_router
from app.conversations import desk, relay, service
from app.conversations.repository import Conversations
from app.conversations.resources import (
    ActingAgent,
    Assignment,
    ConversationResource,
    Merge,
    MessageResource,
    Release,
    Snooze,
    SummaryOut,
    Takeover,
)
from app.conversations.router import Reads, Writes
from app.conversations.summary import summarise
from app.conversations.transcript import as_text, read_transcript
from app.database import Work
from app.dependencies import PartsDep, SnapshotDep
from app.handoff import service as handoff
from app.models import Conversation
from app.pages import page
from app.vocabulary import MessageKind, Visibility

router = api_router("/conversations/{conversation_id}", "conversations")

Zone = Annotated[
    str | None, Query(max_length=64, description="Such as `Europe/Berlin`; absent: the company's.")
]
_NOBODY = ActingAgent()
InWhoseName = Annotated[ActingAgent, Body()]


@router.post("/takeover")
async def take_over(
    conversation_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    parts: PartsDep,
    response: Response,
    body: Annotated[Takeover, Body()] = Takeover(),  # noqa: B008  # frozen
) -> ConversationResource:
    """An agent has the word from now on; a running answer ends in the same moment."""
    agent = await relay.choose_agent(work.session, caller.agent, body.agent_id)
    taken = handoff.take_over(
        work,
        agent,
        conversation_id,
        epoch=await _epoch(work, caller, conversation_id, body.control_epoch),
        shown=parts.hub.answers.shown_text,
        mode=body.mode,
    )
    return await _done(work, response, taken)


@router.post("/release")
async def release(
    conversation_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    response: Response,
    body: Annotated[Release, Body()] = Release(),  # noqa: B008  # frozen
) -> ConversationResource:
    """The bot has the word again; it stays silent until the customer writes, or answers now."""
    agent = await relay.choose_agent(work.session, caller.agent, body.agent_id)
    epoch = await _epoch(work, caller, conversation_id, body.control_epoch)
    given = handoff.release(
        work, agent, conversation_id, epoch=epoch, answers_last=body.answers_last
    )
    return await _done(work, response, given)


@router.post("/handoff")
async def hand_off(
    conversation_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    parts: PartsDep,
    response: Response,
    body: InWhoseName = _NOBODY,
) -> ConversationResource:
    """The bot hands over to whoever comes first; nothing changes where it has not the word."""
    agent = await relay.choose_agent(work.session, caller.agent, body.agent_id)
    shown = parts.hub.answers.shown_text
    return await _done(
        work, response, handoff.request_handoff(work, agent, conversation_id, shown=shown)
    )


@router.post("/assign")
async def assign(
    conversation_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    parts: PartsDep,
    response: Response,
    body: Assignment,
) -> ConversationResource:
    """Give it to an agent, or with `null` to the queue."""
    agent = await relay.choose_agent(work.session, caller.agent, body.agent_id)
    given = handoff.transfer(
        work,
        agent,
        conversation_id,
        to_agent_id=body.to_agent_id,
        shown=parts.hub.answers.shown_text,
    )
    return await _done(work, response, given)


@router.post("/snooze")
async def snooze(
    conversation_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    parts: PartsDep,
    response: Response,
    body: Annotated[Snooze, Body()] = Snooze(),  # noqa: B008  # frozen
) -> ConversationResource:
    """Put it aside until a moment, or until the customer writes."""
    agent = await relay.choose_agent(work.session, caller.agent, body.agent_id)
    shown = parts.hub.answers.shown_text
    return await _done(
        work, response, desk.snooze(work, agent, conversation_id, until=body.until, shown=shown)
    )


@router.post("/wake")
async def wake(
    conversation_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    response: Response,
    body: InWhoseName = _NOBODY,
) -> ConversationResource:
    """End a snooze before its time."""
    agent = await relay.choose_agent(work.session, caller.agent, body.agent_id)
    return await _done(work, response, desk.wake(work, agent, conversation_id))


@router.post("/resolve")
async def resolve(
    conversation_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    parts: PartsDep,
    response: Response,
    body: InWhoseName = _NOBODY,
) -> ConversationResource:
    """End it; it reopens when the customer writes."""
    agent = await relay.choose_agent(work.session, caller.agent, body.agent_id)
    shown = parts.hub.answers.shown_text
    return await _done(work, response, service.resolve(work, agent, conversation_id, shown=shown))


@router.post("/reopen")
async def reopen(
    conversation_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    response: Response,
    body: InWhoseName = _NOBODY,
) -> ConversationResource:
    """Take up a resolved conversation again; it is this agent's."""
    agent = await relay.choose_agent(work.session, caller.agent, body.agent_id)
    return await _done(work, response, desk.reopen(work, agent, conversation_id))


@router.post("/merge")
async def merge(
    conversation_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    parts: PartsDep,
    response: Response,
    body: Merge,
) -> ConversationResource:
    """Let it go on in another conversation of the same contact, which is shown.

    The other one gets a transcript as a note, and the labels; this one is archived.
    """
    shown = parts.hub.answers.shown_text
    merged = relay.merge(work, caller.agent, conversation_id, body.into_id, shown=shown)
    return await _done(work, response, merged)


@router.post("/summary")
async def summarise_conversation(
    conversation_id: UUID, caller: Reads, session: SnapshotDep
) -> SummaryOut:
    """What was asked and what the bot said, put together word for word; nothing is stored."""
    found = await service.read_snapshot(session, caller.agent, conversation_id)
    thread = [one for one in found.messages if one.kind is not MessageKind.NOTE]
    return SummaryOut(text=summarise(thread, None), up_to_seq=found.row.conversation.last_seq)


@router.get("/transcript.txt", response_class=PlainTextResponse)
async def text_transcript(
    conversation_id: UUID, caller: Reads, session: SnapshotDep, tz: Zone = None
) -> PlainTextResponse:
    """What the customer could read, as text."""
    made = await read_transcript(session, caller.agent, conversation_id, tz)
    return PlainTextResponse(as_text(made))


@router.get("/transcript.html", response_class=HTMLResponse)
async def html_transcript(
    conversation_id: UUID, caller: Reads, session: SnapshotDep, tz: Zone = None
) -> HTMLResponse:
    """The same as a document of its own, without script or foreign address."""
    made = await read_transcript(session, caller.agent, conversation_id, tz)
    return page("conversations/transcript.html", {"transcript": made})


@router.get("/transcript.json")
async def json_transcript(
    conversation_id: UUID, caller: Reads, session: SnapshotDep
) -> list[MessageResource]:
    """The same as messages, all at once."""
    found = await service.read_snapshot(session, caller.agent, conversation_id)
    public = [one for one in found.messages if one.visibility is Visibility.PUBLIC]
    return [MessageResource.of(one) for one in public]


async def _epoch(work: Work, caller: ApiCaller, conversation_id: UUID, given: int | None) -> int:
    """As the client saw it; without that whatever it is now."""
    if given is not None:
        return given
    row = await service.lock_row(work, caller.agent, conversation_id)
    return row.conversation.control_epoch


async def _done(
    work: Work, response: Response, act: Awaitable[Conversation]
) -> ConversationResource:
    conversation = await act
    await work.session.flush()
    shown = ConversationResource.of(await Conversations(work.session).row(conversation))
    response.headers["ETag"] = etag_of(shown)
    return shown
