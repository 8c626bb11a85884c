"""What no bot answers, whatever its articles say."""

from enum import StrEnum


class Topic(StrEnum):
    """Subjects that go to a human at once."""

    SELF_HARM = "self_harm"
    SAFETY = "safety"
    FRAUD = "fraud"
    MONEY = "money"
    """Money that was taken and should not have been."""
    LEGAL = "legal"
    COMPLAINT = "complaint"
    ABUSE = "abuse"
