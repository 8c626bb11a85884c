"""Questions without an answer: alike ones together, and drafts out of what people said."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.audit.service import Doer
from app.conversations import service as conversations
from app.errors import Conflict
from app.handoff import service as handoff
from app.knowledge.analyzer import Analyzer
from app.knowledge.drafts import Drafts
from app.knowledge.gaps import Question, dismiss, draft_from, group, read_clusters
from app.knowledge.service import record_gap
from app.parts import Parts
from app.vocabulary import AgentRole
from tests.factories import Shop, message, nothing_shown, stranger

AT = datetime(2026, 11, 21, tzinfo=UTC)


def asked(*texts: str) -> list[Question]:
    return [Question(UUID(int=i), text, i + 1, None, AT) for i, text in enumerate(texts)]


def test_alike_questions_are_together_and_the_commonest_wording_leads() -> None:
    questions = asked(
        "Is there a student discount?",
        "Do you repair zippers?",
        "Do students get a discount?",
        "Can you repair a zipper?",
    )

    found = group(questions, Analyzer())

    assert [[one.text for one in members] for members in found] == [
        ["Can you repair a zipper?", "Do you repair zippers?"],
        ["Do students get a discount?", "Is there a student discount?"],
    ]


async def test_a_draft_takes_the_words_of_the_person_who_answered(parts: Parts, shop: Shop) -> None:
    agent = shop.agent
    async with parts.database.work() as work:
        posted = await conversations.post_message(
            work,
            stranger(shop),
            message("Do you sell kayaks?"),
            shown=nothing_shown,
            reopen_days=7,
        )
        conversation_id = posted.conversation_id
        await record_gap(work, shop.workspace_id, "Do you sell kayaks?", conversation_id)
        await record_gap(work, shop.workspace_id, "Do you sell a kayak?")
    async with parts.database.work() as work:
        await handoff.take_over(work, agent, conversation_id, epoch=0, shown=nothing_shown)
        reply = message("We rent kayaks, but sell none.", conversation_id=conversation_id)
        await handoff.post_reply(work, agent, reply, shown=nothing_shown)

    async with parts.database.snapshot() as session:
        (cluster,) = await read_clusters(session, shop.workspace_id)
    ids = [one.gap_id for one in cluster.questions]
    async with parts.database.work() as work:
        article = await draft_from(work, Doer(agent), ids)

    async with parts.database.snapshot() as session:
        draft = await Drafts(session).draft(article.id)
        left = await read_clusters(session, shop.workspace_id)
    assert cluster.has_reply and len(ids) == 2
    assert draft is not None and draft.body_md == "We rent kayaks, but sell none.\n"
    assert left == []
    with pytest.raises(Conflict):
        async with parts.database.work() as work:
            await draft_from(work, Doer(agent), ids)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_dismissed_question_stays_away_when_it_is_asked_again(
    parts: Parts, shop: Shop
) -> None:
    async with parts.database.work() as work:
        await record_gap(work, shop.workspace_id, "Cheap watches?")
    async with parts.database.snapshot() as session:
        (cluster,) = await read_clusters(session, shop.workspace_id)
    async with parts.database.work() as work:
        admin = Doer(shop.agents[AgentRole.ADMIN])
        await dismiss(work, admin, [cluster.questions[0].gap_id])
        await record_gap(work, shop.workspace_id, "Cheap watches?")

    async with parts.database.snapshot() as session:
        assert await read_clusters(session, shop.workspace_id) == []
