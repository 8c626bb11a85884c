"""HEAD is there wherever GET is and says what GET would; what is not there is told with `Allow`."""

import httpx
import pytest
from fastapi.routing import APIRoute

from app.api.routers import ROUTERS
from app.api.scopes import Scope
from tests.api_client import Api, told
from tests.conftest import Served

OWN = {"date", "x-request-id", "ratelimit"}
"""Headers that no two answers share."""


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


async def test_every_list_and_every_page_has_a_head(http: httpx.AsyncClient) -> None:
    routes = [route for router in ROUTERS for route in router.routes]
    paths = [
        route.path
        for route in routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()) and "{" not in route.path
    ]
    assert len(paths) > 15
    for path in (*paths, "/v1/nowhere", "/dashboard/sign-in", "/livez", "/docs"):
        whole, head = await http.get(path), await http.head(path)

        assert head.status_code == whole.status_code, path
        assert head.content == b"", path
        assert _shared(head) == _shared(whole), path


async def test_the_head_of_one_thing_names_its_state(http: httpx.AsyncClient) -> None:
    path = (await http.post("/v1/contacts", json={"name": "Kim"})).headers["Location"]

    whole, head = await http.get(path), await http.head(path)

    assert head.headers["ETag"] == whole.headers["ETag"]
    assert int(head.headers["Content-Length"]) == len(whole.content)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/conversations", "GET, HEAD, POST"),
        ("HEAD", "/v1/triage", "POST"),
        ("GET", "/v1/answers", "POST"),
        ("DELETE", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/dashboard/sign-in", "GET, HEAD, POST"),
    ],
)
async def test_a_wrong_method_is_told_all_that_are_right(
    http: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    for accept in ("application/json", "text/html"):
        answer = await http.request(method, path, headers={"Accept": accept})

        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


async def test_no_key_and_a_lacking_scope_are_told_by_head_too(api: Api) -> None:
    reader = await api.client(Scope.KB_READ)

    assert (await api.with_headers().head("/v1/contacts")).status_code == 401
    assert (await reader.head("/v1/contacts")).status_code == 403
    assert told(await reader.get("/v1/articles"))["data"] == []


async def test_a_real_server_sends_no_body(served: Served) -> None:
    """The next request on the connection would be read from it."""
    async with httpx.AsyncClient(base_url=served.http_url) as client:
        head = await client.head("/livez")
        again = await client.get("/livez")

    assert head.content == b"" and head.headers["Content-Length"] == str(len(again.content))
    assert again.status_code == 200


def _shared(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower() not in OWN}
