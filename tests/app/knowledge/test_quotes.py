"""What the reader says of passages and sentences, and what becomes of it in the order of quotes."""

import math
from functools import partial

from app.knowledge.passages import Passage
from app.knowledge.quotes import MOST_SURE, NUM_READ, Quote, rank_quotes
from app.knowledge.search import Asked, Hit
from inference import Reading
from tests.app.knowledge.demo_index import demo_index

QUESTION = "How long does delivery take?"


def found() -> tuple[Asked, list[Hit]]:
    index = demo_index()
    asked = index.understand(QUESTION)
    return asked, index.search(asked)


def unread(asked: Asked, passage: Passage) -> None:
    """A language the reader does not know."""


def told(passage: Passage, answers: float, share: dict[int, float] | None = None) -> Reading:
    even = 1 / len(passage.sentences)
    shares = [math.log((share or {}).get(i, even)) for i in range(len(passage.sentences))]
    return Reading(answers, tuple(shares))


def only(passage: Passage, shares: dict[int, float], _: Asked, read: Passage) -> Reading:
    """Of this passage the shares, of others as much of every sentence."""
    return told(read, 0.0, shares if read is passage else None)


def order(ranked: list[Quote]) -> list[int]:
    return [id(one.passage) for one in ranked]


def test_a_passage_that_surely_answers_comes_before_those_that_do_not() -> None:
    asked, hits = found()
    plain = rank_quotes(asked, hits, unread)
    chosen = plain[NUM_READ - 1].passage

    ranked = rank_quotes(asked, hits, lambda _, one: told(one, 9.0 if one is chosen else -9.0))

    assert ranked[0].passage is chosen and ranked[0].answers == MOST_SURE
    assert sorted(order(ranked)) == sorted(order(plain))


def test_only_the_first_passages_are_read_and_the_others_stay_behind_them() -> None:
    asked, hits = found()
    plain = rank_quotes(asked, hits, unread)
    read: list[int] = []

    def judge(_: Asked, passage: Passage) -> Reading:
        read.append(id(passage))
        return told(passage, -9.0)

    ranked = rank_quotes(asked, hits, judge)

    assert read == order(plain)[:NUM_READ]
    assert order(ranked)[NUM_READ:] == order(plain)[NUM_READ:]
    assert [one.answers is None for one in ranked[NUM_READ:]] == [True] * (len(plain) - NUM_READ)


def test_nothing_is_read_that_could_not_come_near_the_best() -> None:
    asked, hits = found()
    plain = rank_quotes(asked, hits, unread)
    near = [one for one in hits if one.passage in (plain[0].passage, plain[-1].passage)]
    read: list[Passage] = []

    def judge(_: Asked, passage: Passage) -> Reading:
        read.append(passage)
        return told(passage, 9.0)

    ranked = rank_quotes(asked, near, judge)

    assert read == [plain[0].passage]
    assert [one.passage for one in ranked] == [plain[0].passage, plain[-1].passage]


def test_the_sentence_that_holds_the_answer_is_quoted() -> None:
    asked, hits = found()
    first = rank_quotes(asked, hits, unread)[0].passage
    for right in range(len(first.sentences)):
        shares = dict.fromkeys(range(len(first.sentences)), 1e-6) | {right: 1.0}

        ranked = rank_quotes(asked, hits, partial(only, first, shares))

        quote = next(one for one in ranked if one.passage is first)
        assert quote.first <= right < quote.first + quote.num_sentences


def test_what_cannot_be_read_is_ordered_as_without_a_reader() -> None:
    asked, hits = found()

    ranked = rank_quotes(asked, hits, unread)

    assert all(one.answers is None for one in ranked)
    assert [one.worth for one in ranked] == sorted((one.worth for one in ranked), reverse=True)
