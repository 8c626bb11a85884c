"""What `benchmarks.api` asks of `/v1`: each documented list, filter and read, and writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.api.scopes import Scope
from benchmarks.api_store import Company

PREFIX = "/v1"


@dataclass(frozen=True)
class Asked:
    """One request, again and again."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Places:
    """Of a store: a conversation, its contact and a message, a page far behind, and an event."""

    conversation: str
    contact: str
    message: str
    deep: str
    last_event: int


def requests(company: Company, places: Places, now: datetime) -> dict[str, Asked]:
    """By name."""
    lists = _lists(company, now) | {
        "conversations?cursor=(deep)": f"/conversations?cursor={places.deep}"
    }
    reads = {name: f"{path}" for name, path in _reads(company, places, now).items()}
    asked = {name: Asked("GET", path) for name, path in (lists | reads).items()}
    return asked | _writes(places)


def _lists(company: Company, now: datetime) -> dict[str, str]:
    """Conversations with each filter: what many have, what few have, what only old ones have."""
    middle = (now - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    filters = {
        "": "",
        "status=resolved": "status=resolved",
        "status=snoozed (few)": "status=snoozed",
        "control": "control=queue",
        "waiting_on": "waiting_on=us",
        "priority": "priority=normal",
        "priority (few)": "priority=urgent",
        "assignee_id": f"assignee_id={company.owner_id}",
        "assignee_id (few)": f"assignee_id={company.other_id}",
        "inbox_id": f"inbox_id={company.inbox_id}",
        "label": "label=often",
        "label (few)": "label=rare",
        "label (old)": "label=old",
        "external_ref": "external_ref=ticket-7",
        "created_before": f"created_before={middle}",
        "created_after": f"created_after={middle}",
        "two (few)": "control=human&waiting_on=us",
        "three": "status=open&control=queue&waiting_on=us",
    }
    found = {}
    for name, query in filters.items():
        found[f"conversations?{name}"] = f"/conversations?{query}"
        found[f"conversations?{name}&sort=activity"] = f"/conversations?{query}&sort=activity"
    found["conversations?expand"] = "/conversations?expand=messages,contact,assignee"
    return found


def _reads(company: Company, places: Places, now: datetime) -> dict[str, str]:
    one, far = f"/conversations/{places.conversation}", places.last_event - 200
    hook, yesterday = f"/webhooks/{company.webhook_id}", (now - timedelta(days=1)).date()
    return {
        "conversations?contact_id": f"/conversations?contact_id={places.contact}",
        "conversation": one,
        "conversation?expand": f"{one}?expand=messages,contact,assignee",
        "messages": f"{one}/messages",
        "message": f"{one}/messages/{places.message}",
        "conversation events": f"{one}/events",
        **{f"transcript.{kind}": f"{one}/transcript.{kind}" for kind in ("txt", "html", "json")},
        "contacts": "/contacts",
        "contacts?external_id": "/contacts?external_id=c-7",
        "contacts?email": "/contacts?email=kim7@example.org",
        "contact": f"/contacts/{places.contact}",
        "contact export": f"/contacts/{places.contact}/export",
        "events": "/events?after=0",
        "events (far)": f"/events?after={far}",
        "ratings": "/ratings",
        "labels": "/labels",
        "agents": "/agents",
        "inboxes": "/inboxes",
        "articles": "/articles",
        "articles?state": "/articles?state=published",
        "articles?collection": "/articles?collection=Delivery",
        "articles?external_ref": "/articles?external_ref=page-7",
        "articles?q": "/articles?q=kind",
        "article": f"/articles/{company.article_id}",
        "gaps": "/gaps",
        "gaps?is_open (few)": "/gaps?is_open=true",
        "gaps?is_open=false": "/gaps?is_open=false",
        "canned replies": "/canned-replies",
        "report of a day": f"/reports?first={yesterday}&last={yesterday}",
        "audit": "/audit",
        "audit?area (few)": "/audit?area=member",
        "audit?agent_id (few)": f"/audit?agent_id={company.other_id}",
        "webhooks": "/webhooks",
        "webhook": hook,
        "deliveries": f"{hook}/deliveries",
        "deliveries?state (few)": f"{hook}/deliveries?state=failed",
        "connectors": "/connectors",
        "connector": f"/connectors/{company.connector_id}",
        "keys": "/keys",
        "models": "/models",
    }


def _writes(places: Places) -> dict[str, Asked]:
    one = f"/conversations/{places.conversation}"
    begun = {"contact": {"name": "Ada"}, "message": {"text": "Hello"}, "control": "queue"}
    return {
        "POST messages": Asked("POST", f"{one}/messages", {"text": "Where is my parcel?"}),
        "POST reply": Asked("POST", f"{one}/messages", {"role": "agent", "text": "Soon."}),
        "POST conversations": Asked("POST", "/conversations", begun),
        "PATCH conversation": Asked("PATCH", one, {"labels": ["often"]}),
        "POST handoff": Asked("POST", f"{one}/handoff", {}),
        "POST takeover": Asked("POST", f"{one}/takeover", {}),
        "POST resolve": Asked("POST", f"{one}/resolve", {}),
        "POST reopen": Asked("POST", f"{one}/reopen", {}),
        "POST summary": Asked("POST", f"{one}/summary", {}),
        "POST contacts": Asked("POST", "/contacts", {"external_id": "c-9", "name": "Kim"}),
        "POST keys": Asked("POST", "/keys", {"name": "more", "scopes": [Scope.KB_READ.value]}),
    }
