"""Noting what somebody does, in the same unit of work: it is noted if and only if it was done.

Names and settings are noted, customers' words and secrets never.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.database import Work
from app.ids import new_id
from app.models import AuditEntry
from app.speakers import SignedInAgent

_MAX_TARGET_CHARS = 300
_MAX_VALUE_CHARS = 200

Changes = Mapping[str, tuple[object, object]]
"""By field: before and after."""


@dataclass(frozen=True)
class Doer:
    """An agent at an address, or a program that acts for one."""

    agent: SignedInAgent
    address: str | None = None
    name: str | None = None
    """Of the program, such as `api key Helpdesk`."""


def note(work: Work, doer: Doer, action: str, target: str, changes: Changes | None = None) -> None:
    """Add an entry; `action` is `thing.done`, fields that stayed as they were are left out."""
    changed = {
        name: [_told(before), _told(after)]
        for name, (before, after) in (changes or {}).items()
        if before != after
    }
    work.session.add(
        AuditEntry(
            id=new_id(),
            created_at=work.clock(),
            workspace_id=doer.agent.workspace_id,
            agent_id=doer.agent.agent_id,
            agent_name=doer.name or doer.agent.name,
            action=action,
            target=target[:_MAX_TARGET_CHARS],
            details=changed,
            address=doer.address,
        )
    )


def _told(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= _MAX_VALUE_CHARS else f"{text[: _MAX_VALUE_CHARS - 1]}…"
