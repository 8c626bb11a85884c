"""One greeted socket: what each frame does, and what it is answered.

Every frame is one unit of work. What a person may not do is answered with `nack` and leaves the
socket open; only what no honest client sends closes it.
"""

import time
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.conversations import desk, service, visitors
from app.conversations.rating import NewRating, rate
from app.conversations.schemas import ConversationOut, MessageOut
from app.conversations.service import NewMessage, Posted, Snapshot
from app.errors import AppError, Forbidden, NotFound, NotSignedIn, RateLimited
from app.events import DraftTyped
from app.handoff import service as handoff
from app.ids import new_id
from app.live import acts, frames, protocol, selves
from app.live.connection import Connection
from app.live.own import summaries
from app.live.prechat import check_asked
from app.live.protocol import CloseCode, SocketClosed
from app.live.suggesting import Suggesting
from app.models import Conversation
from app.parts import Parts
from app.speakers import Customer, SignedInAgent, Speaker
from app.throttle import Allowance

JsonObject = frames.JsonObject
_DRAFTS_AT_ONCE = 2
"""The network may bring two closer together than they were sent."""


class Session:
    """The conversation partner behind one socket."""

    def __init__(self, parts: Parts, connection: Connection, speaker: Speaker) -> None:
        self.parts = parts
        self.connection = connection
        self.speaker = speaker
        settings = parts.settings
        self._messages = Allowance(settings.messages_per_s, settings.messages_burst)
        self._drafts = Allowance(1 / settings.draft_interval_s, _DRAFTS_AT_ONCE)
        self._writer_id = new_id()
        self._suggesting = Suggesting(parts, connection)
        self._typing_sent: dict[UUID, tuple[bool, float]] = {}

    @property
    def is_agent(self) -> bool:
        """Agents see internal events too."""
        return isinstance(self.speaker, SignedInAgent)

    async def handle(self, frame: protocol.ClientFrame) -> None:
        """Do what the frame asks and answer it.

        Raises:
            SocketClosed: no honest client sends this now.
        """
        try:
            await self._dispatch(frame)
        except NotSignedIn as error:
            raise SocketClosed(CloseCode.NOT_SIGNED_IN, error.code) from error
        except AppError as error:
            await self._nack(frame, error)

    @property
    def _customer(self) -> Customer:
        if not isinstance(self.speaker, Customer):
            raise Forbidden
        return self.speaker

    async def own_conversations(self) -> list[Conversation]:
        """A customer's, newest first; an agent watches what they choose to."""
        if isinstance(self.speaker, SignedInAgent):
            return []
        async with self.parts.database.snapshot() as session:
            # Since they were greeted they may have begun to speak in another tab.
            await self._refreshed(session)
            return await service.read_own(session, self._customer)

    async def summaries(self, own: list[Conversation]) -> list[JsonObject]:
        """The same as the widget lists them."""
        if not isinstance(self.speaker, Customer):
            return []
        async with self.parts.database.snapshot() as session:
            team = await self.parts.attendance.team(session, self.speaker.workspace_id)
            return await summaries(session, own, self.speaker.contact_id, team)

    async def catch_up(self, conversation_id: UUID, after: int) -> None:
        """Replay what the reader missed and go live, or tell it to start afresh."""
        async with self.parts.database.snapshot() as session:
            speaker = await self._refreshed(session)
            found = await access.conversation(session, speaker, conversation_id)
        missed = found.last_seq - after
        is_far_behind = after > 0 and missed > self.parts.settings.replay_limit
        if missed < 0 or is_far_behind:
            await self.connection.put(frames.ephemeral("reset", {}, conversation_id))
            return
        await self.parts.hub.join(
            self.connection,
            conversation_id,
            after=after,
            is_agent=self.is_agent,
            last_frame=lambda seq: frames.ephemeral("synced", {"last_seq": seq}, conversation_id),
        )

    async def _dispatch(self, frame: protocol.ClientFrame) -> None:
        match frame:
            case protocol.Hello():
                raise SocketClosed(CloseCode.BAD_FRAME, "hello_again")
            case protocol.Ping():
                await self.connection.put(frames.ephemeral("pong", {"n": frame.n}))
            case protocol.MessageSend():
                await self._send_message(frame)
            case protocol.AnswerStop():
                await self._stop_answer(frame)
            case protocol.HandoffRequest():
                await self._request_handoff(frame)
            case protocol.Typing():
                await self._typing(frame)
            case protocol.Draft():
                self._draft(frame.c, frame.text)
            case protocol.CsatSubmit():
                await self._rate(frame)
            case protocol.Read():
                async with self.parts.database.work() as work:
                    speaker = await self._refreshed(work.session)
                    await service.mark_read(work, speaker, frame.c, frame.s)
            case protocol.Sync():
                await self.catch_up(frame.c, frame.after)
            case protocol.SetAttributes():
                self.speaker = await selves.set_attributes(self.parts, self._customer, frame)
            case protocol.Details():
                self.speaker = await selves.set_details(self.parts, self._customer, frame)
                await self.connection.put(frames.ephemeral("ack", {"cid": frame.cid}))
            case protocol.Logout():
                await selves.log_out(self.parts, self._customer)
            case _:
                await self._dispatch_agent(frame)

    async def _dispatch_agent(self, frame: protocol.AgentFrame) -> None:
        agent = self.speaker
        if not isinstance(agent, SignedInAgent):
            raise Forbidden
        match frame:
            case protocol.Watch():
                await self._watch(agent, frame.c)
            case protocol.Unwatch():
                self.parts.hub.leave(self.connection, frame.c)
            case protocol.Presence():
                await self._set_away(agent, is_away=frame.state == "away")
            case protocol.KeepDraft():
                async with self.parts.database.work() as work:
                    await desk.keep_draft(work, agent, frame.c, frame.kind, frame.text)
            case protocol.Note():
                await self._note(agent, frame)
            case protocol.Suggest():
                self._suggesting.begin(agent, frame.c)
            case _:
                shown = self.parts.hub.answers.shown_text
                async with self.parts.database.work() as work:
                    changed = await acts.act(work, agent, frame, shown)
                await self._ack(changed)

    async def _set_away(self, agent: SignedInAgent, *, is_away: bool) -> None:
        await self.parts.presence.set_away(agent.agent_id, is_away=is_away)
        data: JsonObject = {"agent": str(agent.agent_id), "on": not is_away}
        self.parts.hub.offer_to_agent(agent.agent_id, frames.ephemeral("presence", data))
        await self.parts.attendance.tell(agent.workspace_id)

    async def _note(self, agent: SignedInAgent, frame: protocol.Note) -> None:
        text = service.clean_text(frame.text, self.parts.settings.text_limit)
        async with self.parts.database.work() as work:
            posted = await desk.add_note(work, agent, NewMessage(text, frame.cid, frame.c))
        await self._ack_post(frame.cid, posted)

    async def _send_message(self, frame: protocol.MessageSend) -> None:
        started = time.perf_counter()
        wait_s = self._messages.take()
        if wait_s > 0:
            raise RateLimited(retry_after_s=wait_s)
        self._announce_draft(frame.c, "")
        text = ""
        if frame.text.strip() or not frame.files:
            text = service.clean_text(frame.text, self.parts.settings.text_limit)
        new = NewMessage(text, frame.cid, frame.c, frame.chip, frame.files, frame.begin)
        if isinstance(self.speaker, SignedInAgent):
            posted = await self._post_reply(self.speaker, new)
        else:
            posted = await self._post_message(self.speaker, new)
        self.parts.metrics.ack_seconds.observe(time.perf_counter() - started)
        await self._ack_post(frame.cid, posted)

    async def _post_reply(self, agent: SignedInAgent, new: NewMessage) -> Posted:
        if new.conversation_id is None:
            raise NotFound("An agent's message needs its conversation.")
        async with self.parts.database.work() as work:
            return await handoff.post_reply(
                work, agent, new, shown=self.parts.hub.answers.shown_text
            )

    async def _post_message(self, customer: Customer, new: NewMessage) -> Posted:
        hub = self.parts.hub
        if new.conversation_id is None:
            check_asked(customer)
        async with self.parts.database.work() as work:
            posted = await service.post_message(
                work,
                customer,
                new,
                shown=hub.answers.shown_text,
                reopen_days=self.parts.settings.reopen_days,
            )
        self.speaker = replace(customer, contact_id=posted.contact_id)
        hub.invite(customer.token_hash, posted.conversation_id)
        return posted

    async def _stop_answer(self, frame: protocol.AnswerStop) -> None:
        answers = self.parts.hub.answers
        live = answers.find(frame.c)
        if frame.gen is not None and (live is None or live.answer.generation_id != frame.gen):
            return
        async with self.parts.database.work() as work:
            speaker = await self._refreshed(work.session)
            await service.stop_answer(work, speaker, frame.c, shown=answers.shown_text)

    async def _request_handoff(self, frame: protocol.HandoffRequest) -> None:
        shown = self.parts.hub.answers.shown_text
        async with self.parts.database.work() as work:
            speaker = await self._refreshed(work.session)
            changed = await handoff.request_handoff(work, speaker, frame.c, shown=shown)
        await self._ack(changed)

    async def _rate(self, frame: protocol.CsatSubmit) -> None:
        async with self.parts.database.work() as work:
            speaker = await self._refreshed(work.session)
            if not isinstance(speaker, Customer):
                raise Forbidden("Only the customer rates a conversation.")
            new = NewRating(frame.score, frame.comment)
            rated = await rate(work, speaker, frame.c, new)
        await self._ack(rated, frame.cid)

    async def _typing(self, frame: protocol.Typing) -> None:
        if frame.c not in self.connection.watching:
            raise NotFound
        moment = time.monotonic()
        was_on, sent_at = self._typing_sent.get(frame.c, (False, float("-inf")))
        if moment - sent_at < self.parts.settings.typing_interval_s and was_on == frame.on:
            return
        self._typing_sent[frame.c] = (frame.on, moment)
        data = {"by": self.speaker.actor.wire(), "on": frame.on}
        self.parts.hub.offer_to_others(
            frame.c, frames.ephemeral("typing", data, frame.c), sender=self.connection
        )

    def _draft(self, conversation_id: UUID | None, text: str) -> None:
        """Pass on what may help; everything else is dropped in silence, nobody waits for it."""
        is_strange = conversation_id and conversation_id not in self.connection.watching
        if self.is_agent or is_strange or (text.strip() and self._drafts.take() > 0):
            return
        self._announce_draft(conversation_id, text.strip())

    def _announce_draft(self, conversation_id: UUID | None, text: str) -> None:
        if not self.parts.settings.typing_ahead or not isinstance(self.speaker, Customer):
            return
        customer = self.speaker
        typed = DraftTyped(
            customer.workspace_id, customer.inbox_id, self._writer_id, conversation_id, text
        )
        self.parts.dispatcher.deliver([typed])

    async def _watch(self, agent: SignedInAgent, conversation_id: UUID) -> None:
        async with self.parts.database.snapshot() as session:
            snapshot = await service.read_snapshot(session, agent, conversation_id)
        await self.connection.put(
            frames.ephemeral("snapshot", self._snapshot_data(snapshot), conversation_id)
        )
        reached = snapshot.row.conversation.last_seq
        await self.parts.hub.join(self.connection, conversation_id, after=reached, is_agent=True)

    def _snapshot_data(self, snapshot: Snapshot) -> JsonObject:
        data: JsonObject = {
            "conversation": ConversationOut.of(snapshot.row).wire(),
            "messages": [MessageOut.of(message).wire() for message in snapshot.messages],
        }
        live = self.parts.hub.answers.find(snapshot.row.conversation.id)
        if live is not None:
            data["live"] = {
                "gen": str(live.answer.generation_id),
                "message_id": str(live.answer.message_id),
                "x": live.shown,
            }
        return data

    async def _refreshed(self, session: AsyncSession) -> Speaker:
        """The customer may have spoken, identified or logged out in another tab."""
        if isinstance(self.speaker, Customer):
            self.speaker = await visitors.refreshed(session, self.speaker)
        return self.speaker

    async def _ack(self, changed: Conversation, cid: str | None = None) -> None:
        data: JsonObject = {"c": str(changed.id), "s": changed.last_seq}
        if cid is not None:
            data["cid"] = cid
        await self.connection.put(frames.ephemeral("ack", data, changed.id))

    async def _ack_post(self, cid: str, posted: Posted) -> None:
        data: JsonObject = {
            "cid": cid,
            "message_id": str(posted.message_id),
            "c": str(posted.conversation_id),
            "s": posted.seq,
        }
        await self.connection.put(frames.ephemeral("ack", data, posted.conversation_id))

    async def _nack(self, frame: protocol.ClientFrame, error: AppError) -> None:
        data: JsonObject = {"code": error.code, "message": error.sentence}
        cid = getattr(frame, "cid", None)
        if cid is not None:
            data["cid"] = cid
        if error.fields:
            data["fields"] = {one["pointer"].strip("/"): one["code"] for one in error.fields}
        if error.retry_after_s is not None:
            data["retry_after"] = round(error.retry_after_s, 3)
        conversation_id = getattr(frame, "c", None)
        await self.connection.put(frames.ephemeral("nack", data, conversation_id))
