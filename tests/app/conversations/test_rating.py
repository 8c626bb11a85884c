"""Ratings: asked for once, changed until there is a remark, told to everybody."""

from uuid import UUID

import pytest
from sqlalchemy import select

from app.conversations import service
from app.conversations.answering import FinishedAnswer, begin_answer, complete_answer
from app.conversations.rating import NewRating, rate
from app.conversations.schemas import ConversationOut
from app.errors import AppError, Conflict, Invalid, NotFound, TooLong
from app.handoff import service as handoff
from app.models import Message, Rating
from app.parts import Parts
from app.speakers import Customer
from app.vocabulary import AnsweredBy, Chip, EventType, Feedback, Role
from tests.factories import Shop, message, nothing_shown, stranger


async def write(
    parts: Parts, customer: Customer, c: UUID | None = None, chip: Chip | None = None
) -> tuple[Customer, UUID]:
    """The customer, known from now on, and their conversation."""
    async with parts.database.work() as work:
        new = message(conversation_id=c, chip=chip)
        posted = await service.post_message(work, customer, new, shown=nothing_shown, reopen_days=7)
    known = Customer(
        customer.workspace_id, customer.inbox_id, customer.token_hash, posted.contact_id
    )
    return known, posted.conversation_id


async def answer(parts: Parts, c: UUID, epoch: int = 0) -> None:
    """The bot says something, with buttons under it."""
    async with parts.database.work() as work:
        begun = await begin_answer(work, c, epoch=epoch)
        chips = [Chip.HELPED, Chip.NOT_HELPED]
        await complete_answer(work, begun, FinishedAnswer("It is on its way.", chips=chips))


async def reply(parts: Parts, shop: Shop, c: UUID) -> None:
    """An agent says something."""
    async with parts.database.work() as work:
        new = message("I have looked into it.", conversation_id=c)
        await handoff.post_reply(work, shop.agent, new, shown=nothing_shown)


async def resolve(parts: Parts, shop: Shop, c: UUID) -> None:
    """An agent ends it."""
    async with parts.database.work() as work:
        await service.resolve(work, shop.agent, c, shown=nothing_shown)


async def give(parts: Parts, customer: Customer, c: UUID, score: int, comment: str = "") -> None:
    """The customer rates it."""
    async with parts.database.work() as work:
        await rate(work, customer, c, NewRating(score, comment))


async def told(parts: Parts, shop: Shop, c: UUID) -> list[dict[str, object]]:
    """What the log says about the rating, as a reader gets it who comes now."""
    async with parts.database.snapshot() as session:
        log = await service.read_events(session, shop.agent, c, after=0, limit=500)
        snapshot = await service.read_snapshot(session, shop.agent, c)
    kinds = (EventType.CSAT_REQUESTED, EventType.CSAT_ANSWERED)
    events = [event.data for event in log.events if event.type in kinds]
    fetched = ConversationOut.of(snapshot.row).wire().get("rating")
    assert (events[-1] if events else None) == fetched, (
        "state plus events is the state fetched anew"
    )
    return events


async def test_a_customer_is_asked_once_however_often_it_ends(parts: Parts, shop: Shop) -> None:
    customer, c = await write(parts, stranger(shop))
    await answer(parts, c)

    await resolve(parts, shop, c)
    await write(parts, customer, c)
    await resolve(parts, shop, c)

    assert await told(parts, shop, c) == [{}]


async def test_nobody_is_asked_about_what_nobody_answered(parts: Parts, shop: Shop) -> None:
    customer, c = await write(parts, stranger(shop))

    await resolve(parts, shop, c)

    assert await told(parts, shop, c) == []
    with pytest.raises(Conflict, match="Nobody has answered"):
        await give(parts, customer, c, 5)


@pytest.mark.parametrize("by", AnsweredBy)
async def test_a_rating_is_about_who_had_the_last_word(
    parts: Parts, shop: Shop, by: AnsweredBy
) -> None:
    customer, c = await write(parts, stranger(shop))
    await answer(parts, c)
    if by is AnsweredBy.HUMAN:
        await reply(parts, shop, c)
    await resolve(parts, shop, c)

    await give(parts, customer, c, 4)

    assert (await told(parts, shop, c))[-1] == {"score": 4, "about": by.value}


async def test_a_rating_changes_until_it_has_a_remark(parts: Parts, shop: Shop) -> None:
    customer, c = await write(parts, stranger(shop))
    await answer(parts, c)
    await resolve(parts, shop, c)

    await give(parts, customer, c, 2)
    await give(parts, customer, c, 4)
    await give(parts, customer, c, 4, " Quick. ")

    for score, comment in ((5, ""), (4, "Slow."), (5, "Quick.")):
        with pytest.raises(Conflict):
            await give(parts, customer, c, score, comment)
    scores = [one.get("score") for one in await told(parts, shop, c)]
    assert scores == [None, 4, 4, 4], "a replay tells the rating as it is now"
    async with parts.database.snapshot() as session:
        [stored] = await session.scalars(select(Rating))
    assert (stored.score, stored.comment) == (4, "Quick.")


async def test_the_same_again_changes_nothing(parts: Parts, shop: Shop) -> None:
    customer, c = await write(parts, stranger(shop))
    await answer(parts, c)
    await resolve(parts, shop, c)

    for _ in range(2):
        await give(parts, customer, c, 3)
    for _ in range(2):
        await give(parts, customer, c, 3, "Fine.")
    await give(parts, customer, c, 3)

    assert len(await told(parts, shop, c)) == 3


@pytest.mark.parametrize(
    ("score", "comment", "refusal"),
    [(0, "", Invalid), (6, "", Invalid), (3, "x" * 2_001, TooLong), (3, "a\0b", Invalid)],
)
async def test_what_is_no_rating_is_refused(
    parts: Parts, shop: Shop, score: int, comment: str, refusal: type[AppError]
) -> None:
    customer, c = await write(parts, stranger(shop))
    await answer(parts, c)
    await resolve(parts, shop, c)

    with pytest.raises(refusal):
        await give(parts, customer, c, score, comment)


async def test_nobody_rates_for_somebody_else(parts: Parts, shop: Shop) -> None:
    _, c = await write(parts, stranger(shop))
    await answer(parts, c)
    await resolve(parts, shop, c)
    other, _ = await write(parts, stranger(shop, "other"))

    with pytest.raises(NotFound):
        await give(parts, other, c, 1)


@pytest.mark.parametrize("chip", [Chip.HELPED, Chip.NOT_HELPED])
async def test_a_pressed_button_is_remembered_at_the_answer(
    parts: Parts, shop: Shop, chip: Chip
) -> None:
    customer, c = await write(parts, stranger(shop))
    await answer(parts, c)

    await write(parts, customer, c, chip)

    async with parts.database.snapshot() as session:
        said = select(Message).where(Message.role == Role.BOT)
        [stored] = await session.scalars(said)
    assert stored.feedback is Feedback(chip.value)
