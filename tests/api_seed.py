"""A company with one row of each kind, for those who try every route of the API."""

from typing import Any

from sqlalchemy import select

from app.audit.service import Doer
from app.connectors.service import Wanted
from app.connectors.service import create as create_connector
from app.ids import new_id
from app.knowledge.service import record_gap
from app.models import ArticleImport, KbGap, TriageBatch
from app.vocabulary import AgentRole, ImportState, TicketSystemKind
from tests.api_client import Api, told
from tests.factories import Shop

CANARY = "kingfisher"
"""Stands in all they have."""
PRESETS = {"model": "careline"}
"""Parameters that name nothing of a company's."""
WORDS = {"contact": {"external_id": CANARY, "name": CANARY}, "message": {"text": CANARY}}


async def seed(api: Api, other: Shop) -> dict[str, str]:
    """One row of each kind, by the name of the parameter that would lead to it."""
    http = await api.client(shop=other)

    async def make(path: str, body: dict[str, Any]) -> str:
        return str(told(await http.post(path, json=body), 201)["id"])

    conversation_id = await make("/v1/conversations", WORDS)
    thread = told(await http.get(f"/v1/conversations/{conversation_id}/messages"))["data"]
    contact = told(await http.get("/v1/contacts"))["data"][0]
    reply = {"shortcut": CANARY, "title": CANARY, "body_md": CANARY}
    webhook = {"url": f"https://{CANARY}.example/hook", "name": CANARY}
    keys = told(await http.get("/v1/keys"))["data"]
    async with api.parts.database.work() as work:
        await record_gap(work, other.workspace_id, CANARY)
        gap_id = (await work.session.scalars(select(KbGap.id))).one()
        imported = ArticleImport(
            id=new_id(),
            workspace_id=other.workspace_id,
            agent_id=other.agents[AgentRole.ADMIN].agent_id,
            name=CANARY,
            state=ImportState.DONE,
            num_total=1,
        )
        doer = Doer(other.agents[AgentRole.ADMIN])
        wanted = Wanted(CANARY, f"https://{CANARY}.example")
        vault = api.parts.outgoing.vault
        connector = await create_connector(work, doer, vault, TicketSystemKind.GENERIC, wanted)
        batch = TriageBatch(id=new_id(), workspace_id=other.workspace_id, name=CANARY, num_total=1)
        work.session.add_all([imported, batch])
    return PRESETS | {
        "conversation_id": conversation_id,
        "message_id": thread[0]["id"],
        "contact_id": contact["id"],
        "label_id": await make("/v1/labels", {"name": CANARY}),
        "article_id": await make("/v1/articles", {"title": CANARY, "body_md": CANARY}),
        "reply_id": await make("/v1/canned-replies", reply),
        "gap_id": str(gap_id),
        "import_id": str(imported.id),
        "batch_id": str(batch.id),
        "agent_id": str(other.agent.agent_id),
        "key_id": keys[0]["id"],
        "webhook_id": await make("/v1/webhooks", webhook),
        "delivery_id": str(new_id()),
        "connector_id": str(connector.id),
    }
