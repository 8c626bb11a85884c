"""What a company has decided about its bot's answers; stored in its settings, with defaults."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self, TypeVar

from app.models import Workspace

Word = TypeVar("Word", bound=StrEnum)


class PiiMasking(StrEnum):
    """What is done about cards, IBANs, e-mail addresses and telephone numbers (`mask_pii`)."""

    MODEL = "model"
    """The model and the list of gaps get their kind instead; messages are stored as written."""
    STORED = "stored"
    """Messages of customers are stored so, too."""
    OFF = "off"


@dataclass(frozen=True)
class AnswerPolicy:
    """How the bot answers."""

    mask_pii: PiiMasking = PiiMasking.MODEL

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """The company's; a word that is no longer known is as if it had not been said."""
        stored = workspace.settings
        return cls(mask_pii=_word(stored.get("mask_pii"), PiiMasking))


DEFAULT_POLICY = AnswerPolicy()


def _word(stored: Any, kind: type[Word]) -> Word:
    return kind(stored) if stored in [word.value for word in kind] else next(iter(kind))
