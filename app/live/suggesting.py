"""A suggested reply on its way to the agent who asked for it; nobody else sees it."""

import logging
from uuid import UUID

from app.copilot.service import suggest_reply
from app.copilot.writing_desk import writing_desk
from app.errors import AppError, Conflict
from app.live import frames
from app.live.connection import Connection
from app.parts import Parts
from app.speakers import SignedInAgent

log = logging.getLogger(__name__)


class Suggesting:
    """Writes for one socket, one reply at a time; it ends with the socket."""

    def __init__(self, parts: Parts, connection: Connection) -> None:
        self._parts = parts
        self._connection = connection
        self._is_running = False

    def begin(self, agent: SignedInAgent, conversation_id: UUID) -> None:
        """Start writing; the socket goes on reading.

        Raises:
            Conflict: the last one is not finished.
        """
        if self._is_running:
            raise Conflict("A reply is being suggested already.")
        self._is_running = True
        self._connection.spawn(self._write(agent, conversation_id))

    async def _write(self, agent: SignedInAgent, conversation_id: UUID) -> None:
        """The edge of the task."""
        try:
            await self._suggest(agent, conversation_id)
        except AppError as error:
            self._refuse(conversation_id, error.code, error.sentence)
        except Exception:
            log.exception("suggestion failed")
            self._refuse(conversation_id, "failed", "No reply could be suggested.")
        finally:
            self._is_running = False

    async def _suggest(self, agent: SignedInAgent, conversation_id: UUID) -> None:
        num_shown = 0

        def show(piece: str) -> None:
            nonlocal num_shown
            data = {"o": num_shown, "x": piece}
            num_shown += len(piece)
            self._connection.offer(frames.ephemeral("suggestion.delta", data, conversation_id))

        desk = writing_desk(self._parts)
        reply = await suggest_reply(desk, agent, conversation_id, show)
        data = {
            "text": reply.text,
            "sources": [one.model_dump(mode="json") for one in reply.sources],
        }
        await self._connection.put(frames.ephemeral("suggestion.ready", data, conversation_id))

    def _refuse(self, conversation_id: UUID, code: str, sentence: str) -> None:
        data = {"code": code, "message": sentence}
        self._connection.offer(frames.ephemeral("nack", data, conversation_id))
