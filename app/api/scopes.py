"""What a key may do; `admin` may do everything."""

from collections.abc import Iterable
from enum import StrEnum


class Scope(StrEnum):
    """A right of a key; `write` does not include `read`."""

    CONVERSATIONS_READ = "conversations:read"
    CONVERSATIONS_WRITE = "conversations:write"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    KB_READ = "kb:read"
    KB_WRITE = "kb:write"
    ANSWERS_CREATE = "answers:create"
    LLM_INVOKE = "llm:invoke"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    REPORTS_READ = "reports:read"
    ADMIN = "admin"


def may_write(scopes: Iterable[Scope]) -> bool:
    """Whether a key with these scopes may change anything."""
    return any(scope is Scope.ADMIN or scope.endswith(":write") for scope in scopes)
