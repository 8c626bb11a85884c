"""The whole round with a real ticket system: hand-off, reply, customer's answer, end, and back."""

from uuid import UUID

import pytest
from sqlalchemy import delete

from app.conversations import desk as acts
from app.conversations import service
from app.models import TicketComment, TicketLink
from app.vocabulary import Control, Role, Status, TicketStatus, TicketSystemKind
from tests.app.connectors.conftest import Desk
from tests.factories import nothing_shown
from tests.roundup_tracker import PASSWORD, US, Tracker

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
ACCOUNT = {"user": US, "secret": PASSWORD}


async def handed_off(desk: Desk, tracker: Tracker, **settings: str) -> tuple[UUID, str]:
    """A conversation that is an issue in the tracker, and the issue's number."""
    await desk.connect(TicketSystemKind.ROUNDUP, tracker.url, **ACCOUNT, **settings)
    await desk.poller.run_due()
    conversation_id = await desk.say("My parcel has been lost for two weeks.")
    await desk.hand_off(conversation_id)
    await desk.runner.run_due()
    return conversation_id, (await desk.link()).ticket_ref


async def test_a_hand_off_is_a_ticket_with_transcript_and_summary(
    desk: Desk, tracker: Tracker
) -> None:
    conversation_id, ref = await handed_off(desk, tracker)

    issue = await tracker.issue(ref)
    [text] = await tracker.texts(ref)
    assert issue["title"] == "My parcel has been lost for two weeks."
    assert text.startswith("Handed over: the customer asked for a person.")
    assert "Customer: My parcel has been lost for two weeks." in text
    link = await desk.link()
    assert link.conversation_id == conversation_id and link.ticket_url.endswith(f"/issue{ref}")


async def test_a_reply_there_arrives_in_the_widget_once_and_closing_there_resolves(
    desk: Desk, tracker: Tracker
) -> None:
    conversation_id, ref = await handed_off(desk, tracker)

    await tracker.reply(ref, "We have found it. It comes tomorrow.")
    await desk.bring()
    await desk.bring()
    answered = await desk.conversation(conversation_id)
    seen = await desk.seen(conversation_id)
    await desk.say("Thank you!")
    await desk.bring()
    await tracker.set_status(ref, "resolved")
    await desk.bring()

    replies = [one for one in seen if one[0] is Role.AGENT]
    assert replies == [(Role.AGENT, "Dana Reyes", "We have found it. It comes tomorrow.")]
    assert answered.control is Control.HUMAN
    texts = await tracker.texts(ref)
    assert texts[1:] == ["We have found it. It comes tomorrow.", "Customer wrote:\nThank you!"]
    assert (await desk.conversation(conversation_id)).status is Status.RESOLVED
    assert [one for one in await desk.seen(conversation_id) if one[0] is Role.AGENT] == replies


async def test_the_end_of_a_conversation_ends_the_ticket_and_a_new_word_reopens_it(
    desk: Desk, tracker: Tracker
) -> None:
    conversation_id, ref = await handed_off(desk, tracker)
    agent = desk.shop.agent

    async with desk.parts.database.work() as work:
        await service.resolve(work, agent, conversation_id, shown=nothing_shown)
    await desk.bring()
    resolved = await tracker.issue(ref)
    await desk.say("It is still not here.", conversation_id)
    await desk.bring()
    again = await tracker.issue(ref)

    assert resolved["status"]["id"] == "8"
    assert again["status"]["id"] != "8"
    assert (await tracker.texts(ref))[-1] == "Customer wrote:\nIt is still not here."
    conversation = await desk.conversation(conversation_id)
    assert (conversation.status, conversation.control) == (Status.OPEN, Control.QUEUE)
    assert (await desk.link()).status in (TicketStatus.OPEN, TicketStatus.NEW)


async def test_reopening_there_reopens_here_and_an_agents_reply_here_is_told_there(
    desk: Desk, tracker: Tracker
) -> None:
    conversation_id, ref = await handed_off(desk, tracker)
    await tracker.set_status(ref, "resolved")
    await desk.bring()
    ended = await desk.conversation(conversation_id)
    await tracker.set_status(ref, "in-progress")
    await desk.bring()
    reopened = await desk.conversation(conversation_id)
    async with desk.parts.database.work() as work:
        await acts.snooze(work, desk.shop.agent, conversation_id, until=None, shown=nothing_shown)
    await desk.bring()

    assert (ended.status, reopened.status) == (Status.RESOLVED, Status.OPEN)
    assert (await tracker.issue(ref))["status"]["id"] == "4"


async def test_a_second_try_finds_the_ticket_of_the_first(desk: Desk, tracker: Tracker) -> None:
    conversation_id, ref = await handed_off(desk, tracker)
    before = len(await tracker.issues())
    async with desk.parts.database.work() as work:  # as if the worker had died before noting it
        await work.session.execute(delete(TicketComment))
        await work.session.execute(delete(TicketLink))
    await desk.say("Are you there?")
    await desk.runner.run_due()

    assert len(await tracker.issues()) == before
    assert (await desk.link()).ticket_ref == ref
    assert (await desk.link()).conversation_id == conversation_id


async def test_an_issue_that_began_there_is_imported_and_answered_from_here(
    desk: Desk, tracker: Tracker
) -> None:
    await desk.connect(TicketSystemKind.ROUNDUP, tracker.url, **ACCOUNT, imports="on")
    await desk.poller.run_due()

    ref = await tracker.open_issue("Lamp flickers", "The lamp I bought flickers.")
    await desk.bring()
    link = await desk.link()
    conversation = await desk.conversation(link.conversation_id)

    assert link.ticket_ref == ref
    assert (conversation.subject, conversation.control) == ("Lamp flickers", Control.QUEUE)
    await desk.bring()
    assert await tracker.texts(ref) == ["The lamp I bought flickers."]


async def test_a_tracker_that_is_down_loses_nothing_and_a_wrong_password_is_told(
    desk: Desk, tracker: Tracker
) -> None:
    wrong = {"user": US, "secret": "wrong"}
    connector_id = await desk.connect(TicketSystemKind.ROUNDUP, tracker.url, **wrong)
    await desk.poller.run_due()
    desk.clock.go_on(minutes=2)
    await desk.poller.run_due()
    conversation_id = await desk.say("Hello?")
    await desk.hand_off(conversation_id)
    await desk.say("Anybody?")
    await desk.runner.run_due()

    assert "401" in ((await desk.connector(connector_id)).poll_error or "")
    log = await desk.log()
    assert [one[0] for one in log] == ["control.changed", "message.created"]
    assert {one[1] for one in log} == {"waiting"}
    assert "401" in (log[0][2] or "") and log[1][2] is None
