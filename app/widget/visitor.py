"""The widget over HTTP: whose token came along, from which page, for files and transcripts.

Whoever holds the token is the customer; no cookie takes part. So any page may read an answer, as
far as browsers are concerned, and the site's own list of pages is checked here.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response

from app import access
from app.conversations import visitors
from app.dependencies import PartsDep, SnapshotDep
from app.errors import Forbidden, NotSignedIn
from app.live.origin import is_allowed
from app.speakers import Customer

VISITOR_PREFIX = "/widget/{site}"
_BEARER = "Bearer "


async def _visitor(request: Request, parts: PartsDep, session: SnapshotDep, site: str) -> Customer:
    inbox = await access.inbox(session, site)
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if not is_allowed(origin, host, inbox.allowed_origins):
        raise Forbidden("This page may not use the chat.")
    sent = request.headers.get("authorization", "")
    if not sent.startswith(_BEARER):
        raise NotSignedIn("A visitor's token is missing.")
    token = sent.removeprefix(_BEARER)
    return await visitors.recognise(session, parts.secrets, parts.clock, inbox, token)


VisitorDep = Annotated[Customer, Depends(_visitor)]
"""The customer whose token came along; NotSignedIn, NotFound or Forbidden otherwise."""


def preflight() -> Response:
    """The answer to a browser that asks whether a page may send a token."""
    headers = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type, X-File-Name",
        "Access-Control-Max-Age": "7200",
    }
    return Response(status_code=204, headers=headers)
