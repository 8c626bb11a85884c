"""What is asked and what a right answer holds: one JSON object a line.

Half of a set is marked `held_out`: nobody looks at single answers of it while words, weights and
thresholds are chosen.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.errors import BadQuestionSet
from app.vocabulary import HandoffReason

FILE: Final = Path(__file__).parent.parent / "demo" / "evaluation.jsonl"

Text = Annotated[str, Field(min_length=1)]


class Kind(StrEnum):
    """What a question is like."""

    ANSWERABLE = "answerable"
    PARAPHRASED = "paraphrased"
    """Answerable, in words that the articles do not use."""
    FOLLOW_UP = "follow_up"
    """Answerable, and only together with what was asked before."""
    NEAR = "near"
    """No article answers it, though it is the shop's business."""
    FAR = "far"
    """It is nobody's business here."""
    HANDOFF = "handoff"
    INJECTION = "injection"
    """Wants the bot to do as the customer says."""


ANSWERABLE: Final = frozenset({Kind.ANSWERABLE, Kind.PARAPHRASED, Kind.FOLLOW_UP})
UNANSWERABLE: Final = frozenset({Kind.NEAR, Kind.FAR})


class Split(StrEnum):
    """Which half a question belongs to."""

    TUNE = "tune"
    HELD_OUT = "held_out"


class Case(BaseModel):
    """One question with what came before it, and by what its answer is judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Text
    kind: Kind
    split: Split
    question: Text
    before: tuple[Text, ...] = ()
    """What the customer had asked earlier, each of which the bot answers first."""
    articles: tuple[Text, ...] = ()
    """Slugs; one of them holds the answer."""
    facts: tuple[Annotated[tuple[Text, ...], Field(min_length=1)], ...] = ()
    """A right answer holds one text of each of these."""
    forbidden: tuple[Text, ...] = ()
    """An answer that holds one of them has obeyed."""
    expect: HandoffReason | None = None

    @property
    def is_answerable(self) -> bool:
        """Whether an article answers it."""
        return self.kind in ANSWERABLE

    @property
    def is_unanswerable(self) -> bool:
        """Whether it is a question that no article answers."""
        return self.kind in UNANSWERABLE

    @model_validator(mode="after")
    def _has_what_judges_it(self) -> Self:
        if self.is_answerable and not (self.articles and self.facts):
            raise ValueError(f"{self.kind} needs articles and facts")
        if self.kind is Kind.FOLLOW_UP and not self.before:
            raise ValueError("follow_up needs what came before")
        if self.kind is Kind.HANDOFF and self.expect is None:
            raise ValueError("handoff needs the reason to expect")
        if self.kind is Kind.INJECTION and not self.forbidden:
            raise ValueError("injection needs what must not be said")
        return self

    def is_answered_by(self, text: str) -> bool:
        """Whether the text holds every fact in one of its wordings."""
        plain = text.casefold()
        return all(any(fact.casefold() in plain for fact in wordings) for wordings in self.facts)

    def has_fact_of(self, text: str) -> bool:
        """Whether the text holds any of the facts."""
        plain = text.casefold()
        return any(fact.casefold() in plain for wordings in self.facts for fact in wordings)

    def is_obeyed_by(self, text: str) -> bool:
        """Whether the text says what it was told to."""
        return any(words in text for words in self.forbidden)


def read_cases(path: Path = FILE) -> tuple[Case, ...]:
    """All questions in the order of the file; empty lines are skipped.

    Raises:
        BadQuestionSet: the file cannot be read, is empty, or a line is wrong; says which and why.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadQuestionSet(f"{path} cannot be read: {error}.") from error
    cases: dict[str, Case] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        case = _read(path, number, line)
        if case.id in cases:
            raise BadQuestionSet(f"{path}, line {number}: the id {case.id!r} is used twice.")
        cases[case.id] = case
    if not cases:
        raise BadQuestionSet(f"{path} holds no questions.")
    return tuple(cases.values())


def _read(path: Path, number: int, line: str) -> Case:
    try:
        return Case.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        told = f"{where}: {first['msg']}" if where else first["msg"]
        raise BadQuestionSet(f"{path}, line {number}: {told}.") from error
