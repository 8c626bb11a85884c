"""What a site's widget looks like and who may embed it: read by browsers, decided in the office."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.audit.service import Doer, note
from app.database import Work
from app.errors import Forbidden
from app.live.origin import is_allowed
from app.models import Inbox, JsonObject, Workspace
from app.widget.looks import Looks, Prechat


class OriginRefused(Forbidden):
    """The page may not embed this site's widget."""

    code, sentence = "origin_not_allowed", "This page may not embed this widget."


@dataclass(frozen=True)
class WidgetDecisions:
    """All that the page about the widget holds."""

    allowed_origins: tuple[str, ...]
    looks: Looks
    prechat: Prechat
    enforce_identity: bool


async def read_inbox(session: AsyncSession, workspace_id: UUID) -> Inbox:
    """The company's first site."""
    sites = select(Inbox).where(Inbox.workspace_id == workspace_id).order_by(Inbox.created_at)
    return (await session.scalars(sites.limit(1))).one()


async def read_config(
    session: AsyncSession, public_token: str, origin: str | None, host: str
) -> JsonObject:
    """What a widget needs before it shows itself.

    Raises:
        NotFound: there is no such site.
        OriginRefused: its list does not hold the page's origin.
    """
    inbox = await access.inbox(session, public_token)
    if not is_allowed(origin, host, inbox.allowed_origins):
        raise OriginRefused
    workspace = await session.get_one(Workspace, inbox.workspace_id)
    return {"company": workspace.name} | Looks.read(inbox.theme).stored()


async def decide(work: Work, doer: Doer, decisions: WidgetDecisions) -> None:
    """Store them; what did not change is not noted."""
    inbox = await read_inbox(work.session, doer.agent.workspace_id)
    before = _as_noted(inbox)
    inbox.allowed_origins = list(decisions.allowed_origins)
    inbox.theme = decisions.looks.stored()
    inbox.prechat = decisions.prechat.stored()
    inbox.enforce_identity = decisions.enforce_identity
    after = _as_noted(inbox)
    changes = {name: (before[name], after[name]) for name in after}
    if before != after:
        note(work, doer, "widget.changed", inbox.name, changes)
    await work.session.flush()


def _as_noted(inbox: Inbox) -> dict[str, object]:
    looks = Looks.read(inbox.theme).stored()
    prechat = Prechat.read(inbox.prechat).stored()
    return {
        "allowed_origins": " ".join(inbox.allowed_origins),
        "enforce_identity": inbox.enforce_identity,
        **{name: _told(value) for name, value in looks.items()},
        **{f"prechat_{name}": _told(value) for name, value in prechat.items()},
    }


def _told(value: object) -> object:
    return " | ".join(value) if isinstance(value, list) else value
