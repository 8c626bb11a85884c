"""What the processes on one PostgreSQL tell each other, by LISTEN and NOTIFY: hints only.

Stored events cross as ids, and each process reads the row. What is not stored, the text of running
answers and who is typing, crosses as it is, gathered a little. What gets lost with a connection
costs time only: whoever comes back has its sockets read the log again, and asks for the answers
that are running. Everything is sent behind the commit on a connection of its own, since a commit
that notifies waits for all others that do.
"""

import asyncio
import logging
from collections import deque
from typing import Any
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # it has no stubs
import msgspec
from sqlalchemy.engine import make_url

from app.database import Database
from app.events import (
    AnswerEnded,
    BegunAnswer,
    ContactChanged,
    ControlChanged,
    Dispatcher,
    Event,
    EventStored,
    Mentioned,
    SessionEnded,
)
from app.live.answers import LiveAnswer
from app.live.hub import Hub
from app.live.notes import (
    NOTES,
    AnswersAsked,
    EventNoted,
    LogsAsked,
    Note,
    TextGrown,
    pieces,
)

log = logging.getLogger(__name__)

CHANNEL = "careline"
_TEXT_EVERY_S = 0.25
_AT_ONCE = 100
_MOST_WAITING = 10_000
"""Notes kept while there is no connection; beyond them everybody is told to read the logs."""
_PAUSE_S = 1.0
_FORWARDED: tuple[type[Event], ...] = (
    BegunAnswer, ControlChanged, AnswerEnded, Mentioned, SessionEnded, ContactChanged
)  # fmt: skip


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    sender: UUID
    number: int
    """PostgreSQL sends equal notes of one transaction once."""
    kind: str
    note: msgspec.Raw


class Bus:
    """This process's end; runs as long as `run()` does."""

    def __init__(self, url: str, database: Database, hub: Hub) -> None:
        address = make_url(url).set(drivername="postgresql")
        self._address = address.render_as_string(hide_password=False)
        self._database = database
        self._hub = hub
        self._waiting: deque[str] = deque()
        self._news = asyncio.Event()
        self._number = 0
        self._has_lost = False
        self._sent_chars: dict[UUID, int] = {}
        """Of running answers of this process, what the others have been sent."""
        self._texts: dict[UUID, LiveAnswer] = {}
        """Those whose text is about to be sent."""

    def listen(self, dispatcher: Dispatcher) -> None:
        """Hear what happens here; after the hub, so that its own sockets come first."""
        dispatcher.on(EventStored, self._on_stored)
        for kind in _FORWARDED:
            dispatcher.on(kind, self._on_happened)
        dispatcher.on(AnswerEnded, self._on_ended)
        self._hub.tell_others = self.tell
        self._hub.answers.on_grown = self._on_grown

    def tell(self, note: Note) -> None:
        """Send it to the other processes as soon as possible."""
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.clear()
            self._has_lost = True
        self._number += 1
        envelope = _Envelope(
            self._database.worker_id,
            self._number,
            type(note).__name__,
            msgspec.Raw(msgspec.json.encode(note)),
        )
        self._waiting.append(msgspec.json.encode(envelope).decode())
        self._news.set()

    async def run(self) -> None:
        """Until cancelled; a lost connection is made anew."""
        while True:
            try:
                await self._serve()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                log.warning("other processes are out of reach", extra={"why": str(error)})
            await asyncio.sleep(_PAUSE_S)

    async def _serve(self) -> None:
        connection = await asyncpg.connect(self._address)
        heard: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)
        try:
            connection.add_termination_listener(lambda _: self._news.set())
            await connection.add_listener(CHANNEL, lambda *told: self._on_note(heard, told[-1]))
            self._catch_up()  # at the first time too: sockets may have joined before
            hearing = asyncio.create_task(self._hear_forever(heard))
            try:
                await self._send_forever(connection)
            finally:
                hearing.cancel()
        finally:
            await connection.close(timeout=_PAUSE_S)

    def _on_note(self, heard: asyncio.Queue[str], note: str) -> None:
        """More than can be heard is as good as lost: the logs tell it."""
        if heard.full():
            while not heard.empty():
                heard.get_nowait()
            self._catch_up()
        heard.put_nowait(note)

    def _catch_up(self) -> None:
        """Notes of others were lost: what was stored is read, and who writes says so again."""
        self._hub.answers.drop_mirrors()
        self._hub.read_logs_again()
        self.tell(AnswersAsked())

    async def _send_forever(self, connection: asyncpg.Connection) -> None:
        while not connection.is_closed():
            if self._has_lost:
                self._has_lost = False
                self.tell(LogsAsked())
            batch = [*self._waiting][:_AT_ONCE]
            if not batch:
                self._news.clear()
                await self._news.wait()
                continue
            await connection.execute(
                "SELECT pg_notify($1, note) FROM unnest($2::text[]) AS note", CHANNEL, batch
            )
            for note in batch:
                if self._waiting and self._waiting[0] is note:  # else all were given up meanwhile
                    self._waiting.popleft()
        raise ConnectionResetError("the connection was closed")

    async def _hear_forever(self, heard: asyncio.Queue[str]) -> None:
        while True:
            told = await heard.get()
            try:
                envelope = msgspec.json.decode(told, type=_Envelope)
                if envelope.sender != self._database.worker_id:
                    note = msgspec.json.decode(envelope.note, type=NOTES[envelope.kind])
                    await self._hear(note)
            except Exception:  # at the edge: one note must not end all
                log.exception("a note failed")

    async def _hear(self, note: Note) -> None:
        match note:
            case AnswersAsked():
                self._tell_running()
            case LogsAsked():
                self._catch_up()
            case _:
                await self._hub.hear(note)

    def _tell_running(self) -> None:
        for live in self._hub.answers.own():
            self.tell(live.answer)
            self._sent_chars[live.answer.generation_id] = 0
            self._send_text(live)

    def _on_happened(self, event: Any) -> None:
        self.tell(event)

    def _on_stored(self, event: EventStored) -> None:
        self.tell(EventNoted(event.workspace_id, event.conversation_id, event.seq))

    def _on_grown(self, live: LiveAnswer) -> None:
        """Send a first piece at once, and then a few a second."""
        key = live.answer.generation_id
        if key in self._texts:
            return
        if key not in self._sent_chars:
            self._send_text(live)
            return
        self._texts[key] = live
        asyncio.get_running_loop().call_later(_TEXT_EVERY_S, self._send_waiting_text, key)

    def _send_waiting_text(self, key: UUID) -> None:
        live = self._texts.pop(key, None)
        if live is not None and not live.ended.is_set():
            self._send_text(live)

    def _send_text(self, live: LiveAnswer) -> None:
        answer, start = live.answer, self._sent_chars.get(live.answer.generation_id, 0)
        for offset, piece in pieces(live.shown, start):
            self.tell(TextGrown(answer.conversation_id, answer.generation_id, offset, piece))
        self._sent_chars[answer.generation_id] = len(live.shown)

    def _on_ended(self, event: AnswerEnded) -> None:
        self._texts.pop(event.generation_id, None)
        self._sent_chars.pop(event.generation_id, None)
