"""`/v1/webhooks` as a program uses it; another company's are not there."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.api.scopes import Scope
from tests.api_client import Api, told
from tests.app.webhooks.conftest import Rig
from tests.factories import open_shop
from tests.loopback import Answer

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@pytest.fixture
async def api(rig: Rig) -> AsyncIterator[Api]:
    made = Api(rig.parts, rig.shop)
    yield made
    await made.close()


@pytest.fixture
async def http(api: Api) -> httpx.AsyncClient:
    return await api.client(Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE)


async def make(http: httpx.AsyncClient, url: str, **changed: object) -> dict[str, str]:
    body = {"name": "CRM", "url": url} | changed
    return dict(told(await http.post("/v1/webhooks", json=body), 201))


async def test_a_subscription_is_made_read_changed_and_ended(
    rig: Rig, http: httpx.AsyncClient
) -> None:
    made = await make(http, rig.receiver.url, event_types=["message.created"])
    path = f"/v1/webhooks/{made['id']}"
    read = await http.get(path)
    changed = await http.patch(
        path, json={"enabled": False}, headers={"If-Match": read.headers["etag"]}
    )
    late = await http.patch(
        path, json={"name": "Other"}, headers={"If-Match": read.headers["etag"]}
    )
    listed = await http.get("/v1/webhooks")
    ended = await http.delete(path)

    assert made["secret"].startswith("whsec_")
    assert "secret" not in told(read)
    assert told(changed)["enabled"] is False and late.status_code == 412
    assert [one["id"] for one in told(listed)["data"]] == [made["id"]]
    assert ended.status_code == 204 and (await http.get(path)).status_code == 404


async def test_deliveries_are_told_page_by_page_and_sent_again(
    rig: Rig, http: httpx.AsyncClient
) -> None:
    made = await make(http, rig.receiver.url)
    path = f"/v1/webhooks/{made['id']}"
    for n in range(5):
        await rig.say(f"{n}", who=f"{n}")
    await rig.runner.run_due()
    first = told(await http.get(f"{path}/deliveries?limit=3"))
    second = told(await http.get(first["links"]["next"]))
    one = first["data"][0]
    again = told(await http.post(f"{path}/deliveries/{one['id']}/redeliver"), 202)
    await rig.runner.run_due()

    assert [len(page["data"]) for page in (first, second)] == [3, 2]
    assert one["state"] == "delivered" and one["log"][0]["status"] == 200
    assert again["webhook_id"] == one["webhook_id"] == rig.receiver.heard[-1].webhook_id
    assert len(rig.receiver.heard) == 6
    assert second["meta"]["has_more"] is False


async def test_a_test_is_sent_and_a_new_secret_signs_beside_the_old_one(
    rig: Rig, http: httpx.AsyncClient
) -> None:
    made = await make(http, rig.receiver.url)
    path = f"/v1/webhooks/{made['id']}"
    rotated = told(await http.post(f"{path}/rotate"))
    twice = await http.post(f"{path}/rotate")
    told(await http.post(f"{path}/test"), 202)
    await rig.runner.run_due()

    [heard] = rig.receiver.heard
    assert rotated["secret"] != made["secret"] and twice.status_code == 409
    for secret in (made["secret"], rotated["secret"]):
        assert heard.verify(secret)["type"] == "webhook.test"


async def test_what_was_waiting_goes_first_when_it_is_enabled_again(
    rig: Rig, http: httpx.AsyncClient
) -> None:
    made = await make(http, rig.receiver.url)
    path = f"/v1/webhooks/{made['id']}"
    rig.receiver.answer = Answer(410)
    await rig.say("one")
    await rig.say("two")
    await rig.runner.run_due()
    off = told(await http.get(path))
    refused = await http.post(f"{path}/test")
    rig.receiver.answer = Answer()
    on = told(await http.patch(path, json={"enabled": True}))
    rig.clock.go_on(seconds=6)
    await rig.runner.run_due()

    assert (off["enabled"], on["enabled"], on["disabled_reason"]) == (False, True, None)
    assert "410" in off["disabled_reason"] and refused.status_code == 409
    assert [seq for _, seq in rig.receiver.places] == [1, 1, 2]


async def test_a_key_without_the_scope_and_another_company_find_nothing(
    rig: Rig, api: Api, http: httpx.AsyncClient
) -> None:
    made = await make(http, rig.receiver.url)
    path = f"/v1/webhooks/{made['id']}"
    reader = await api.client(Scope.WEBHOOKS_READ)
    stranger = await api.client(shop=await open_shop(rig.parts.database, "pk_other"))

    assert (await reader.post("/v1/webhooks", json={})).status_code == 403
    assert (await reader.delete(path)).status_code == 403
    assert told(await stranger.get("/v1/webhooks"))["data"] == []
    for asked in ("", "/deliveries"):
        assert (await stranger.get(path + asked)).status_code == 404
    for asked in ("/rotate", "/test", f"/deliveries/{made['id']}/redeliver"):
        assert (await stranger.post(path + asked)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "CRM"},
        {"name": "", "url": "https://crm.example"},
        {"name": "CRM", "url": "javascript:alert(1)"},
        {"name": "CRM", "url": "https://crm.example", "event_types": ["moon.rose"]},
        {"name": "CRM", "url": "https://crm.example", "secret": "mine"},
        {
            "name": "CRM",
            "url": "https://crm.example",
            "inbox_ids": ["00000000-0000-0000-0000-000000000007"],
        },
    ],
)
async def test_what_does_not_fit_is_refused(
    http: httpx.AsyncClient, body: dict[str, object]
) -> None:
    assert (await http.post("/v1/webhooks", json=body)).status_code == 422
