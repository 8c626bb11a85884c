"""Events reach a receiver signed, in order, at least once; one that fails is spared."""

import asyncio
from datetime import timedelta
from email.utils import format_datetime
from uuid import UUID

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from app.conversations.service import post_message
from app.errors import NotFound
from app.events import TextsErased
from app.vocabulary import DeliveryState
from app.webhooks import pacing
from tests.app.webhooks.conftest import Rig
from tests.app.webhooks.receiver import Heard
from tests.factories import message, nothing_shown, stranger
from tests.loopback import Answer
from tests.patience import PATIENCE_S

on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def is_in_order(heard: list[Heard]) -> bool:
    """Whether no conversation was ever told of backwards."""
    last: dict[str, int] = {}
    for conversation_id, seq in (one.place for one in heard):
        if seq < last.get(conversation_id, 0):
            return False
        last[conversation_id] = seq
    return True


async def test_an_independent_library_takes_what_arrives(rig: Rig) -> None:
    endpoint_id = await rig.subscribe()

    conversation_id = await rig.say("Grüße, wo ist mein Paket?")
    await rig.runner.run_due()

    [heard] = rig.receiver.heard
    body = heard.verify(rig.secret(endpoint_id))
    assert body["type"] == "message.created"
    assert body["data"]["message"]["text"] == "Grüße, wo ist mein Paket?"
    assert body["data"]["seq"] == 1
    assert body["data"]["conversation"]["id"] == str(conversation_id)
    with pytest.raises(WebhookVerificationError):
        heard.verify(rig.secret(endpoint_id, version=2))
    [delivery] = await rig.deliveries()
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 1)
    assert delivery.log[0]["status"] == 200


async def test_a_retry_keeps_its_id_and_body_and_is_signed_anew(rig: Rig) -> None:
    endpoint_id = await rig.subscribe()
    rig.clock.go_on(minutes=-5)
    await rig.say()
    rig.receiver.answer = Answer(500, b"not now")

    assert await rig.runner.run_due() == 1
    assert await rig.runner.run_due() == 0
    rig.clock.go_on(seconds=5)
    await rig.runner.run_due()
    rig.receiver.answer = Answer(204)
    rig.clock.go_on(minutes=5)
    await rig.runner.run_due()

    first, second, third = rig.receiver.heard
    assert first.webhook_id == second.webhook_id == third.webhook_id
    assert first.request.body == third.request.body
    times = [int(one.request.headers["webhook-timestamp"]) for one in rig.receiver.heard]
    assert [later - times[0] for later in times] == [0, 5, 305]
    third.verify(rig.secret(endpoint_id))
    [delivery] = await rig.deliveries()
    told = [(one["status"], one["response"]) for one in delivery.log]
    assert told == [(500, "not now"), (500, "not now"), (204, "")]
    assert (await rig.endpoint(endpoint_id)).failing_since is None


@on_sqlite
async def test_the_schedule_is_the_recommended_one_and_ends(rig: Rig) -> None:
    await rig.subscribe()
    await rig.say()
    rig.receiver.answer = Answer(500)
    begun, tried = rig.clock.moment, []

    while (due := await rig.next_due()) is not None:
        rig.clock.moment = max(due, rig.clock.moment)
        assert await rig.runner.run_due() == 1
        tried.append(rig.clock.moment - begun)

    assert tried == [sum(pacing.DELAYS[:n], timedelta()) for n in range(pacing.MAX_ATTEMPTS)]
    [delivery] = await rig.deliveries()
    assert delivery.state is DeliveryState.FAILED and delivery.finished_at is not None


@on_sqlite
@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 500, 503])
async def test_only_2xx_is_a_success(rig: Rig, status: int) -> None:
    await rig.subscribe()
    await rig.say()
    rig.receiver.answer = Answer(status, headers=(("Location", "/elsewhere"),))

    assert await rig.runner.run_due() == 1

    [delivery] = await rig.deliveries()
    assert delivery.state is DeliveryState.WAITING
    assert delivery.log[0]["status"] == status and len(rig.receiver.heard) == 1


async def test_410_disables_and_nothing_more_is_sent_or_stored(rig: Rig) -> None:
    endpoint_id = await rig.subscribe()
    await rig.say()
    rig.receiver.answer = Answer(410)

    await rig.runner.run_due()
    await rig.say("And now?")
    rig.clock.go_on(days=1)
    await rig.runner.run_due()

    endpoint = await rig.endpoint(endpoint_id)
    assert endpoint.disabled_at is not None and "410" in (endpoint.disabled_reason or "")
    assert len(rig.receiver.heard) == 1 and len(await rig.deliveries()) == 1


@on_sqlite
@pytest.mark.parametrize("is_date", [False, True])
async def test_a_receiver_that_asks_for_time_gets_it(rig: Rig, is_date: bool) -> None:
    await rig.subscribe()
    await rig.say()
    until = rig.clock.moment.replace(microsecond=0) + timedelta(minutes=10)
    told = format_datetime(until, usegmt=True) if is_date else "600"
    rig.receiver.answer = Answer(503, headers=(("Retry-After", told),))

    await rig.runner.run_due()
    await rig.say("Hello?", who="another")
    rig.clock.go_on(minutes=9)
    too_early = await rig.runner.run_due()
    rig.receiver.answer = Answer()
    rig.clock.go_on(minutes=2)
    await rig.runner.run_due()

    assert too_early == 0 and len(rig.receiver.heard) == 3


async def test_five_days_of_failure_disable_an_endpoint(rig: Rig) -> None:
    endpoint_id = await rig.subscribe()
    rig.receiver.answer = Answer(500)
    begun = rig.clock.moment

    for n in range(16):
        await rig.say(who=f"{n}")
        await rig.runner.run_due()
        if (await rig.endpoint(endpoint_id)).disabled_at is not None:
            break
        rig.clock.go_on(hours=12)

    endpoint = await rig.endpoint(endpoint_id)
    assert rig.clock.moment - begun == pacing.DISABLED_AFTER
    assert "5 days" in (endpoint.disabled_reason or "")


async def test_a_receiver_that_is_down_for_an_hour_loses_nothing_and_is_not_stormed(
    rig: Rig,
) -> None:
    rig.clock.go_on(hours=-1)
    endpoint_id = await rig.subscribe()
    rig.receiver.answer = Answer(503)
    people = [f"token {n}" for n in range(5)]

    for minute in range(0, 60, 2):
        await rig.say(f"{minute}", people[minute // 2 % 5])
        await rig.runner.run_due()
        rig.clock.go_on(minutes=2)
    num_while_down = len(rig.receiver.heard)
    rig.receiver.heard.clear()
    rig.receiver.answer, rig.receiver.most_at_once = Answer(), 0
    for _ in range(400):
        await rig.runner.run_due()
        if not await unsent(rig):
            break
        rig.clock.go_on(seconds=10)

    assert num_while_down <= 20, "a receiver that is down was asked too often"
    assert len(rig.receiver.heard) == 30, "each event comes once, none is missing"
    assert len({one.webhook_id for one in rig.receiver.heard}) == 30
    assert is_in_order(rig.receiver.heard)
    assert rig.receiver.most_at_once <= pacing.MAX_WINDOW
    rig.receiver.heard[-1].verify(rig.secret(endpoint_id))


async def unsent(rig: Rig) -> int:
    return sum(one.state is DeliveryState.WAITING for one in await rig.deliveries())


async def test_what_is_first_of_a_conversation_goes_first_whoever_sends(rig: Rig) -> None:
    await rig.subscribe(window=8)
    for n in range(6):
        for who in ("one", "two", "three"):
            await rig.say(f"{n}", who)
    workers = [rig.another_runner() for _ in range(4)]

    while await unsent(rig):
        await asyncio.gather(*(worker.run_due() for worker in workers))

    assert len(rig.receiver.heard) == 18
    assert len({one.webhook_id for one in rig.receiver.heard}) == 18
    assert is_in_order(rig.receiver.heard)
    assert rig.receiver.most_at_once <= pacing.MAX_WINDOW


async def test_a_failing_conversation_holds_up_itself_and_no_other(rig: Rig) -> None:
    await rig.subscribe()
    rig.receiver.answer = Answer(500)
    stuck = await rig.say("one", "stuck")
    await rig.runner.run_due()
    rig.receiver.answer = Answer()
    await rig.say("two", "stuck")
    other = await rig.say("three", "free")

    await rig.runner.run_due()
    seen = rig.receiver.places[1:]
    rig.clock.go_on(seconds=5)
    await rig.runner.run_due()

    assert seen == [(str(other), 1)]
    assert rig.receiver.places[2:] == [(str(stuck), 1), (str(stuck), 2)]


async def test_a_worker_that_dies_after_sending_sends_again_under_the_same_id(rig: Rig) -> None:
    await rig.subscribe()
    await rig.say()
    dies = asyncio.Event()

    async def hang() -> None:
        dies.set()
        await asyncio.Event().wait()

    rig.receiver.before = hang
    dying = asyncio.create_task(rig.another_runner(lease_s=60).run_due())
    async with asyncio.timeout(PATIENCE_S):
        await dies.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    rig.receiver.before = None
    assert await rig.runner.run_due() == 0, "the lease is not over"
    rig.clock.go_on(seconds=61)
    await rig.runner.run_due()

    first, again = rig.receiver.heard
    assert first.webhook_id == again.webhook_id and first.request.body == again.request.body
    assert await unsent(rig) == 0


@on_sqlite
async def test_a_receiver_that_hangs_does_not_hold_up_another(rig: Rig) -> None:
    let_go = asyncio.Event()
    arrived = asyncio.Event()

    async def hang() -> None:
        arrived.set()
        await let_go.wait()

    async with asyncio.TaskGroup() as tasks:
        rig.receiver.before = hang
        slow = await rig.subscribe()
        await rig.say()
        hanging = tasks.create_task(rig.runner.run_due())
        async with asyncio.timeout(PATIENCE_S):
            await arrived.wait()
        gone = await rig.subscribe("http://127.0.0.1:9/")
        await rig.say("And me?", "another")
        await rig.another_runner().run_due()
        failed = (await rig.endpoint(gone)).num_failures
        let_go.set()
    await hanging

    assert failed == 1
    assert (await rig.endpoint(slow)).num_failures == 0


@on_sqlite
async def test_nothing_is_sent_inside_unless_the_owner_said_so(rig: Rig) -> None:
    for url in ("http://127.0.0.2:8000/", "http://169.254.169.254/", "http://[::1]:8000/"):
        await rig.subscribe(url)
    await rig.say()

    await rig.runner.run_due()

    errors = {one.log[0]["error"] for one in await rig.deliveries()}
    assert errors == {"This leads into a private network, which is not fetched from."}


async def test_only_what_was_chosen_comes_and_notes_only_when_named(rig: Rig) -> None:
    await rig.subscribe(event_types=["control.changed"])
    await rig.subscribe(inbox_ids=[str(UUID(int=1))])

    await rig.say()

    assert await rig.deliveries() == []


async def test_an_event_that_was_not_stored_is_not_told(rig: Rig) -> None:
    await rig.subscribe()

    async def fail() -> None:
        async with rig.parts.database.work() as work:
            customer = stranger(rig.shop)
            await post_message(work, customer, message(), shown=nothing_shown, reopen_days=7)
            raise NotFound

    with pytest.raises(NotFound):
        await fail()

    assert await rig.deliveries() == []


async def test_erased_words_leave_the_outbox_too(rig: Rig) -> None:
    await rig.subscribe()
    await rig.say("My card is 4111")
    [delivery] = await rig.deliveries()
    assert delivery.message_id is not None

    async with rig.parts.database.work() as work:
        work.outbox.add(TextsErased(rig.shop.workspace_id, (delivery.message_id,)))
    await rig.runner.run_due()

    [heard] = rig.receiver.heard
    assert heard.told["data"]["erased"] is True and b"4111" not in heard.request.body


@on_sqlite
async def test_a_long_message_is_cut_to_20_kb(rig: Rig) -> None:
    endpoint_id = await rig.subscribe()
    await rig.say("ü" * 12_000)

    await rig.runner.run_due()

    [heard] = rig.receiver.heard
    body = heard.verify(rig.secret(endpoint_id))
    assert 19_000 < len(heard.request.body) <= 20_000
    assert body["data"]["truncated"] is True
    assert set(body["data"]["message"]["text"]) == {"ü"}


async def test_while_a_secret_is_replaced_both_are_good(rig: Rig) -> None:
    until = rig.clock.moment + timedelta(hours=24)
    endpoint_id = await rig.subscribe(secret_version=2, old_secret_until=until)
    await rig.say()
    await rig.runner.run_due()
    rig.clock.go_on(hours=25)
    await rig.say("Later")
    await rig.runner.run_due()

    during, after = (one.request.headers["webhook-signature"] for one in rig.receiver.heard)
    assert len(during.split(" ")) == 2 and len(after.split(" ")) == 1
    for version in (1, 2):
        rig.receiver.heard[0].verify(rig.secret(endpoint_id, version))


async def test_the_running_application_sends_at_once(rig: Rig) -> None:
    await rig.subscribe()
    arrived = asyncio.Event()

    async def tell() -> None:
        arrived.set()

    rig.receiver.before = tell
    running = asyncio.create_task(rig.parts.outgoing.run())
    await asyncio.sleep(0)  # let it begin to wait
    await rig.say()
    async with asyncio.timeout(PATIENCE_S):
        await arrived.wait()
        while await unsent(rig):
            assert len(rig.receiver.heard) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert len(rig.receiver.heard) == 1
