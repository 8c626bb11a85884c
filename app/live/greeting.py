"""The hello: who comes, whether they may, and what they are told first."""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.agents import service as agents
from app.clock import as_wire
from app.conversations import visitors
from app.errors import NotFound, NotSignedIn
from app.files.kinds import ENDINGS
from app.identity.tokens import BadIdentity
from app.live.identifying import identified
from app.live.origin import is_allowed
from app.live.prechat import with_question
from app.live.protocol import MAX_DRAFT_CHARS, MAX_FILES, CloseCode, Hello, SocketClosed
from app.models import Inbox
from app.models.people import DISCLOSURE
from app.parts import Parts
from app.security import hash_token
from app.speakers import Customer, Speaker
from app.widget.looks import Prechat

JsonObject = dict[str, object]


@dataclass(frozen=True)
class Caller:
    """What the upgrade request says about who calls."""

    origin: str | None
    host: str
    cookie: str | None


@dataclass(frozen=True)
class Greeting:
    """Who it is, and the data of their `welcome`; their conversations are still to be added."""

    speaker: Speaker
    welcome: JsonObject


async def may_any_site_connect(parts: Parts, caller: Caller) -> bool:
    """Before the socket is accepted: whether any site would let this origin in."""
    if is_allowed(caller.origin, caller.host, ()):
        return True
    async with parts.database.snapshot() as session:
        lists = (await session.scalars(select(Inbox.allowed_origins))).all()
    return any(caller.origin in allowed for allowed in lists)


async def greet(parts: Parts, caller: Caller, hello: Hello, connection_id: str) -> Greeting:
    """Check who comes and gather what they are told.

    Raises:
        SocketClosed: 4401 or 4403.
    """
    try:
        async with parts.database.snapshot() as session:
            if hello.role == "agent":
                greeting = await _greet_agent(parts, session, caller, hello)
            else:
                greeting = await _greet_customer(parts, session, caller, hello)
    except (NotSignedIn, NotFound, BadIdentity) as error:
        parts.metrics.auth_failures.labels(reason=hello.role).inc()
        raise SocketClosed(CloseCode.NOT_SIGNED_IN, error.code) from error
    settings = parts.settings
    common: JsonObject = {
        "conn": connection_id,
        "role": hello.role,
        "server_time": as_wire(parts.clock()),
        "hb": settings.heartbeat_s,
        "limits": {
            "text": settings.text_limit,
            "frame": settings.frame_limit_bytes,
            "files": {
                "bytes": settings.file_limit_bytes,
                "count": MAX_FILES,
                "endings": list(ENDINGS),
            },
        },
    }
    return replace(greeting, welcome=common | greeting.welcome)


async def _greet_agent(
    parts: Parts, session: AsyncSession, caller: Caller, hello: Hello
) -> Greeting:
    agent = await agents.recognise(session, parts.secrets, caller.cookie)
    if not is_allowed(caller.origin, caller.host, ()):
        raise SocketClosed(CloseCode.FORBIDDEN, "origin_not_allowed")
    assert caller.cookie is not None
    if not parts.secrets.is_csrf_token(caller.cookie, hello.csrf or ""):
        raise NotSignedIn
    inbox = (
        await session.scalars(
            select(Inbox)
            .where(Inbox.workspace_id == agent.workspace_id)
            .order_by(Inbox.created_at)
            .limit(1)
        )
    ).one()
    shown = {"id": str(agent.agent_id), "name": agent.name, "role": agent.role.value}
    return Greeting(agent, {"bot": _bot(inbox), "agent": shown})


async def _greet_customer(
    parts: Parts, session: AsyncSession, caller: Caller, hello: Hello
) -> Greeting:
    inbox = await access.inbox(session, hello.site or "")
    if not is_allowed(caller.origin, caller.host, inbox.allowed_origins):
        raise SocketClosed(CloseCode.FORBIDDEN, "origin_not_allowed")
    team = await parts.attendance.team(session, inbox.workspace_id)
    welcome: JsonObject = {"bot": _bot(inbox), "team": team.wire()}
    if parts.settings.typing_ahead and inbox.bot_enabled:
        every_s = parts.settings.draft_interval_s
        welcome["drafts"] = {"every_s": every_s, "chars": MAX_DRAFT_CHARS}
    if hello.session is None:
        token = parts.secrets.new_visitor_token(inbox.public_token)
        customer = Customer(inbox.workspace_id, inbox.id, hash_token(token))
        welcome["session"] = token
    else:
        customer = await visitors.recognise(
            session, parts.secrets, parts.clock, inbox, hello.session
        )
    customer = replace(
        customer,
        origin=caller.origin,
        page=hello.page,
        locale=hello.locale,
        keep_days=parts.settings.visitor_days,
    )
    customer, told = await identified(parts, inbox, hello, customer)
    prechat = Prechat.read(inbox.prechat)
    customer = with_question(customer, prechat)
    if customer.is_asked:
        told["prechat"] = prechat.wire()
    return Greeting(customer, welcome | told)


def resumed_seq(hello: Hello, conversation_id: UUID) -> int | None:
    """The last `s` the reader has of this conversation; None when it did not say."""
    return (hello.resume or {}).get(conversation_id)


def _bot(inbox: Inbox) -> JsonObject:
    told: JsonObject = {"name": inbox.bot_name}
    # The widget has the usual words in every language it speaks.
    return told if inbox.disclosure == DISCLOSURE else told | {"disclosure": inbox.disclosure}
