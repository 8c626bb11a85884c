"""The bot's own sentences are known again, in every language, when somebody brings them back."""

import pytest

from app.answers.earlier import Earlier, recall
from app.answers.phrasebook import LANGUAGES
from app.answers.phrasebooks import book_of
from app.knowledge.evidence import Verdict
from tests.app.knowledge.demo_index import demo_index


def two_articles() -> list[tuple[str, str]]:
    """Titles and slugs."""
    found = {one.article.title: one.article.slug for one in demo_index().passages}
    return list(found.items())[:2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_of_our_sentences_says_what_the_answer_was(language: str) -> None:
    book, index = book_of(language), demo_index()
    (one, first), (other, second) = two_articles()
    cards = f"{book.unknown[0]} {book.cards} “{one}” [1]"
    gone = book.which.format(one=one, other="An article that was taken away")

    which = recall(f"{book.which.format(one=one, other=other)}\n", index)
    assert which == Earlier(Verdict.UNSURE, (first, second))
    assert recall(gone, index) == Earlier(Verdict.UNSURE)
    assert recall(cards, index) == recall(book.unknown[-1], index) == Earlier(Verdict.NOTHING)
    unsure = f"{book.unsure_opening} “Thirty days.” [1] {book.unsure_closing}"
    assert recall(unsure, index) == Earlier(Verdict.UNSURE)


def test_other_words_say_nothing() -> None:
    for answer in ("Standard delivery costs $4.95. [1]", "Do you mean it?", ""):
        assert recall(answer, demo_index()) == Earlier()
