"""What a company has decided about its bot's answers; stored in its settings, with defaults."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self, TypeVar

from app.models import Workspace

MAX_GUIDANCE_CHARS = 1_000
MAX_NEVER_SAY = 50
MAX_NEVER_SAY_CHARS = 40
MAX_NEVER_SAY_WORDS = 4
"""So many words are held back when an answer is shown word by word."""
Word = TypeVar("Word", bound=StrEnum)


class PiiMasking(StrEnum):
    """What is done about cards, IBANs, e-mail addresses and telephone numbers (`mask_pii`)."""

    MODEL = "model"
    """The model and the list of gaps get their kind instead; messages are stored as written."""
    STORED = "stored"
    """Messages of customers are stored so, too."""
    OFF = "off"


class AnswerMode(StrEnum):
    """Whose words state facts (`answer_mode`)."""

    SPANS = "spans"
    """Only copies from the articles, by constrained decoding; the model writes around them."""
    FREE = "free"
    """The model's, where an article supports them; for models that can be trusted to copy."""


class ReleaseMode(StrEnum):
    """When the model's own words are shown (`release_mode`)."""

    SENTENCE = "sentence"
    """Each sentence once it is whole and checked."""
    TOKEN = "token"
    """A few words behind the model; a sentence that fails its check is cut in the middle."""


@dataclass(frozen=True)
class AnswerPolicy:
    """How the bot answers."""

    mode: AnswerMode = AnswerMode.SPANS
    release: ReleaseMode = ReleaseMode.SENTENCE
    mask_pii: PiiMasking = PiiMasking.MODEL
    guidance: str = ""
    """The company's own words to the model (`guidance`): tone, what to say, what to leave."""
    never_say: tuple[str, ...] = ()
    """Words that neither the model nor a quote says (`never_say`)."""

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """The company's; a word that is no longer known is as if it had not been said."""
        stored = workspace.settings
        return cls(
            mode=_word(stored.get("answer_mode"), AnswerMode),
            release=_word(stored.get("release_mode"), ReleaseMode),
            mask_pii=_word(stored.get("mask_pii"), PiiMasking),
            guidance=stored.get("guidance") or "",
            never_say=tuple(stored.get("never_say") or ()),
        )


DEFAULT_POLICY = AnswerPolicy()


def _word(stored: Any, kind: type[Word]) -> Word:
    return kind(stored) if stored in [word.value for word in kind] else next(iter(kind))
