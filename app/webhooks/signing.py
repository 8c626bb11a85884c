"""Signatures of Standard Webhooks 1.0.0: HMAC-SHA256 over id, time and body; pure.

A secret is told as `whsec_` and base64. While one replaces another, two signatures are sent and a
receiver takes either.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from app.errors import NotSignedIn

TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"
_MAX_ID_CHARS = 200


def told(key: bytes) -> str:
    """The secret as a receiver configures it."""
    return _PREFIX + b64encode(key).decode()


def headers(
    keys: Sequence[bytes], webhook_id: str, at: datetime, body: bytes
) -> tuple[tuple[str, str], ...]:
    """The three headers of one attempt, with a signature of each key."""
    seconds = str(int(at.timestamp()))
    signatures = " ".join(f"v1,{_mac(key, webhook_id, seconds, body)}" for key in keys)
    return (
        ("webhook-id", webhook_id),
        ("webhook-timestamp", seconds),
        ("webhook-signature", signatures),
    )


def verify(keys: Sequence[bytes], given: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of a webhook whose signature is one of these keys'.

    Raises:
        NotSignedIn: a header is missing, the time is more than five minutes off, or no signature
            fits.
    """
    webhook_id = given.get("webhook-id", "")
    seconds = given.get("webhook-timestamp", "")
    is_plain = seconds.isascii() and seconds.isdecimal() and len(seconds) <= 12
    if not 0 < len(webhook_id) <= _MAX_ID_CHARS or not is_plain:
        raise NotSignedIn("The headers webhook-id and webhook-timestamp are needed.")
    if abs(int(seconds) - now.timestamp()) > TOLERANCE.total_seconds():
        raise NotSignedIn("The time of this webhook is more than five minutes off.")
    wanted = [_mac(key, webhook_id, seconds, body) for key in keys]
    for signature in given.get("webhook-signature", "").split(" "):
        version, _, mac = signature.partition(",")
        if version == "v1" and any(_is_same(mac, one) for one in wanted):
            return webhook_id
    raise NotSignedIn("No signature of this webhook is one of this secret's.")


def _is_same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _mac(key: bytes, webhook_id: str, seconds: str, body: bytes) -> str:
    signed = b".".join((webhook_id.encode(), seconds.encode(), body))
    return b64encode(hmac.digest(key, signed, sha256)).decode()
