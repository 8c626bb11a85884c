"""The demo's articles and questions, read once; an index never changes."""

from functools import cache

from app.demo.articles import read_sources
from app.demo.questions import Question, read_questions
from app.demo.vectors import demo_index as build
from app.knowledge.passages import SourceArticle
from app.knowledge.search import SearchIndex


@cache
def demo_articles() -> tuple[SourceArticle, ...]:
    return tuple(read_sources())


@cache
def demo_index() -> SearchIndex:
    return build()


@cache
def questions() -> tuple[Question, ...]:
    return tuple(read_questions())
