"""Fills a database with the demo company; a second time it only brings the articles up to date."""

import asyncio
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from app.agents.repository import Agents
from app.agents.service import NewAgent, create_agent
from app.clock import Clock
from app.database import Database, Work
from app.demo.articles import read_articles
from app.demo.office import Office, furnish, play_history
from app.demo.playing import Stage
from app.demo.script import read_scripts
from app.demo.vectors import demo_meaning, read_vectors
from app.ids import new_id
from app.knowledge.meaning import Meaning
from app.knowledge.repository import Articles
from app.knowledge.search import SearchIndex
from app.knowledge.service import publish_article
from app.knowledge.vectors import SentenceVectors
from app.models import Agent, CannedReply, Inbox, Workspace
from app.speakers import Customer, SignedInAgent
from app.vocabulary import AgentRole

SLUG = "fernhill"
SITE_TOKEN = "pk_demo"
COMPANY = "Fernhill Supply"
PASSWORD = "fernhill-demo"
_CANNED = Path(__file__).parent / "canned_replies.toml"


_WRITTEN_DAYS = 60
"""How long the articles have been there: longer than anybody has asked."""
_SEEN_H = 2
_AGENTS_STAY_MIN = 24 * 60
"""The demo's agents are rarely at their desks; their conversations are to stay with them."""


@dataclass(frozen=True)
class DemoAccess:
    """What somebody needs to look around: the owner's login and the token of the shop's widget."""

    email: str
    password: str
    site: str


@dataclass(frozen=True)
class _Account:
    first_name: str
    name: str
    email: str
    role: AgentRole


_ACCOUNTS = (
    _Account("Maya", "Maya Lindqvist", "maya@fernhill.example", AgentRole.OWNER),
    _Account("Tom", "Tom Okafor", "tom@fernhill.example", AgentRole.AGENT),
)


async def seed(database: Database, clock: Clock, meaning: Meaning | None = None) -> DemoAccess:
    """Make the demo company unless it is there, all or nothing; the passwords are known to all.

    `meaning` is another encoder than the shipped one with what the demo's customers say in mind.
    """
    async with database.work() as work:
        workspace_id = (
            await work.session.execute(select(Workspace.id).where(Workspace.slug == SLUG))
        ).scalar_one_or_none()
        is_new = workspace_id is None
        if workspace_id is None:
            workspace_id = await _open_company(work)
        written = clock() - timedelta(days=_WRITTEN_DAYS)
        writing = replace(work, clock=lambda: written) if is_new else work
        await publish_articles(writing, workspace_id)
        if is_new:
            agents = [await _employ(work, workspace_id, account) for account in _ACCOUNTS]
            await _store_canned_replies(work, workspace_id)
            meaning = meaning or demo_meaning()
            await _play_conversations(work, workspace_id, agents, clock, meaning)
    return DemoAccess(_ACCOUNTS[0].email, PASSWORD, SITE_TOKEN)


async def publish_articles(work: Work, workspace_id: UUID) -> None:
    """The demo's articles as they are now, with the vectors of their sentences."""
    for text in read_articles():
        await publish_article(work, workspace_id, text)
    encoder, vectors = read_vectors()
    await SentenceVectors(work.session, workspace_id, encoder).keep(vectors)


async def _open_company(work: Work) -> UUID:
    workspace = Workspace(
        id=new_id(),
        slug=SLUG,
        name=COMPANY,
        timezone="America/Los_Angeles",
        settings={"agent_gone_after_min": _AGENTS_STAY_MIN},
    )
    work.session.add(workspace)
    await work.session.flush()
    work.session.add(
        Inbox(
            id=new_id(),
            workspace_id=workspace.id,
            name="Fernhill shop",
            public_token=SITE_TOKEN,
            bot_name="Fern",
            disclosure=f"You are talking to Fern, the AI assistant of {COMPANY}.",
        )
    )
    await work.session.flush()
    return workspace.id


async def _employ(work: Work, workspace_id: UUID, account: _Account) -> Agent:
    known = await Agents(work.session).find_by_email(account.email)
    if known is not None:
        return known
    new = NewAgent(workspace_id, account.email, account.name, account.role, PASSWORD)
    agent = await create_agent(work, new)
    agent.last_seen_at = work.clock() - timedelta(hours=_SEEN_H)
    return agent


async def _store_canned_replies(work: Work, workspace_id: UUID) -> None:
    replies = tomllib.loads(_CANNED.read_text(encoding="utf-8"))
    for shortcut, reply in replies.items():
        work.session.add(
            CannedReply(
                id=new_id(),
                workspace_id=workspace_id,
                shortcut=shortcut,
                title=reply["title"],
                body_md=reply["body"],
            )
        )


async def _play_conversations(
    work: Work, workspace_id: UUID, agents: Sequence[Agent], clock: Clock, meaning: Meaning
) -> None:
    inbox = (
        await work.session.scalars(select(Inbox).where(Inbox.public_token == SITE_TOKEN))
    ).one()
    signed_in = {
        account.first_name: SignedInAgent(workspace_id, agent.id, agent.name, agent.role)
        for account, agent in zip(_ACCOUNTS, agents, strict=True)
    }
    articles = await Articles(work.session).published(workspace_id)
    index = await asyncio.to_thread(SearchIndex, articles, meaning, read_vectors()[1])
    stage = Stage(work, Customer(workspace_id, inbox.id, ""), signed_in, index)
    now = clock()
    await play_history(stage, now)
    for script in read_scripts():
        await stage.play(script, now)
    await furnish(Office(work, workspace_id, signed_in), now)
