"""Valid rows with one keyword changed."""

from dataclasses import dataclass, field
from uuid import UUID

from app.conversations.service import NewMessage
from app.database import Database
from app.ids import new_id
from app.models import Agent, Inbox, Workspace
from app.security import hash_password, hash_token
from app.speakers import Customer, SignedInAgent
from app.vocabulary import AgentRole

PASSWORD = "a long enough password"
ORIGIN = "https://shop.example"
_HASH = hash_password(PASSWORD)


@dataclass(frozen=True)
class Shop:
    """A company with one site and one agent of each role."""

    workspace_id: UUID
    inbox_id: UUID
    site: str
    agents: dict[AgentRole, SignedInAgent] = field(default_factory=dict)

    @property
    def agent(self) -> SignedInAgent:
        return self.agents[AgentRole.AGENT]

    def email(self, role: AgentRole) -> str:
        return f"{role}@{self.site}.example"


async def open_shop(database: Database, site: str = "pk_test") -> Shop:
    """Store a company; another `site` makes a second one in the same database."""
    async with database.work() as work:
        workspace = Workspace(id=new_id(), slug=site, name="Fernhill Supply")
        inbox = Inbox(
            id=new_id(),
            workspace_id=workspace.id,
            name="Shop",
            public_token=site,
            allowed_origins=[ORIGIN],
        )
        work.session.add(workspace)
        await work.session.flush()
        work.session.add(inbox)
        shop = Shop(workspace.id, inbox.id, site)
        for role in AgentRole:
            agent = Agent(
                id=new_id(),
                workspace_id=workspace.id,
                email=shop.email(role),
                name=f"{role.capitalize()} Ana",
                role=role,
                password_hash=_HASH,
            )
            work.session.add(agent)
            shop.agents[role] = SignedInAgent(workspace.id, agent.id, agent.name, role)
    return shop


def stranger(shop: Shop, token: str = "token") -> Customer:
    """A customer who has said nothing yet."""
    return Customer(shop.workspace_id, shop.inbox_id, hash_token(token))


def message(text: str = "Where is my parcel?", **changed: object) -> NewMessage:
    """A message with an id of its own."""
    values: dict[str, object] = {"text": text, "client_msg_id": str(new_id())} | changed
    return NewMessage(**values)  # type: ignore[arg-type]  # the fields of NewMessage


def nothing_shown(_conversation_id: UUID) -> str:
    """No answer is running."""
    return ""
