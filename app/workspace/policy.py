"""What a company has decided about its data; stored in its settings, with defaults.

Office hours and the times of things that happen by themselves are read by
`conversations/care_policy.py` out of the same settings.
"""

from app.models import Workspace


def retention_days(workspace: Workspace) -> int | None:
    """Resolved conversations are emptied so many days after their last message; None keeps them."""
    return workspace.settings.get("retention_days") or None
