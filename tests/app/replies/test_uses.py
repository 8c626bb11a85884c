"""A canned reply counts when it is sent, and not when something like it is."""

from uuid import UUID

import pytest
from sqlalchemy import select

from app.handoff import service as handoff
from app.ids import new_id
from app.models import CannedReply
from app.parts import Parts
from app.replies.uses import is_said
from app.speakers import SignedInAgent
from app.vocabulary import AgentRole
from tests.app.answers.rig import make_rig
from tests.factories import Shop, message, nothing_shown

BODY = "Hello {name}, your refund is on its way.\nIt takes 5 days."


@pytest.mark.parametrize(
    ("text", "is_there"),
    [
        ("Hello Jo, your refund is on its way. It takes 5 days.", True),
        ("Good news! Hello Jo Smith, your refund is on its way.\n\nIt takes 5 days. Bye", True),
        ("Hello Jo, your refund is on its way.", False),
        ("It takes 5 days. Hello Jo, your refund is on its way.", False),
        ("", False),
    ],
)
def test_all_of_it_must_be_said_in_its_order(text: str, is_there: bool) -> None:
    assert is_said(BODY, text) is is_there


def test_a_short_one_counts_alone_only() -> None:
    assert is_said("Hi!", "Hi!") and not is_said("Hi!", "Hi! How are you?")
    assert not is_said("{name}", "Anything")


async def reply(parts: Parts, agent: SignedInAgent, conversation_id: UUID, text: str) -> None:
    async with parts.database.work() as work:
        new = message(text, conversation_id=conversation_id)
        await handoff.post_reply(work, agent, new, shown=nothing_shown)


async def test_sending_counts_shared_and_own_ones(parts: Parts, shop: Shop) -> None:
    owner = shop.agents[AgentRole.OWNER]
    async with parts.database.work() as work:
        for shortcut, who in (("shared", None), ("mine", shop.agent), ("others", owner)):
            work.session.add(
                CannedReply(
                    id=new_id(), workspace_id=shop.workspace_id, shortcut=shortcut, title="x",
                    body_md=BODY, owner_agent_id=who.agent_id if who else None,
                )
            )  # fmt: skip
    conversation_id = await make_rig(parts, shop).say("Where is my refund?")

    await reply(parts, shop.agent, conversation_id, BODY.replace("{name}", "Jo"))
    await reply(parts, shop.agent, conversation_id, "Anything else?")

    async with parts.database.snapshot() as session:
        found = await session.execute(select(CannedReply.shortcut, CannedReply.uses))
    assert {row.shortcut: row.uses for row in found} == {"shared": 1, "mine": 1, "others": 0}
