"""Zendesk, Zammad, Freshdesk and signed JSON, against stand-ins of their documented shapes."""

import json
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from app.conversations import service
from app.models import Agent, Conversation
from app.vocabulary import Control, Role, Status, TicketSystemKind
from app.webhooks.signing import told
from tests.app.connectors.conftest import Desk
from tests.app.connectors.fakes import (
    DANA_ID,
    MIA_ID,
    SECRET,
    Fake,
    FakeFreshdesk,
    FakeZammad,
    FakeZendesk,
    serving_fake,
)
from tests.factories import nothing_shown
from tests.loopback import Answer, Request, serving_http

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
FAKES = [FakeZendesk, FakeZammad, FakeFreshdesk]
ACCOUNT = {"user": "bot@careline.example", "secret": SECRET}


@pytest.mark.parametrize("kind", FAKES, ids=lambda kind: kind.kind)
async def test_the_whole_round(desk: Desk, kind: type[Fake]) -> None:
    async with serving_fake(kind()) as fake:
        await desk.connect(TicketSystemKind(kind.kind), fake.url, **ACCOUNT)
        await desk.poller.run_due()
        conversation_id = await desk.say("My parcel <b>is lost</b>.")
        await desk.hand_off(conversation_id)
        await desk.bring()
        [ticket] = fake.tickets
        fake.write(ticket, DANA_ID, "A note between us", is_public=False)
        fake.write(ticket, DANA_ID, "We are looking for it.")
        await desk.bring()
        await desk.bring()
        replied = await desk.seen(conversation_id)
        taken = await desk.conversation(conversation_id)
        await desk.say("Thank you!")
        await desk.bring()
        ticket.status, ticket.num_changes = fake.resolved, ticket.num_changes + 1
        await desk.bring()

    first, *others = ticket.comments
    assert "parcel" in first.text and ticket.subject == "My parcel <b>is lost</b>."
    assert "Handed over" in others[0].text and not others[0].is_public
    replies = [text for role, _, text in replied if role is Role.AGENT]
    assert replies == ["We are looking for it."] and taken.control is Control.HUMAN
    ours = [said for said in ticket.comments[1:] if said.is_public and said.author_id == 7]
    assert len(ours) == 1 and "Thank you!" in ours[0].text
    assert (await desk.conversation(conversation_id)).status is Status.RESOLVED


@pytest.mark.parametrize("kind", FAKES, ids=lambda kind: kind.kind)
async def test_an_end_here_is_an_end_there_and_a_ticket_from_there_is_taken_in(
    desk: Desk, kind: type[Fake]
) -> None:
    async with serving_fake(kind()) as fake:
        await desk.connect(TicketSystemKind(kind.kind), fake.url, **ACCOUNT, imports="on")
        await desk.poller.run_due()
        conversation_id = await desk.say("My parcel is lost.")
        await desk.hand_off(conversation_id)
        await desk.runner.run_due()
        async with desk.parts.database.work() as work:
            agent = desk.shop.agent
            await service.resolve(work, agent, conversation_id, shown=nothing_shown)
        await desk.bring()
        ended = fake.tickets[0].status
        other = fake.hold("Lamp", "2" if kind is FakeFreshdesk else "new")
        fake.write(other, MIA_ID, "My lamp flickers.")
        fake.write(other, MIA_ID, "And it hums.")
        await desk.bring()
        await desk.bring()

    async with desk.parts.database.snapshot() as session:
        query = select(Conversation).where(Conversation.subject == "Lamp")
        taken = (await session.scalars(query)).one()
        num_conversations = len((await session.scalars(select(Conversation))).all())
    said = [text for role, _, text in await desk.heard(taken.id) if role is Role.CUSTOMER]
    assert said == ["My lamp flickers.", "And it hums."] and num_conversations == 2
    assert ended == fake.resolved
    assert taken.control is Control.QUEUE
    assert [said.author_id for said in other.comments] == [MIA_ID, MIA_ID], "nothing came back"


@pytest.mark.parametrize("kind", FAKES, ids=lambda kind: kind.kind)
async def test_a_wrong_token_is_told_and_tried_again(desk: Desk, kind: type[Fake]) -> None:
    async with serving_fake(kind()) as fake:
        wrong = {"user": "bot@careline.example", "secret": "wrong"}
        await desk.connect(TicketSystemKind(kind.kind), fake.url, **wrong)
        await desk.hand_off(await desk.say("Hello"))
        await desk.runner.run_due()

    assert await desk.log() == [
        ("control.changed", "waiting", "It answered with status 401."),
    ]
    assert fake.tickets == []


async def test_signed_json_is_what_an_independent_library_takes(desk: Desk) -> None:
    heard: list[tuple[Request, Any]] = []

    async def respond(request: Request) -> Answer:
        body = json.loads(request.body)
        heard.append((request, body))
        made = {"ticket": {"id": "T-9", "url": "https://desk.example/9"}}
        if body["type"] == "ticket.comment":
            made = {"comment": {"id": f"C-{len(heard)}"}}
        return Answer(201, json.dumps(made).encode())

    async with serving_http(respond) as port:
        url = f"http://127.0.0.1:{port}/desk"
        connector_id = await desk.connect(TicketSystemKind.GENERIC, url)
        conversation_id = await desk.say("My parcel is lost.")
        await desk.hand_off(conversation_id)
        await desk.say("Hello?")
        await desk.runner.run_due()
        async with desk.parts.database.work() as work:
            agent = desk.shop.agent
            await service.resolve(work, agent, conversation_id, shown=nothing_shown)
        await desk.runner.run_due()

    endpoint_id = (await desk.connector(connector_id)).endpoint_id
    secret = told(desk.parts.outgoing.vault.webhook_key(endpoint_id, 1))
    for request, _ in heard:
        Webhook(secret).verify(request.body, request.headers)
    assert [body["type"] for _, body in heard] == ["ticket.create", "ticket.status"]
    created, status = (body["data"] for _, body in heard)
    assert "Hello?" in created["transcript"] and created["number"] == 1
    assert status == {"ticket_id": "T-9", "status": "resolved"}
    assert (await desk.link()).ticket_url == "https://desk.example/9"


async def test_an_answer_that_is_not_as_documented_is_told_and_tried_again(desk: Desk) -> None:
    async def respond(_request: Request) -> Answer:
        return Answer(200, b'{"surprise": true}')

    async with serving_http(respond) as port:
        for kind in (TicketSystemKind.GENERIC, TicketSystemKind.ZENDESK, TicketSystemKind.ROUNDUP):
            await desk.connect(kind, f"http://127.0.0.1:{port}", **ACCOUNT)
        await desk.poller.run_due()
        await desk.hand_off(await desk.say("Hello"))
        await desk.runner.run_due()

    log = await desk.log()
    assert len(log) == 3 and {state for _, state, _ in log} == {"waiting"}
    told_errors = [error or "" for _, _, error in log]
    assert sum("not as documented" in one for one in told_errors) == 2
    assert sum("It must answer" in one for one in told_errors) == 1


async def test_while_it_is_there_its_account_counts_as_present(desk: Desk) -> None:
    heard: list[str] = []

    async def respond(request: Request) -> Answer:
        heard.append(json.loads(request.body)["type"])
        return Answer(204)

    async with serving_http(respond) as port:
        url = f"http://127.0.0.1:{port}"
        connector_id = await desk.connect(TicketSystemKind.GENERIC, url)
        for _ in range(5):
            await desk.poller.run_due()
            there = desk.clock.moment
            desk.clock.go_on(seconds=16)
    desk.clock.go_on(minutes=1)
    await desk.poller.run_due()

    connector = await desk.connector(connector_id)
    async with desk.parts.database.snapshot() as session:
        account = await session.get_one(Agent, connector.agent_id)
    assert heard == ["ticket.ping"] * 2, "once a minute is enough"
    assert account.last_seen_at == there, "and when it is gone, so is the account"
    assert connector.poll_error == "The host does not answer."
