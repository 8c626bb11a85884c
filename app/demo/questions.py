"""Questions over the demo's articles, with what a right answer holds.

The `tune` part is for choosing numbers, the `held` part for checking the choice.
"""

import json
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "questions.jsonl"


@dataclass(frozen=True)
class Question:
    """`articles` and `facts` are alternatives: one of each makes an answer right."""

    id: str
    kind: str
    """`answerable`, `paraphrased`, `typo`; `near`, `far` (no answer); `handoff`, `smalltalk`."""
    part: str
    question: str
    articles: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    expect: str | None = None
    """Of hand-off and small talk: the reason or the move."""

    @property
    def is_answerable(self) -> bool:
        """Whether an article answers it."""
        return bool(self.articles)

    @property
    def is_unanswerable(self) -> bool:
        """Whether it is a question that no article answers."""
        return self.kind in ("near", "far")

    def is_answered_by(self, text: str) -> bool:
        """Whether one of the facts stands in the text."""
        return any(fact.casefold() in text.casefold() for fact in self.facts)


def read_questions(path: Path = FILE) -> list[Question]:
    """All questions, in the order of the file."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Question(**row | {key: tuple(row.get(key, ())) for key in ("articles", "facts")})
        for row in rows
    ]
