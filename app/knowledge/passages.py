"""What is searched and quoted: the paragraphs of published articles."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.knowledge.paragraphs import read_blocks


@dataclass(frozen=True)
class SourceArticle:
    """A published version of an article."""

    article_id: UUID
    version: int
    slug: str
    title: str
    topic: str
    body_md: str
    locale: str = "en"


@dataclass(frozen=True)
class Passage:
    """One paragraph, with all that a citation of it needs."""

    article: SourceArticle
    paragraph: int
    heading: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """The sentences on one line."""
        return " ".join(self.sentences)


def read_passages(articles: Iterable[SourceArticle]) -> tuple[Passage, ...]:
    """All paragraphs of these articles, in order."""
    return tuple(
        Passage(article, block.ordinal, block.heading, block.sentences)
        for article in articles
        for block in read_blocks(article.body_md)
        if block.ordinal is not None
    )
