"""The demo's articles and questions, read once; an index never changes."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from app.demo.articles import FOLDER, read_articles
from app.knowledge.passages import SourceArticle
from app.knowledge.search import SearchIndex

QUESTIONS = FOLDER.parent / "questions.jsonl"


@dataclass(frozen=True)
class Question:
    """A line of the question file; `articles` and `facts` are alternatives."""

    id: str
    kind: str
    part: str
    question: str
    articles: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    expect: str | None = None

    @property
    def is_answerable(self) -> bool:
        return bool(self.articles)

    @property
    def is_unanswerable(self) -> bool:
        return self.kind in ("near", "far")


@cache
def demo_articles() -> tuple[SourceArticle, ...]:
    return tuple(
        SourceArticle(
            uuid5(NAMESPACE_URL, text.slug),
            1,
            text.slug,
            text.title,
            text.collection,
            text.body_md,
        )
        for text in read_articles()
    )


@cache
def demo_index() -> SearchIndex:
    return SearchIndex(demo_articles())


@cache
def questions(path: Path = QUESTIONS) -> tuple[Question, ...]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return tuple(
        Question(**row | {key: tuple(row.get(key, ())) for key in ("articles", "facts")})
        for row in rows
    )
