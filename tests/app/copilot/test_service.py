"""A suggested reply says what the articles say, to who asked alone, and waits its turn."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from app.answers.generator import ANSWER_PRIORITY, BATCH_PRIORITY, DRAFT_PRIORITY
from app.conversations import desk as acts
from app.conversations.desk import NewLabel
from app.copilot import service
from app.copilot.reading import reader_of
from app.copilot.service import Desk
from app.engines import Engine
from app.errors import Forbidden, NotFound
from app.knowledge.library import Library
from app.models import Message
from app.vocabulary import AgentRole, Role
from inference import ChatMessage, EngineClient, SamplingParams, TokenChunk
from tests.app.answers.conftest import CLOSING, OPENING, engine, engine_process, quiet
from tests.app.answers.rig import Rig, publish_demo_articles
from tests.care_client import agent_headers
from tests.conftest import Served
from tests.factories import open_shop

__all__ = ["engine", "engine_process", "quiet"]
STANDARD = "How long does standard delivery take?"


@pytest.fixture
def store() -> str:
    """What is read is tested on both with the parts that read it."""
    return "sqlite"


class Watched:
    """The engine, and what it was asked for."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self.priorities: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def stream(
        self, prompt: Sequence[ChatMessage], params: SamplingParams, *, salt: bytes
    ) -> AsyncGenerator[TokenChunk]:
        self.priorities.append(params.priority)
        return self._client.stream(prompt, params, salt=salt)


def desk_of(rig: Rig, engine: Any) -> Desk:
    parts = rig.parts
    return Desk(parts.database, Library(parts.database), engine, parts.secrets.prefix_salt, 30.0)


async def suggested(
    rig: Rig, engine: Any, text: str, *more: str
) -> tuple[service.SuggestedReply, str]:
    conversation_id = await rig.say(text)
    await rig.take_over(conversation_id)
    for one in more:
        await rig.say(one)
    shown: list[str] = []
    reply = await service.suggest_reply(
        desk_of(rig, engine), rig.agent, conversation_id, shown.append
    )
    return reply, "".join(shown)


async def test_a_reply_is_suggested_from_the_articles_with_its_sources(
    quiet: Rig, engine: EngineClient
) -> None:
    watched = Watched(engine)

    reply, shown = await suggested(quiet, watched, "I need a person", f"Hello. {STANDARD}")

    [source] = reply.sources
    assert reply.text == shown == f"{OPENING} {source.quote} {CLOSING}"
    assert "3 to 5 working days" in source.quote and "[1]" not in reply.text
    assert watched.priorities == [DRAFT_PRIORITY]
    assert BATCH_PRIORITY < DRAFT_PRIORITY < ANSWER_PRIORITY
    async with quiet.parts.database.snapshot() as session:
        said = select(func.count()).select_from(Message).where(Message.role == Role.BOT)
        assert (await session.execute(said)).scalar_one() == 0, "nothing is stored"


async def test_the_question_is_found_behind_thanks(quiet: Rig, engine: EngineClient) -> None:
    reply, _ = await suggested(quiet, engine, STANDARD, "Thanks!")

    assert "3 to 5 working days" in reply.text


async def test_where_no_article_answers_nothing_is_suggested(
    quiet: Rig, engine: EngineClient
) -> None:
    reply, shown = await suggested(quiet, engine, "Hello", "Do you sponsor chess clubs in Peru?")

    assert (reply.text, shown, reply.sources) == ("", "", ())


async def test_only_who_may_write_here_gets_one(quiet: Rig, engine: EngineClient) -> None:
    conversation_id = await quiet.say(STANDARD)
    other = await open_shop(quiet.parts.database, "pk_other")

    for agent, error in (
        (quiet.shop.agents[AgentRole.VIEWER], Forbidden),
        (other.agent, NotFound),
    ):
        with pytest.raises(error):
            await service.suggest_reply(
                desk_of(quiet, engine), agent, conversation_id, lambda _: None
            )


async def test_labels_are_learned_from_conversations_and_the_summary_is_theirs(quiet: Rig) -> None:
    for number, (text, label) in enumerate(
        [("My parcel has not come", "late"), ("The lamp came broken", "damaged")]
    ):
        one = replace(quiet, customer=replace(quiet.customer, token_hash=f"hash{number}"))
        labelled = await one.say(text)
        async with quiet.parts.database.work() as work:
            await acts.set_label(work, quiet.agent, labelled, NewLabel(label), is_on=True)
    conversation_id = await quiet.say("Where is my parcel? It has not come.")

    reader = reader_of(await quiet.parts.library.meaning())
    async with quiet.parts.database.snapshot() as session:
        found = await service.suggest_labels(session, quiet.agent, conversation_id, reader)
        summary = await service.summarise(session, quiet.agent, conversation_id)
        own = await service.suggest_labels(session, quiet.agent, labelled, reader)

    assert [one.name for one in found] == ["late"]
    assert "Where is my parcel? It has not come." in summary and "Handed over" not in summary
    assert "damaged" not in [one.name for one in own], "it has that one"


async def test_it_is_streamed_to_the_agent_who_asked(served: Served, engine: EngineClient) -> None:
    parts, shop = served.parts, served.shop
    await publish_demo_articles(parts, shop)
    headers = await agent_headers(parts, shop.agent)
    async with served.client() as customer, served.client(**headers) as agent:
        await customer.hello()
        ack = await customer.say(STANDARD)
        c = ack["d"]["c"]
        await agent.hello_agent(shop.agent)

        await agent.send("suggest", c=c)
        refused = await agent.wait_for("nack")
        parts.engine = Engine(engine)
        await agent.send("suggest", c=c)
        ready = await agent.wait_for("suggestion.ready")

        deltas = agent.heard("suggestion.delta")
        assert refused["d"]["code"] == "unavailable"
        assert "".join(frame["d"]["x"] for frame in deltas) == ready["d"]["text"]
        assert [f["d"]["o"] for f in deltas] == sorted(f["d"]["o"] for f in deltas)
        assert "3 to 5 working days" in ready["d"]["text"] and ready["c"] == c
        assert ready["d"]["sources"][0]["url"].startswith("/articles/")
        await customer.send("suggest", c=c)
        assert (await customer.wait_for("nack"))["d"]["code"] == "forbidden"
        assert customer.heard("suggestion.delta", "suggestion.ready") == []
