"""One question without a conversation."""

from sqlalchemy import func, select

from app.answers.ask import ask
from app.knowledge.library import Library
from app.models import Conversation
from inference import EngineClient
from tests.app.answers.rig import Rig


async def test_a_reply_has_its_sources_and_nothing_is_stored(
    quiet: Rig, engine: EngineClient
) -> None:
    database, workspace_id = quiet.parts.database, quiet.shop.workspace_id
    library = Library(database)

    reply = await ask(
        database, library, engine, workspace_id, "How long is the warranty?", salt=b""
    )
    again = await ask(
        database, library, engine, workspace_id, "How long is the warranty?", salt=b""
    )

    assert reply == again
    assert (reply.outcome, reply.handoff) == ("answer", None)
    assert reply.citations[0].quote in reply.text and "2 years" in reply.text
    async with database.snapshot() as session:
        assert (await session.execute(select(func.count(Conversation.id)))).scalar_one() == 0


async def test_a_reply_says_when_it_would_bring_a_human(quiet: Rig, engine: EngineClient) -> None:
    database, workspace_id = quiet.parts.database, quiet.shop.workspace_id
    library = Library(database)

    human = await ask(database, library, engine, workspace_id, "human please", salt=b"")
    nothing = await ask(database, library, engine, workspace_id, "Do you sell bicycles?", salt=b"")

    assert (human.outcome, human.handoff, human.text) == ("handoff", "asked", "")
    assert (nothing.outcome, nothing.handoff, nothing.citations) == ("nothing", None, ())
