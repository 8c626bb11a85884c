"""What a company has decided about its bot and its data; stored in its settings, with defaults.

Office hours and the times of things that happen by themselves are read by
`conversations/care_policy.py` out of the same settings.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from app.models import Workspace


class ReleaseMode(StrEnum):
    """What a customer sees at a time while the bot writes."""

    SENTENCE = "sentence"
    TOKEN = "token"


class AnswerMode(StrEnum):
    """Whether facts may only be copied from articles."""

    SPANS = "spans"
    FREE = "free"


@dataclass(frozen=True)
class BotPolicy:
    """The company's choices."""

    release: ReleaseMode = ReleaseMode.SENTENCE
    mode: AnswerMode = AnswerMode.SPANS
    masks_pii: bool = False
    """Card numbers, IBANs, addresses and phone numbers are masked before the model sees them."""
    guidance: str = ""
    """What the bot should keep in mind in every answer."""
    retention_days: int | None = None
    """Resolved conversations are emptied so many days after their last message; None keeps them."""

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """The company's."""
        stored = workspace.settings
        return cls(
            release=ReleaseMode(stored.get("release_mode", ReleaseMode.SENTENCE)),
            mode=AnswerMode(stored.get("answer_mode", AnswerMode.SPANS)),
            masks_pii=bool(stored.get("mask_pii", False)),
            guidance=str(stored.get("bot_guidance", "")),
            retention_days=stored.get("retention_days") or None,
        )
