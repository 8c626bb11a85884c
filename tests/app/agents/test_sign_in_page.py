"""The door over HTTP: the cookie, the throttle, and who may come in."""

import httpx
import pytest

from app.agents.cookies import COOKIE_NAME
from app.settings import Settings
from app.vocabulary import AgentRole
from tests.conftest import Served
from tests.factories import PASSWORD
from tests.patience import PATIENCE_S


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"sign_in_failures": 3})


async def try_to_sign_in(http: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    return await http.post("/dashboard/sign-in", data={"email": email, "password": password})


async def test_the_cookie_is_for_the_server_only_and_opens_the_dashboard(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.http_url, timeout=PATIENCE_S) as http:
        before = await http.get("/dashboard")
        signed_in = await try_to_sign_in(http, served.shop.email(AgentRole.AGENT), PASSWORD)
        after = await http.get("/dashboard")

    assert (before.status_code, before.headers["Location"]) == (303, "/dashboard/sign-in")
    assert (signed_in.status_code, signed_in.headers["Location"]) == (303, "/dashboard")
    cookie = signed_in.headers["Set-Cookie"].lower()
    assert cookie.startswith(f"{COOKIE_NAME}=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert (after.status_code, after.headers["Cache-Control"]) == (200, "no-cache")


async def test_wrong_passwords_wear_out(served: Served) -> None:
    email = served.shop.email(AgentRole.AGENT)
    async with httpx.AsyncClient(base_url=served.http_url, timeout=PATIENCE_S) as http:
        wrong = [(await try_to_sign_in(http, email, "wrong")).status_code for _ in range(4)]
        right = await try_to_sign_in(http, email, PASSWORD)

    assert wrong == [401, 401, 401, 429]
    assert (right.status_code, "Set-Cookie" in right.headers) == (429, False)


async def test_signing_out_needs_a_form_of_ours(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.http_url, timeout=PATIENCE_S) as http:
        await try_to_sign_in(http, served.shop.email(AgentRole.AGENT), PASSWORD)
        forged = await http.post("/dashboard/sign-out", data={"csrf": "0" * 64})
        csrf = served.parts.secrets.csrf_token(http.cookies[COOKIE_NAME])
        signed_out = await http.post("/dashboard/sign-out", data={"csrf": csrf})
        after = await http.get("/dashboard")

    assert (forged.status_code, signed_out.status_code, after.status_code) == (403, 303, 303)
