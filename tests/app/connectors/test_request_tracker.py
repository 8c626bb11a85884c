"""The whole round with a real Request Tracker 5; collected only where it is installed."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import delete

from app.models import TicketComment, TicketLink
from app.vocabulary import Control, Role, Status, TicketStatus, TicketSystemKind
from tests.app.connectors.conftest import Desk
from tests.request_tracker import PASSWORD, US, RealDesk, find_root, running_desk

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDesk]:
    root = find_root()
    assert root is not None
    with running_desk(root, tmp_path_factory.mktemp("rt")) as running:
        yield running


async def connected(desk: Desk, there: RealDesk, **settings: str) -> None:
    account = {"user": US, "secret": PASSWORD}
    await desk.connect(TicketSystemKind.REQUEST_TRACKER, there.url, **account, **settings)
    await desk.poller.run_due()


async def handed_off(desk: Desk, there: RealDesk) -> tuple[UUID, str]:
    """A conversation that is a ticket there, and the ticket's number."""
    await connected(desk, there)
    conversation_id = await desk.say("My parcel has been lost for two weeks.")
    await desk.hand_off(conversation_id)
    await desk.runner.run_due()
    return conversation_id, (await desk.link()).ticket_ref


async def test_a_hand_off_is_a_ticket_and_its_answer_and_end_come_back(
    desk: Desk, there: RealDesk
) -> None:
    conversation_id, ref = await handed_off(desk, there)
    ticket, [text] = await there.ticket(ref), await there.texts(ref)

    await there.note(ref, "A colleague shall look at it.")
    await there.reply(ref, "We have found it. It comes tomorrow.")
    await desk.bring()
    await desk.bring()
    answered = await desk.conversation(conversation_id)
    await desk.say("Thank you!")
    await desk.bring()
    await there.set_status(ref, "resolved")
    await desk.bring()

    assert ticket["Subject"] == "My parcel has been lost for two weeks."
    assert "Customer: My parcel has been lost for two weeks." in text
    assert text.startswith("Handed over: the customer asked for a person.")
    replies = [one for one in await desk.seen(conversation_id) if one[0] is Role.AGENT]
    assert replies == [(Role.AGENT, "Dana Reyes", "We have found it. It comes tomorrow.")]
    assert answered.control is Control.HUMAN
    assert (await there.texts(ref))[-1] == "Customer wrote:\nThank you!"
    assert (await desk.conversation(conversation_id)).status is Status.RESOLVED


async def test_a_second_try_finds_the_ticket_and_a_new_word_reopens_it(
    desk: Desk, there: RealDesk
) -> None:
    conversation_id, ref = await handed_off(desk, there)
    num_tickets = await there.num_tickets()
    async with desk.parts.database.work() as work:  # as if the worker had died before noting it
        await work.session.execute(delete(TicketComment))
        await work.session.execute(delete(TicketLink))
    await desk.say("Are you there?")
    await desk.runner.run_due()
    link = await desk.link()
    await there.set_status(ref, "resolved")
    await desk.bring()
    ended = await desk.conversation(conversation_id)
    await desk.say("It is still not here.", conversation_id)
    await desk.bring()

    assert await there.num_tickets() == num_tickets and link.ticket_ref == ref
    assert ended.status is Status.RESOLVED
    assert (await there.ticket(ref))["Status"] == "open"
    assert (await desk.link()).status is TicketStatus.OPEN


async def test_a_ticket_that_began_there_is_imported(desk: Desk, there: RealDesk) -> None:
    await connected(desk, there, imports="on")

    ref = await there.open_ticket("Lamp flickers", "The lamp I bought flickers.")
    await desk.bring()
    link = await desk.link()
    conversation = await desk.conversation(link.conversation_id)

    assert link.ticket_ref == ref
    assert (conversation.subject, conversation.control) == ("Lamp flickers", Control.QUEUE)
    said = [text for _, _, text in await desk.heard(link.conversation_id)]
    assert "The lamp I bought flickers." in said


async def test_a_wrong_password_is_told(desk: Desk, there: RealDesk) -> None:
    wrong = {"user": US, "secret": "wrong"}
    made = await desk.connect(TicketSystemKind.REQUEST_TRACKER, there.url, **wrong)
    await desk.poller.run_due()
    desk.clock.go_on(minutes=2)
    await desk.poller.run_due()

    assert "401" in ((await desk.connector(made)).poll_error or "")
