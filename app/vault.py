"""What other systems know as secret: ours follow from the installation's key, theirs are encrypted.

Neither can be read out of a copy of the database.
"""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken

from app.errors import Unavailable


class Vault:
    """Everything that the installation's key opens for talking to other systems."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._fernet = Fernet(urlsafe_b64encode(hmac.digest(key, b"credentials", sha256)))

    def webhook_key(self, endpoint_id: UUID, version: int) -> bytes:
        """The 32 bytes an endpoint's webhooks are signed with, the same whenever asked."""
        return hmac.digest(self._key, b"webhook:%s:%d" % (endpoint_id.bytes, version), sha256)

    def webhook_keys(
        self, endpoint_id: UUID, version: int, old_until: datetime | None, now: datetime
    ) -> tuple[bytes, ...]:
        """What is good now, the newest first: two keys while one replaces the other."""
        is_replacing = old_until is not None and now < old_until
        versions = (version, version - 1) if is_replacing else (version,)
        return tuple(self.webhook_key(endpoint_id, one) for one in versions)

    def seal(self, text: str) -> str:
        """Encrypt what must be told to another system again."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """What was sealed.

        Raises:
            Unavailable: it was sealed with another key.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise Unavailable("These credentials were stored under another key.") from error
