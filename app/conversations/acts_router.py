"""What one does with a conversation of `/v1`: who has the word, where it stands, transcripts."""

from collections.abc import Awaitable
from typing import Annotated
from uuid import UUID

from fastapi import Body, Depends, Query, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from app.api.etags import tagged
from app.api.keys import ApiWorkDep
from app.api.routes import api_router
from app.conversations import desk, relay, service
from app.conversations.control import ShownText
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
from app.conversations.rights import Reads, Writes
from app.conversations.summary import summarise
from app.conversations.transcript import as_text, read_transcript
from app.dependencies import PartsDep, SnapshotDep
from app.handoff import service as handoff
from app.models import Conversation
from app.pages import page
from app.speakers import SignedInAgent
from app.vocabulary import MessageKind, Visibility

router = api_router("/conversations/{conversation_id}", "conversations")

Zone = Annotated[
    str | None, Query(max_length=64, description="Such as `Europe/Berlin`; absent: the company's.")
]
_NOBODY = ActingAgent()
InWhoseName = Annotated[ActingAgent, Body()]


class Stage:
    """What every act on a conversation needs, and how what came of it is told."""

    def __init__(
        self,
        conversation_id: UUID,
        caller: Writes,
        work: ApiWorkDep,
        parts: PartsDep,
        response: Response,
    ) -> None:
        self.id = conversation_id
        self.caller = caller
        self.work = work
        self.shown: ShownText = parts.hub.answers.shown_text
        self._response = response

    async def agent(self, body: ActingAgent) -> SignedInAgent:
        """In whose name it happens."""
        return await relay.choose_agent(self.work.session, self.caller.agent, body.agent_id)

    async def epoch(self, given: int | None) -> int:
        """As the client saw it; without that whatever it is now."""
        if given is not None:
            return given
        row = await service.lock_row(self.work, self.caller.agent, self.id)
        return row.conversation.control_epoch

    async def tell(self, act: Awaitable[Conversation]) -> ConversationResource:
        """Do it, and show the conversation as it is then."""
        conversation = await act
        await self.work.session.flush()
        row = await Conversations(self.work.session).row(conversation)
        return tagged(self._response, ConversationResource.of(row))


On = Annotated[Stage, Depends(Stage)]


@router.post("/takeover")
async def take_over(
    on: On,
    body: Annotated[Takeover, Body()] = Takeover(),  # noqa: B008  # frozen
) -> ConversationResource:
    """An agent has the word from now on; a running answer ends in the same moment."""
    agent, epoch = await on.agent(body), await on.epoch(body.control_epoch)
    return await on.tell(
        handoff.take_over(on.work, agent, on.id, epoch=epoch, shown=on.shown, mode=body.mode)
    )


@router.post("/release")
async def release(
    on: On,
    body: Annotated[Release, Body()] = Release(),  # noqa: B008  # frozen
) -> ConversationResource:
    """The bot has the word again; it stays silent until the customer writes, or answers now."""
    agent, epoch = await on.agent(body), await on.epoch(body.control_epoch)
    return await on.tell(
        handoff.release(on.work, agent, on.id, epoch=epoch, answers_last=body.answers_last)
    )


@router.post("/handoff")
async def hand_off(on: On, body: InWhoseName = _NOBODY) -> ConversationResource:
    """The bot hands over to whoever comes first; nothing changes where it has not the word."""
    agent = await on.agent(body)
    return await on.tell(handoff.request_handoff(on.work, agent, on.id, shown=on.shown))


@router.post("/assign")
async def assign(on: On, body: Assignment) -> ConversationResource:
    """Give it to an agent, or with `null` to the queue."""
    agent, to = await on.agent(body), body.to_agent_id
    if to is not None:
        await service.lock_row(on.work, on.caller.agent, on.id)
        await relay.choose_agent(on.work.session, on.caller.agent, to, "/to_agent_id")
    return await on.tell(handoff.transfer(on.work, agent, on.id, to_agent_id=to, shown=on.shown))


@router.post("/snooze")
async def snooze(
    on: On,
    body: Annotated[Snooze, Body()] = Snooze(),  # noqa: B008  # frozen
) -> ConversationResource:
    """Put it aside until a moment, or until the customer writes."""
    agent = await on.agent(body)
    return await on.tell(desk.snooze(on.work, agent, on.id, until=body.until, shown=on.shown))


@router.post("/wake")
async def wake(on: On, body: InWhoseName = _NOBODY) -> ConversationResource:
    """End a snooze before its time."""
    return await on.tell(desk.wake(on.work, await on.agent(body), on.id))


@router.post("/resolve")
async def resolve(on: On, body: InWhoseName = _NOBODY) -> ConversationResource:
    """End it; it reopens when the customer writes."""
    return await on.tell(service.resolve(on.work, await on.agent(body), on.id, shown=on.shown))


@router.post("/reopen")
async def reopen(on: On, body: InWhoseName = _NOBODY) -> ConversationResource:
    """Take up a resolved conversation again; it is this agent's."""
    return await on.tell(desk.reopen(on.work, await on.agent(body), on.id))


@router.post("/merge")
async def merge(on: On, body: Merge) -> ConversationResource:
    """Let it go on in another conversation of the same contact, which is shown.

    The other one gets a transcript as a note, and the labels; this one is archived.
    """
    return await on.tell(relay.merge(on.work, on.caller.agent, on.id, body.into_id, shown=on.shown))


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
