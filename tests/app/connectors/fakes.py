"""Stand-ins for ticket systems that cannot run here, in the shapes of their documentation.

Each keeps one table of tickets with comments and answers the calls that its documentation names; a
call that it does not name is a 404 and fails the test.
"""

import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.loopback import Answer, Request, serving_http

SECRET = "a-token"
OUR_ID, DANA_ID, MIA_ID = 7, 8, 9
NAMES = {OUR_ID: "Careline", DANA_ID: "Dana Reyes", MIA_ID: "Mia"}
_MOMENT = "2099-01-01T00:00:{:02d}Z"


@dataclass
class Said:
    """A comment."""

    id: int
    author_id: int
    text: str
    is_public: bool = True


@dataclass
class Held:
    """A ticket."""

    id: int
    subject: str
    status: str
    external_id: str | None = None
    comments: list[Said] = field(default_factory=list)
    num_changes: int = 0
    tags: list[str] = field(default_factory=list)


class Fake:
    """What they have in common: tickets, and people who work on them."""

    url: str = ""
    kind: ClassVar[str]
    resolved: ClassVar[str]

    def __init__(self) -> None:
        self.tickets: list[Held] = []
        self.num_made = 0
        self.refused: list[Request] = []

    def hold(self, subject: str, status: str, external_id: str | None = None) -> Held:
        self.tickets.append(Held(len(self.tickets) + 1, subject, status, external_id))
        return self.tickets[-1]

    def write(self, held: Held, author_id: int, text: str, *, is_public: bool = True) -> Said:
        self.num_made += 1
        held.num_changes += 1
        held.comments.append(Said(100 + self.num_made, author_id, text, is_public))
        return held.comments[-1]

    def is_ours(self, request: Request) -> bool:
        raise NotImplementedError

    def answer(self, request: Request, path: str, body: Any) -> Any:
        """The JSON of the answer; None: there is no such call."""
        raise NotImplementedError

    async def respond(self, request: Request) -> Answer:
        if not self.is_ours(request):
            return Answer(401, b'{"error": "Could not authenticate you"}')
        body = json.loads(request.body) if request.body else None
        told = self.answer(request, request.target.partition("?")[0], body)
        if told is None:
            self.refused.append(request)
            return Answer(404, b'{"error": "no such call"}')
        status = 201 if request.method == "POST" else 200
        return Answer(status, json.dumps(told).encode())

    def at(self, path: str, pattern: str) -> Held | None:
        found = re.fullmatch(pattern, path)
        return self.tickets[int(found[1]) - 1] if found else None


class FakeZendesk(Fake):
    kind, resolved = "zendesk", "solved"

    def is_ours(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Basic ")
        return b64decode(given).decode() == f"bot@careline.example/token:{SECRET}"

    def answer(self, request: Request, path: str, body: Any) -> Any:
        if path == "/api/v2/users/me.json":
            return {"user": {"id": OUR_ID, "name": "Careline", "role": "agent"}}
        if path == "/api/v2/tickets.json" and request.method == "GET":
            wanted = request.target.partition("external_id=")[2]
            found = [self.shown(one) for one in self.tickets if one.external_id == wanted]
            return {"tickets": found, "count": len(found)}
        if path == "/api/v2/tickets.json":
            given = body["ticket"]
            assert request.headers["idempotency-key"] == given["external_id"]
            made = self.hold(given["subject"], "new", given["external_id"])
            made.tags = given["tags"]
            author_id = given.get("submitter_id", MIA_ID)  # of the first comment, as documented
            return self.audited(made, self.write(made, author_id, given["comment"]["body"]))
        if path == "/api/v2/incremental/tickets/cursor.json":
            seen = re.search(r"cursor=(\d+)", request.target)
            total = sum(one.num_changes for one in self.tickets)
            fresh = self.tickets if seen and int(seen[1]) < total else []
            return {
                "tickets": [self.shown(one) for one in fresh],
                "users": self.users(),
                "after_cursor": str(total),
                "end_of_stream": True,
            }
        if held := self.at(path, r"/api/v2/tickets/(\d+)/comments\.json"):
            shown = [
                {"id": s.id, "body": s.text, "author_id": s.author_id, "public": s.is_public}
                for s in held.comments
            ]
            return {"comments": shown, "users": self.users(), "meta": {"has_more": False}}
        if held := self.at(path, r"/api/v2/tickets/(\d+)\.json"):
            if request.method == "GET":
                return {"ticket": self.shown(held), "users": self.users()}
            return self.change(held, body["ticket"])
        return None

    def change(self, held: Held, given: Any) -> Any:
        if "status" in given:
            held.status, held.num_changes = given["status"], held.num_changes + 1
        if "comment" not in given:
            return self.audited(held, None)
        comment = given["comment"]
        said = self.write(held, OUR_ID, comment["body"], is_public=comment["public"])
        return self.audited(held, said)

    def audited(self, held: Held, said: Said | None) -> Any:
        events = [{"id": said.id, "type": "Comment"}] if said else []
        return {"ticket": self.shown(held), "audit": {"events": events}}

    def shown(self, held: Held) -> Any:
        return {
            "id": held.id,
            "subject": held.subject,
            "status": held.status,
            "external_id": held.external_id,
            "requester_id": MIA_ID,
            "tags": held.tags,
        }

    def users(self) -> Any:
        roles = {OUR_ID: "agent", DANA_ID: "agent", MIA_ID: "end-user"}
        return [
            {"id": one, "name": NAMES[one], "role": roles[one], "email": f"{one}@example.com"}
            for one in roles
        ]


class FakeZammad(Fake):
    kind, resolved = "zammad", "closed"

    def is_ours(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Token token={SECRET}"

    def answer(self, request: Request, path: str, body: Any) -> Any:
        if path == "/api/v1/users/me":
            return {"id": OUR_ID, "login": "careline@example.com"}
        if path == "/api/v1/tickets":
            assert body["group"] and body["customer_id"].startswith("guess:")
            made = self.hold(body["title"], "new")
            said = self.write(made, OUR_ID, body["article"]["body"])
            return {"id": made.id, "number": f"5{made.id}", "article_ids": [said.id]}
        if path == "/api/v1/ticket_articles":
            known = self.tickets[body["ticket_id"] - 1]
            said = self.write(known, OUR_ID, body["body"], is_public=not body["internal"])
            return {"id": said.id, "ticket_id": known.id}
        if path == "/api/v1/tickets/search":
            assert "expand=true" in request.target
            return [self.shown(one) for one in self.tickets]
        if held := self.at(path, r"/api/v1/ticket_articles/by_ticket/(\d+)"):
            return [self.article(said) for said in held.comments]
        if held := self.at(path, r"/api/v1/tickets/(\d+)"):
            assert body["state"] != "pending reminder" or body["pending_time"]
            held.status = body["state"]
            return self.shown(held)
        return None

    def shown(self, held: Held) -> Any:
        return {
            "id": held.id,
            "title": held.subject,
            "state": held.status,
            "customer": "mia@example.com",
            "created_by_id": held.comments[0].author_id if held.comments else MIA_ID,
            "updated_at": _MOMENT.format(held.num_changes),
        }

    def article(self, said: Said) -> Any:
        return {
            "id": said.id,
            "body": said.text.replace("\n", "<br>"),
            "content_type": "text/html",
            "from": f"{NAMES[said.author_id]} <x@example.com>",
            "sender": "Customer" if said.author_id == MIA_ID else "Agent",
            "internal": not said.is_public,
            "created_by_id": said.author_id,
        }


class FakeFreshdesk(Fake):
    kind, resolved = "freshdesk", "4"

    def is_ours(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Basic ")
        return b64decode(given).decode() == f"{SECRET}:X"

    def answer(self, request: Request, path: str, body: Any) -> Any:
        if path == "/api/v2/agents/me":
            return {"id": OUR_ID, "contact": {"name": "Careline"}}
        if path == "/api/v2/tickets" and request.method == "POST":
            assert body["email"] and 1 <= body["priority"] <= 4
            made = self.hold(body["subject"], str(body["status"]))
            made.tags = body["tags"]
            self.write(made, OUR_ID, body["description"])
            return self.shown(made)
        if path == "/api/v2/tickets":
            assert "updated_since=" in request.target and "description" in request.target
            return [self.shown(one) for one in self.tickets]
        if held := self.at(path, r"/api/v2/tickets/(\d+)/notes"):
            said = self.write(held, OUR_ID, body["body"], is_public=not body["private"])
            return {"id": said.id}
        if held := self.at(path, r"/api/v2/tickets/(\d+)/conversations"):
            return [
                {
                    "id": s.id,
                    "body_text": s.text,
                    "incoming": s.author_id == MIA_ID,
                    "private": not s.is_public,
                    "user_id": s.author_id,
                }
                for s in held.comments[1:]
            ]
        if held := self.at(path, r"/api/v2/tickets/(\d+)"):
            held.status = str(body["status"])
            return self.shown(held)
        return None

    def shown(self, held: Held) -> Any:
        return {
            "id": held.id,
            "subject": held.subject,
            "status": int(held.status),
            "updated_at": _MOMENT.format(held.num_changes),
            "requester": {"name": "Mia", "email": "mia@example.com"},
            "description_text": held.comments[0].text if held.comments else "",
            "tags": held.tags,
        }


@asynccontextmanager
async def serving_fake(fake: Fake) -> AsyncIterator[Fake]:
    """Its HTTP for the block; afterwards nothing it does not know may have been asked."""
    async with serving_http(fake.respond) as port:
        fake.url = f"http://127.0.0.1:{port}"
        yield fake
    assert [one.target for one in fake.refused] == []
