"""What a company has decided about its conversations; stored in its settings, with defaults."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from app.conversations.hours import OfficeHours
from app.models import Workspace


@dataclass(frozen=True)
class CarePolicy:
    """The hours, and how long things take to happen by themselves."""

    hours: OfficeHours
    resolved_after: timedelta = timedelta(hours=24)
    """`resolve_after_h`: silence after the bot's answer that counts as solved."""
    agent_gone_after: timedelta = timedelta(minutes=10)
    """`agent_gone_after_min`: an agent unseen for so long does not keep a customer waiting."""
    archived_after: timedelta = timedelta(days=30)
    """`archive_after_days`: a resolved conversation then becomes read-only."""

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """The company's."""
        stored = workspace.settings
        return cls(
            OfficeHours.read(stored.get("office_hours"), workspace.timezone),
            timedelta(hours=stored.get("resolve_after_h", 24)),
            timedelta(minutes=stored.get("agent_gone_after_min", 10)),
            timedelta(days=stored.get("archive_after_days", 30)),
        )
