"""What an agent is told of, whatever their list shows."""

from uuid import UUID

from app.conversations import service as conversations
from app.conversations.desk import add_note
from app.dashboard.news import News, read_news
from app.handoff import service as handoff
from app.speakers import SignedInAgent
from app.vocabulary import AgentRole
from tests.app.office.desk import desk_of
from tests.conftest import Served
from tests.factories import message, nothing_shown, stranger


async def write(served: Served, token: str, text: str) -> UUID:
    """A customer of their own."""
    async with served.parts.database.work() as work:
        posted = await conversations.post_message(
            work, stranger(served.shop, token), message(text), shown=nothing_shown, reopen_days=7
        )
    return posted.conversation_id


async def take_over(served: Served, agent: SignedInAgent, conversation_id: UUID) -> None:
    async with served.parts.database.work() as work:
        await handoff.take_over(work, agent, conversation_id, epoch=0, shown=nothing_shown)


async def news_of(served: Served, agent: SignedInAgent) -> tuple[News, ...]:
    async with served.parts.database.snapshot() as session:
        return await read_news(session, agent)


async def read(served: Served, agent: SignedInAgent, conversation_id: UUID) -> None:
    async with served.parts.database.work() as work:
        await conversations.mark_read(work, agent, conversation_id, 99)


async def test_customers_who_wait_for_me_or_for_anybody_are_news_until_i_look(
    served: Served,
) -> None:
    me, other = served.shop.agent, served.shop.agents[AgentRole.OWNER]
    await write(served, "a", "the bot has it")
    waiting, mine, theirs = [await write(served, token, token * 2) for token in "bcd"]
    async with served.parts.database.work() as work:
        await handoff.request_handoff(work, me, waiting, shown=nothing_shown)
    await take_over(served, me, mine)
    await take_over(served, other, theirs)

    told = await news_of(served, me)
    assert {one.conversation_id for one in told} == {waiting, mine}
    assert {one.text for one in told} == {"bb", "cc"}

    await read(served, me, mine)
    assert [one.conversation_id for one in await news_of(served, me)] == [waiting]


async def test_a_note_that_names_me_is_news_until_i_have_read_it(served: Served) -> None:
    me, other = served.shop.agent, served.shop.agents[AgentRole.OWNER]
    asked = await write(served, "a", "Where is it?")
    async with served.parts.database.work() as work:
        note = message(f"@{me.name} <b>please</b>", conversation_id=asked)
        await add_note(work, other, note)

    [told] = await news_of(served, me)
    async with desk_of(served, AgentRole.AGENT) as desk:
        page = await desk.get("/list", view="resolved")

    assert told.conversation_id == asked and told.title.startswith(other.name)
    assert await news_of(served, other) == ()
    assert f'data-key="{asked} {told.seq}"' in page.text, "whatever the list shows"
    assert "&lt;b&gt;please" in page.text and "<b>please" not in page.text

    await read(served, me, asked)
    assert await news_of(served, me) == ()
