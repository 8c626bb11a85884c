"""One attempt: signed with the secrets of now, sent once, and whatever came of it told."""

import time

from app.clock import Clock
from app.outbound import Ask, Call, FetchRefused, Limits
from app.vault import Vault
from app.webhooks import pacing
from app.webhooks.claims import Attempt, Parcel
from app.webhooks.signing import headers

_LIMITS = Limits(max_bytes=65_536, timeout_s=15.0)
_RESPONSE_CHARS = 500


class WebhookSender:
    """Posts parcels to receivers."""

    def __init__(self, ask: Ask, vault: Vault, clock: Clock) -> None:
        self._ask = ask
        self._vault = vault
        self._clock = clock

    async def __call__(self, parcel: Parcel) -> Attempt:
        """Post it; only an answer of 2xx says that it has arrived."""
        at, begun = self._clock(), time.monotonic()
        body = parcel.payload.encode()
        to = parcel.to
        keys = self._vault.webhook_keys(to.endpoint_id, to.secret_version, to.old_secret_until, at)
        signed = headers(keys, parcel.webhook_id, at, body)
        call = Call("POST", (("Content-Type", "application/json"), *signed), body)
        try:
            reply = await self._ask(to.url, call, _LIMITS)
        except FetchRefused as refused:
            return Attempt(at, _ms_since(begun), error=refused.sentence)
        is_taken = 200 <= reply.status < 300
        return Attempt(
            at,
            _ms_since(begun),
            status=reply.status,
            error=None if is_taken else f"It answered with status {reply.status}.",
            response=reply.body.decode(errors="replace").replace("\0", "")[:_RESPONSE_CHARS],
            wait=pacing.asked_to_wait(reply.status, reply.header("retry-after"), at),
        )


def _ms_since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1_000)
