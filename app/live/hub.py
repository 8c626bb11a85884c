"""Who listens to what.

Joining is free of races without a buffer: the subscription is there first, then the log is read
from the database; an event that arrives meanwhile only marks the subscription, and the log is read
again. When a read finds the end and no mark, the subscription goes live in the same tick. Frames
carry `s`, and one that was seen is not sent again.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from app.conversations.replay import read_log
from app.database import Database
from app.errors import Unavailable
from app.events import (
    AnswerEnded,
    BegunAnswer,
    ContactChanged,
    ControlChanged,
    Dispatcher,
    EventStored,
    Mentioned,
    SessionEnded,
)
from app.live import frames
from app.live.answers import LiveAnswers
from app.live.connection import Connection
from app.live.notes import EventNoted, Invited, Note, Passed, TextGrown
from app.live.protocol import CloseCode
from app.metrics import Metrics
from app.vocabulary import Visibility

_PAGE = 100


def _visitors_of(workspace_id: UUID) -> str:
    return f"visitors of {workspace_id}"


@dataclass
class Subscription:
    """One socket's view of one conversation."""

    connection: Connection
    is_agent: bool
    seen_seq: int
    is_joining: bool = True
    has_missed: bool = False

    def may_see(self, event: EventStored) -> bool:
        """Internal events are for agents."""
        return self.is_agent or event.visibility is Visibility.PUBLIC


class Hub:
    """Connects what happens with the sockets of this process."""

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        metrics: Metrics,
        *,
        delta_interval_s: float,
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._watchers: dict[UUID, dict[Connection, Subscription]] = defaultdict(dict)
        self._groups: dict[UUID | str, set[Connection]] = defaultdict(set)
        self._agents: dict[Connection, UUID] = {}
        self._visited: set[UUID] = set()
        self._memberships: dict[Connection, set[UUID | str]] = defaultdict(set)
        self.answers = LiveAnswers(self.offer, delta_interval_s)
        self.tell_others: Callable[[Note], None] = lambda _: None
        """Passes on what other processes cannot read in the store."""
        dispatcher.on(EventStored, self._on_stored)
        dispatcher.on(ControlChanged, self.answers.on_control_changed)
        dispatcher.on(BegunAnswer, self.answers.on_begun)
        dispatcher.on(AnswerEnded, self._on_answer_ended)
        dispatcher.on(Mentioned, self._on_mentioned)
        dispatcher.on(SessionEnded, self._on_session_ended)
        dispatcher.on(ContactChanged, self._on_contact_changed)

    def add_agent(self, connection: Connection, workspace_id: UUID, agent_id: UUID) -> None:
        """From now on this socket hears that the list has changed."""
        self._agents[connection] = agent_id
        self._groups[workspace_id].add(connection)
        self._memberships[connection].add(workspace_id)

    def add_visitor(self, connection: Connection, token_hash: str, workspace_id: UUID) -> None:
        """This socket belongs to the customer with this token."""
        for key in (token_hash, _visitors_of(workspace_id)):
            self._groups[key].add(connection)
            self._memberships[connection].add(key)
        self._visited.add(workspace_id)

    def invite(self, token_hash: str, conversation_id: UUID) -> None:
        """Have all of a customer's sockets join a conversation that has just begun."""
        self._invite(token_hash, conversation_id)
        self.tell_others(Invited(token_hash, conversation_id))

    def _invite(self, token_hash: str, conversation_id: UUID) -> None:
        for tab in list(self._groups.get(token_hash, ())):
            if conversation_id in tab.watching:
                continue
            if not tab.is_greeted:
                tab.invited.add(conversation_id)
                continue
            tab.watching.add(conversation_id)
            tab.spawn(self.join(tab, conversation_id, after=0, is_agent=False))

    async def end_greeting(self, connection: Connection) -> None:
        """The socket has joined what it knew of; join it to what began meanwhile."""
        while connection.invited:
            conversation_id = connection.invited.pop()
            if conversation_id not in connection.watching:
                await self.join(connection, conversation_id, after=0, is_agent=False)
        connection.is_greeted = True

    def remove(self, connection: Connection) -> None:
        """The socket has gone."""
        self._agents.pop(connection, None)
        for key in self._memberships.pop(connection, ()):
            group = self._groups[key]
            group.discard(connection)
            if not group:
                del self._groups[key]
        for conversation_id in list(connection.watching):
            self.leave(connection, conversation_id)

    def leave(self, connection: Connection, conversation_id: UUID) -> None:
        """Stop telling this socket about the conversation."""
        connection.watching.discard(conversation_id)
        watchers = self._watchers.get(conversation_id)
        if watchers is None:
            return
        watchers.pop(connection, None)
        if not watchers:
            del self._watchers[conversation_id]

    async def join(
        self,
        connection: Connection,
        conversation_id: UUID,
        *,
        after: int,
        is_agent: bool,
        last_frame: Callable[[int], str] | None = None,
    ) -> None:
        """Send everything after `after`, then whatever happens, without a gap or a repetition.

        `last_frame` closes the replay; it is given the `seq` reached. Whoever calls has checked
        that the reader may see the conversation. A later join of the same socket replaces this one.
        """
        mine = Subscription(connection, is_agent, seen_seq=after)
        self._watchers[conversation_id][connection] = mine
        connection.watching.add(conversation_id)
        try:
            if not await self._replay(conversation_id, mine):
                return
        except BaseException:
            # It would stay deaf for good; whoever comes back reads on where they were.
            if self._is_current(conversation_id, mine):
                self.leave(connection, conversation_id)
                connection.give_up(CloseCode.FAILED, "replay_failed")
            raise
        mine.is_joining = False
        live = self.answers.find(conversation_id)
        if live is not None:
            connection.deliver(live.snapshot())
        if last_frame is not None:
            connection.deliver(last_frame(mine.seen_seq))

    async def _replay(self, conversation_id: UUID, mine: Subscription) -> bool:
        """Send the log up to its end; false if a later join has taken this one's place."""
        connection = mine.connection
        while True:
            mine.has_missed = False
            async with self._database.snapshot() as session:
                page = await read_log(session, conversation_id, mine.seen_seq, _PAGE)
            for event in page:
                is_shown = mine.may_see(event)
                await connection.put(frames.stored(event) if is_shown else frames.skipped(event))
                mine.seen_seq = event.seq
            await connection.calm()
            if not self._is_current(conversation_id, mine):
                return False
            if len(page) < _PAGE and not mine.has_missed:
                return True

    def _is_current(self, conversation_id: UUID, mine: Subscription) -> bool:
        return self._watchers.get(conversation_id, {}).get(mine.connection) is mine

    def offer_to_visitors(self, workspace_id: UUID, frame: str) -> None:
        """Send a frame that is not stored to every customer of this company."""
        for connection in list(self._groups.get(_visitors_of(workspace_id), ())):
            connection.offer(frame)

    def offer_to_agent(self, agent_id: UUID, frame: str) -> None:
        """Send a frame that is not stored to everything this agent has open."""
        for connection, known_id in list(self._agents.items()):
            if known_id == agent_id:
                connection.offer(frame)

    def workspaces(self) -> set[UUID]:
        """Whose customers have been here since the start."""
        return set(self._visited)

    def offer(self, conversation_id: UUID, frame: str) -> None:
        """Send a frame that is not stored to everybody who watches."""
        for subscription in self._live(conversation_id):
            subscription.connection.offer(frame)

    def offer_to_others(self, conversation_id: UUID, frame: str, *, sender: Connection) -> None:
        """Send it to everybody who watches but the sender; a customer's own tabs know already."""
        is_from_agent = sender in self._agents
        self._pass(Passed(conversation_id, frame, is_from_agent), sender)
        self.tell_others(Passed(conversation_id, frame, is_from_agent))

    def _pass(self, passed: Passed, sender: Connection | None = None) -> None:
        for subscription in self._live(passed.conversation_id):
            is_from_agent = passed.is_from_agent
            if subscription.connection is not sender and (is_from_agent or subscription.is_agent):
                subscription.connection.offer(passed.frame)

    async def hear(self, note: Note) -> None:
        """Do here what another process's note asks for."""
        match note:
            case EventNoted():
                await self._read_event(note)
            case BegunAnswer():
                self.answers.mirror(note)
            case TextGrown():
                self.answers.grow(note)
            case ControlChanged():
                self.answers.on_control_changed(note)
            case AnswerEnded():
                self.answers.on_ended(note)
            case Mentioned():
                self._on_mentioned(note)
            case SessionEnded():
                self._on_session_ended(note)
            case ContactChanged():
                self._on_contact_changed(note)
            case Passed():
                self._pass(note)
            case Invited():
                self._invite(note.token_hash, note.conversation_id)

    def read_logs_again(self) -> None:
        """Notes were lost: every socket gets what was stored behind what it has seen."""
        for conversation_id, watchers in list(self._watchers.items()):
            for one in list(watchers.values()):
                self._read_again(conversation_id, one)
        for connection in list(self._agents):
            connection.offer(frames.ephemeral("list.dirty", {}))

    def _read_again(self, conversation_id: UUID, one: Subscription) -> None:
        """From what it has seen on, in a task of its socket's; until then it is not live."""
        one.is_joining = True
        again = self.join(
            one.connection, conversation_id, after=one.seen_seq, is_agent=one.is_agent
        )
        one.connection.spawn(again)

    async def _read_event(self, noted: EventNoted) -> None:
        """Only if somebody here is to be told."""
        watchers = self._watchers.get(noted.conversation_id, {})
        if not watchers and noted.workspace_id not in self._groups:
            return
        try:
            async with self._database.snapshot() as session:
                events = await read_log(session, noted.conversation_id, noted.seq - 1, 1)
        except Unavailable:
            for one in list(watchers.values()):
                self._read_again(noted.conversation_id, one)
            return
        for event in events:
            self._on_stored(event)

    def announce_draining(self) -> None:
        """Tell every socket that the server is going away."""
        frame = frames.ephemeral("draining", {})
        for connection in list(self._memberships):
            connection.offer(frame)

    def _on_stored(self, event: EventStored) -> None:
        frame = frames.stored(event)
        for subscription in list(self._watchers.get(event.conversation_id, {}).values()):
            if subscription.is_joining:
                subscription.has_missed = True
            elif event.seq > subscription.seen_seq + 1:
                # Of two processes' events the later one was heard first: the log has both.
                self._read_again(event.conversation_id, subscription)
            elif event.seq > subscription.seen_seq:
                subscription.seen_seq = event.seq
                is_shown = subscription.may_see(event)
                subscription.connection.deliver(frame if is_shown else frames.skipped(event))
        dirty = frames.ephemeral("list.dirty", {}, event.conversation_id)
        for connection in self._groups.get(event.workspace_id, ()):
            connection.offer(dirty)

    def _on_mentioned(self, event: Mentioned) -> None:
        data = {"code": "mentioned", "message": f"{event.by} has mentioned you in a note."}
        frame = frames.ephemeral("notice", data, event.conversation_id)
        for connection, agent_id in list(self._agents.items()):
            if agent_id == event.agent_id:
                connection.offer(frame)

    def _on_session_ended(self, event: SessionEnded) -> None:
        for tab in list(self._groups.get(event.token_hash, ())):
            tab.give_up(CloseCode.NOT_SIGNED_IN, "logged_out")

    def _on_contact_changed(self, event: ContactChanged) -> None:
        for connection in self._groups.get(event.workspace_id, ()):
            connection.offer(frames.ephemeral("list.dirty", {}))

    def _on_answer_ended(self, event: AnswerEnded) -> None:
        live = self.answers.find(event.conversation_id)
        if live is not None and live.answer.generation_id == event.generation_id:
            self._metrics.turn_seconds.observe(time.monotonic() - live.begun_at_s)
            if live.first_shown_at_s is not None:
                self._metrics.ttft_seconds.observe(live.first_shown_at_s - live.begun_at_s)
        self._metrics.turns.labels(outcome=event.outcome.value, reason=event.reason.value).inc()
        self.answers.on_ended(event)

    def _live(self, conversation_id: UUID) -> Iterator[Subscription]:
        watching = self._watchers.get(conversation_id, {})
        return (one for one in list(watching.values()) if not one.is_joining)
