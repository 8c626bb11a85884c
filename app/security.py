"""Passwords, tokens and signatures; whoever has the secret key can make all but the passwords.

Visitor tokens are 256 random bits, signed for one site and stamped, so that one handed out to a
widget that never said a word is recognised without having been stored. Of a stored one only the
hash is kept.
"""

import hashlib
import hmac
import secrets as random
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadData, TimestampSigner, URLSafeSerializer, URLSafeTimedSerializer

from app.errors import BadSettings, Invalid

_hasher = PasswordHasher()  # argon2id with the library's current parameters
_MIN_SECRET_BYTES = 32
_DAY_S = 86_400


def hash_password(password: str) -> str:
    """The argon2id hash to store; takes tens of milliseconds, so not on the event loop."""
    return _hasher.hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether it is the one that was hashed; as slow for an account that does not exist."""
    try:
        _hasher.verify(password_hash or _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(random.token_urlsafe(16))


def hash_token(token: str) -> str:
    """What is stored of a random token; it has enough entropy for a plain hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_secret_key(path: Path) -> bytes:
    """The key of this installation, made at the first start, readable by its owner only.

    Raises:
        BadSettings: the file is there but holds no key.
    """
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(random.token_hex(_MIN_SECRET_BYTES))
    key = path.read_text().strip().encode()
    if len(key) < _MIN_SECRET_BYTES:
        raise BadSettings(f"{path} holds no usable key; delete it to have a new one made.")
    return key


@dataclass(frozen=True)
class AgentPass:
    """What an agent's cookie says."""

    agent_id: UUID
    password_mark: str
    """Changes with the password, so that old cookies end with it."""


class Secrets:
    """Everything that is signed with the installation's key."""

    def __init__(self, key: bytes, *, visitor_days: int, sign_in_days: int) -> None:
        self._key = key
        self._visitor_s = visitor_days * _DAY_S
        self._sign_in_s = sign_in_days * _DAY_S
        self._cursors = URLSafeSerializer(key, salt="cursor")
        self._cookies = URLSafeTimedSerializer(key, salt="agent-cookie")

    def new_visitor_token(self, site: str) -> str:
        """A token for a widget of this site."""
        return self._visitors(site).sign(random.token_urlsafe(32)).decode()

    def is_visitor_token(self, site: str, token: str) -> bool:
        """Whether we made it for this site, not too long ago."""
        try:
            self._visitors(site).unsign(token, max_age=self._visitor_s)
        except BadData:
            return False
        return True

    def agent_cookie(self, agent_id: UUID, password_hash: str) -> str:
        """The value of a signed-in agent's cookie."""
        claims = {"agent": str(agent_id), "mark": _mark(password_hash), "n": random.token_hex(8)}
        return str(self._cookies.dumps(claims))

    def read_agent_cookie(self, cookie: str) -> AgentPass | None:
        """What a cookie says, if it is ours and not too old."""
        try:
            claims = self._cookies.loads(cookie, max_age=self._sign_in_s)
            return AgentPass(UUID(claims["agent"]), claims["mark"])
        except (BadData, KeyError, ValueError, TypeError):
            return None

    def csrf_token(self, cookie: str) -> str:
        """What a page of ours must send back with this cookie; other sites cannot read it."""
        return hmac.new(self._key, b"csrf:" + cookie.encode(), hashlib.sha256).hexdigest()

    def is_csrf_token(self, cookie: str, token: str) -> bool:
        """Whether the token belongs to the cookie."""
        return hmac.compare_digest(self.csrf_token(cookie).encode(), token.encode())

    def prefix_salt(self, workspace_id: UUID) -> bytes:
        """What keeps a workspace's cached prefixes apart; nobody outside can compute it."""
        return hmac.new(self._key, b"prefix:" + workspace_id.bytes, hashlib.sha256).digest()

    def identity_secret(self, secret_id: UUID) -> str:
        """What a company's server signs identities with; it can be told again, so it is not."""
        mac = hmac.new(self._key, b"identity:" + secret_id.bytes, hashlib.sha256).digest()
        return f"cis_{urlsafe_b64encode(mac).decode().rstrip('=')}"

    def seal_cursor(self, values: list[str]) -> str:
        """An opaque place in a list."""
        return str(self._cursors.dumps(values))

    def open_cursor(self, cursor: str) -> list[str]:
        """The values of a cursor.

        Raises:
            Invalid: we did not make it.
        """
        try:
            return list(self._cursors.loads(cursor))
        except BadData as error:
            raise Invalid("This cursor is not one of ours.") from error

    def _visitors(self, site: str) -> TimestampSigner:
        return TimestampSigner(self._key, salt=f"visitor:{site}")


def is_password_mark(mark: str, password_hash: str) -> bool:
    """Whether a cookie was made while this password was in force."""
    return hmac.compare_digest(mark, _mark(password_hash))


def _mark(password_hash: str) -> str:
    return hashlib.sha256(password_hash.encode()).hexdigest()[:16]
