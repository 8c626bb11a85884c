"""Who acts: the customer behind a widget, a signed-in agent, and how both are noted in events."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.vocabulary import ActorKind, AgentRole


@dataclass(frozen=True)
class Actor:
    """Who made an event happen, as it is stored and shown."""

    kind: ActorKind
    id: UUID | None = None
    name: str | None = None

    def wire(self) -> dict[str, str]:
        """For the `by` of a frame."""
        shown = {"kind": self.kind.value}
        return shown | {"name": self.name} if self.name else shown


BOT = Actor(ActorKind.BOT)
SYSTEM = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True)
class Identity:
    """Who somebody is to the company, as its own server has signed it."""

    external_id: str
    email: str | None = None
    name: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Details:
    """What somebody has said of themselves before the chat; nobody has signed it."""

    name: str | None
    email: str | None
    consented_at: datetime | None


@dataclass(frozen=True)
class Customer:
    """The person behind a widget; without a `contact_id` nothing of them is stored yet."""

    workspace_id: UUID
    inbox_id: UUID
    token_hash: str
    contact_id: UUID | None = None
    is_stored: bool = False
    """Whether their session is; one that was and no longer is has been ended."""
    identity: Identity | None = None
    """Proven, and stored with their first message unless they are known already."""
    page_attributes: dict[str, Any] = field(default_factory=dict)
    """What their page says of them, until they are stored."""
    is_asked: bool = False
    """Whether they are to say who they are before their first message."""
    details: Details | None = None
    """What they have said to that, until they are stored."""
    origin: str | None = None
    page: str | None = None
    locale: str | None = None
    keep_days: int = 30
    """How long the session lives after its last message."""

    @property
    def actor(self) -> Actor:
        """As noted in events."""
        return Actor(ActorKind.CUSTOMER, self.contact_id)


@dataclass(frozen=True)
class SignedInAgent:
    """An agent whose cookie was good."""

    workspace_id: UUID
    agent_id: UUID
    name: str
    role: AgentRole

    @property
    def actor(self) -> Actor:
        """As noted in events."""
        return Actor(ActorKind.AGENT, self.agent_id, self.name)

    @property
    def may_converse(self) -> bool:
        """Viewers only read."""
        return self.role is not AgentRole.VIEWER

    @property
    def may_manage(self) -> bool:
        """Settings, articles, other agents' conversations."""
        return self.role in (AgentRole.OWNER, AgentRole.ADMIN)


Speaker = Customer | SignedInAgent
