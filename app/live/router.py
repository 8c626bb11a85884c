"""The socket endpoint: accept, greet, then one reader and one writer until either ends."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine

from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse
from starlette.websockets import WebSocketDisconnect, WebSocketState

from app.agents.cookies import COOKIE_NAME
from app.errors import NotFound
from app.live import frames, protocol
from app.live.connection import Connection, QueueLimits
from app.live.greeting import Caller, Greeting, greet, may_any_site_connect, resumed_seq
from app.live.protocol import CloseCode, SocketClosed
from app.live.session import Session
from app.parts import Parts, parts_of
from app.speakers import Customer
from app.throttle import Allowance

log = logging.getLogger(__name__)
router = APIRouter()

_CLOSE_TIMEOUT_S = 5.0


@router.websocket("/ws/v1")
async def care_socket(websocket: WebSocket) -> None:
    """`care.v1`; see docs/protocol.md."""
    parts = parts_of(websocket)
    caller = Caller(
        origin=websocket.headers.get("origin"),
        host=websocket.headers.get("host", ""),
        cookie=websocket.cookies.get(COOKIE_NAME),
    )
    if not await may_any_site_connect(parts, caller):
        parts.metrics.ws_accepts.labels(result="origin").inc()
        await _refuse_origin(websocket)
        return
    offered = websocket.scope.get("subprotocols", [])
    chosen = protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in offered else None
    await websocket.accept(subprotocol=chosen)
    closed = await _serve(websocket, parts, caller)
    if closed.code is not None:
        await _close(websocket, closed.code, closed.reason)


async def _serve(websocket: WebSocket, parts: Parts, caller: Caller) -> SocketClosed:
    """Talk until somebody ends it; returns how it ended."""
    try:
        hello = await _read_hello(websocket, parts)
        return await _converse(websocket, parts, caller, hello)
    except SocketClosed as closed:
        parts.metrics.ws_accepts.labels(result=closed.reason or "gone").inc()
        return closed


async def _converse(
    websocket: WebSocket, parts: Parts, caller: Caller, hello: protocol.Hello
) -> SocketClosed:
    settings = parts.settings
    limits = QueueLimits(settings.queue_frames, settings.queue_chars, settings.stall_timeout_s)
    closed = SocketClosed(None)
    connection: Connection | None = None
    gauge = parts.metrics.ws_connections.labels(role=hello.role)
    gauge.inc()
    try:
        async with asyncio.TaskGroup() as tasks:

            def spawn(work: Coroutine[object, object, None]) -> None:
                try:
                    tasks.create_task(work)
                except RuntimeError:  # the socket is going away
                    work.close()

            connection = Connection(websocket.send_text, spawn, limits)
            greeting = await greet(parts, caller, hello, connection.id)
            session = Session(parts, connection, greeting.speaker)
            tasks.create_task(_write_quietly(connection))
            await _welcome(session, greeting, hello)
            await _read_forever(websocket, session)
    except* SocketClosed as ended:
        closed = _first(ended)
        if closed.code is CloseCode.TOO_MUCH:
            parts.metrics.ws_evictions.labels(reason=closed.reason).inc()
    except* WebSocketDisconnect:
        pass
    except* Exception as failed:
        log.exception("socket failed", exc_info=failed)
        closed = SocketClosed(CloseCode.FAILED, "failed")
    finally:
        gauge.dec()
        if connection is not None:
            connection.give_up()
            parts.hub.remove(connection)
            parts.presence.go(connection)
    return closed


async def _write_quietly(connection: Connection) -> None:
    """A peer that has gone is noticed by the reading side, which may be waiting for room."""
    try:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await connection.write_forever()
    finally:
        connection.give_up()


async def _welcome(session: Session, greeting: Greeting, hello: protocol.Hello) -> None:
    hub, connection = session.parts.hub, session.connection
    session.parts.metrics.ws_accepts.labels(result="ok").inc()
    if isinstance(greeting.speaker, Customer):
        visitor = greeting.speaker
        hub.add_visitor(connection, visitor.token_hash, visitor.workspace_id)
    else:
        hub.add_agent(connection, greeting.speaker.workspace_id, greeting.speaker.agent_id)
        is_away = await session.parts.presence.come(connection, greeting.speaker.agent_id)
        greeting.welcome["away"] = is_away
        await session.parts.attendance.tell(greeting.speaker.workspace_id)
    own = await session.own_conversations()
    listed = {"conversations": await session.summaries(own)}
    await connection.put(frames.ephemeral("welcome", greeting.welcome | listed))
    for known in own:
        if resumed_seq(hello, known.id) is None:
            await hub.join(connection, known.id, after=known.last_seq, is_agent=False)
    for conversation_id, seq in (hello.resume or {}).items():
        try:
            await session.catch_up(conversation_id, seq)
        except NotFound as error:
            data = {"code": error.code, "message": error.sentence}
            await connection.put(frames.ephemeral("nack", data, conversation_id))
    await hub.end_greeting(connection)
    if not hello.resume:
        await connection.put(frames.ephemeral("synced", {"last_seq": 0}))


async def _read_hello(websocket: WebSocket, parts: Parts) -> protocol.Hello:
    try:
        async with asyncio.timeout(parts.settings.hello_timeout_s):
            frame = await _read(websocket, parts)
    except TimeoutError:
        raise SocketClosed(CloseCode.HELLO_TIMEOUT, "hello_timeout") from None
    except WebSocketDisconnect:
        raise SocketClosed(None) from None
    if not isinstance(frame, protocol.Hello):
        raise SocketClosed(CloseCode.NOT_SIGNED_IN, "hello_expected")
    return frame


async def _read_forever(websocket: WebSocket, session: Session) -> None:
    settings = session.parts.settings
    allowance = Allowance(settings.frames_per_s, settings.frames_burst)
    while True:
        frame = await _read(websocket, session.parts)
        if allowance.take() > 0:
            raise SocketClosed(CloseCode.TOO_MUCH, "too_many_frames")
        await session.handle(frame)


async def _read(websocket: WebSocket, parts: Parts) -> protocol.ClientFrame:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text = message.get("text")
    if text is None:
        raise SocketClosed(CloseCode.BAD_FRAME, "binary_frame")
    if len(text) > parts.settings.frame_limit_bytes or (
        len(text.encode()) > parts.settings.frame_limit_bytes
    ):
        raise SocketClosed(CloseCode.TOO_BIG, "frame_too_big")
    return protocol.decode(text)


async def _refuse_origin(websocket: WebSocket) -> None:
    """Answer the upgrade itself: a page that may not connect gets no socket."""
    refusal = JSONResponse(
        {
            "type": "about:blank",
            "title": "This page may not connect.",
            "status": 403,
            "code": "origin_not_allowed",
            "close_code": int(CloseCode.FORBIDDEN),
        },
        status_code=403,
        media_type="application/problem+json",
    )
    await websocket.send_denial_response(refusal)


async def _close(websocket: WebSocket, code: CloseCode, reason: str) -> None:
    if websocket.client_state is not WebSocketState.CONNECTED:
        return
    with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await websocket.close(code, reason)


def _first(group: BaseExceptionGroup[SocketClosed]) -> SocketClosed:
    leaf: BaseException = group
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    assert isinstance(leaf, SocketClosed)
    return leaf
