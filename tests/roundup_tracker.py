"""A real Roundup with its REST interface on a free port, made for a test and gone afterwards.

Its own server refuses to run as root, so its WSGI application is served; all else is the product.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.patience import PATIENCE_S

PASSWORD = "a long enough password"
US = "careline"
"""The account of the connector."""
DANA = "dana"
"""Somebody who answers tickets."""

_SERVE = """
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
from roundup.cgi.wsgi_handler import RequestDispatcher

class Quiet(WSGIRequestHandler):
    def log_message(self, *_): pass

home = sys.argv[1]
server = make_server("127.0.0.1", 0, lambda *asked: handle(*asked), handler_class=Quiet)
port = server.server_address[1]
config = open(home + "/config.ini").read().replace("PORT", str(port))
open(home + "/config.ini", "w").write(config)
handle = RequestDispatcher(home)
print(port, flush=True)
server.serve_forever()
"""


@dataclass(frozen=True)
class Tracker:
    """A running tracker, and what a person does in it."""

    url: str

    def client(self, user: str) -> httpx.AsyncClient:
        headers = {"X-Requested-With": "rest", "Origin": self.url, "Referer": f"{self.url}/"}
        auth = (user, PASSWORD)
        base_url = f"{self.url}/rest/data"
        return httpx.AsyncClient(base_url=base_url, headers=headers, auth=auth, timeout=PATIENCE_S)

    async def issues(self) -> list[dict[str, Any]]:
        """All of them with title, status and messages."""
        async with self.client(DANA) as client:
            found = await _data(await client.get("/issue?@fields=title,status,messages"))
        return list(found["collection"])

    async def issue(self, ref: str) -> dict[str, Any]:
        async with self.client(DANA) as client:
            data = await _data(await client.get(f"/issue/{ref}"))
        return dict(data["attributes"])

    async def texts(self, ref: str) -> list[str]:
        """What stands in an issue, oldest first."""
        async with self.client(DANA) as client:
            issue = (await _data(await client.get(f"/issue/{ref}")))["attributes"]
            refs = sorted(int(one["id"]) for one in issue["messages"])
            found = [await _data(await client.get(f"/msg/{one}?@verbose=3")) for one in refs]
        return [one["attributes"]["content"] for one in found]

    async def reply(self, ref: str, text: str, *, status: str | None = None) -> None:
        """Dana writes into an issue."""
        async with self.client(DANA) as client:
            message = await self._message(client, text)
            change: dict[str, Any] = {"@op": "add", "messages": [message]}
            await self._patch(client, ref, change)
            if status is not None:
                await self._patch(client, ref, {"status": status})

    async def set_status(self, ref: str, status: str) -> None:
        async with self.client(DANA) as client:
            await self._patch(client, ref, {"status": status})

    async def open_issue(self, title: str, text: str) -> str:
        """Dana files one for somebody who has called."""
        async with self.client(DANA) as client:
            message = await self._message(client, text)
            issue = {"title": title, "messages": [message], "nosy": [await self._id(client)]}
            return str((await _data(await client.post("/issue", json=issue)))["id"])

    async def _message(self, client: httpx.AsyncClient, text: str) -> str:
        who = await self._id(client)
        body = {"content": text, "author": who, "date": "."}
        return str((await _data(await client.post("/msg", json=body)))["id"])

    async def _id(self, client: httpx.AsyncClient) -> str:
        found = await _data(await client.get("/user", params={"username:": DANA}))
        return str(found["collection"][0]["id"])

    async def _patch(self, client: httpx.AsyncClient, ref: str, change: dict[str, Any]) -> None:
        etag = (await _data(await client.get(f"/issue/{ref}")))["@etag"]
        await _data(await client.patch(f"/issue/{ref}", json=change | {"@etag": etag}))


@contextlib.contextmanager
def running_tracker(folder: Path) -> Iterator[Tracker]:
    """Make a tracker in an empty folder and serve it for the block."""
    home = folder / "tracker"
    _admin(home, "install", "classic", "sqlite")
    config = (home / "config.ini").read_text()
    for name, value in (
        ("web", "http://127.0.0.1:PORT/"),
        ("domain", "example.com"),
        ("mailhost", "localhost"),
        ("password_pbkdf2_default_rounds", "1000"),  # it hashes the password of every request
    ):
        config = re.sub(rf"(?m)^#?\s*{name} = .*$", f"{name} = {value}", config, count=1)
    (home / "config.ini").write_text(config)
    _admin(home, "initialise", PASSWORD)
    for user, name in ((US, "Careline"), (DANA, "Dana Reyes")):
        values = (f"username={user}", f"realname={name}", f"password={PASSWORD}")
        _admin(home, "create", "user", *values, "roles=User", f"address={user}@example.com")
    mail = {"SENDMAILDEBUG": str(folder / "mail")}  # it writes mail there instead of sending it
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | mail,
    ) as served:
        assert served.stdout is not None
        try:
            port = served.stdout.readline().strip()
            assert port.isdecimal(), "the tracker did not start"
            yield Tracker(f"http://127.0.0.1:{port}")
        finally:
            served.terminate()


def _admin(home: Path, *words: str) -> None:
    program = Path(sys.executable).parent / "roundup-admin"
    command = [str(program), "-i", str(home), *words]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(words[:2])}: {done.stdout}{done.stderr}"


async def _data(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()["data"]
