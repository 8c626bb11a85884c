"""Signs tokens as a company's server would, and in all the ways one that lies would."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.audit.service import Doer
from app.identity.service import create_secret
from app.models import Inbox
from app.parts import Parts
from app.vocabulary import AgentRole
from tests.factories import Shop


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sign(head: dict[str, Any], claims: dict[str, Any], secret: str, digest: str = "sha256") -> str:
    """A compact JWT, written out by RFC 7515 and not by the library under test."""
    parts = [_b64(json.dumps(one).encode()) for one in (head, claims)]
    mac = hmac.new(secret.encode(), ".".join(parts).encode(), getattr(hashlib, digest))
    return ".".join([*parts, _b64(mac.digest())])


@dataclass(frozen=True)
class Signer:
    """A company's server with one secret."""

    kid: str
    secret: str

    def token(self, sub: str = "u1", *, expires_in_s: float = 600, **claims: Any) -> str:
        """For this person, with these claims besides."""
        moment = datetime.now(UTC).timestamp()
        head = {"alg": "HS256", "typ": "JWT", "kid": self.kid}
        return sign(head, {"sub": sub, "exp": int(moment + expires_in_s)} | claims, self.secret)


async def new_signer(parts: Parts, shop: Shop, name: str = "Server") -> Signer:
    """A secret of the shop's site."""
    async with parts.database.work() as work:
        inbox = await work.session.get_one(Inbox, shop.inbox_id)
        doer = Doer(shop.agents[AgentRole.ADMIN])
        shown = await create_secret(work, parts.secrets, doer, inbox, name)
    return Signer(shown.row.kid, shown.secret)
