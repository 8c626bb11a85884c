"""The demo's articles and questions, read once; an index never changes."""

from functools import cache
from uuid import NAMESPACE_URL, uuid5

from app.demo.articles import read_articles
from app.demo.questions import Question, read_questions
from app.knowledge.passages import SourceArticle
from app.knowledge.search import SearchIndex


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
def questions() -> tuple[Question, ...]:
    return tuple(read_questions())
