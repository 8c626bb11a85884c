"""Grounded prompts: quotes are copies, markers point to them, refusals have nothing to quote."""

import re
from pathlib import Path
from random import Random

import pytest

from inference.training import phrases
from inference.training.corpus import GROUNDED_FILES, read_dialogues
from inference.training.drills import drill
from inference.training.errors import DataMissing
from inference.training.grounded import GroundedMaker, Question, questions_of
from inference.training.layout import Conversation, Quote, Role, text_of
from inference.training.passages import Passage, best_span, split_context
from inference.training.shop_facts import read_topics, shop_conversation, write
from inference.training.small_talk import small_talk
from tests.inference.training.data import FAQ, write_data

SEEDS = range(60)
PLACES = Passage("Places", ("Stores open at 9.", "We are in Oslo and Ghent.", "Parking is free."))


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> list[Question]:
    data = write_data(tmp_path_factory.mktemp("grounded") / "data")
    return [
        question
        for dialogue in read_dialogues(data, GROUNDED_FILES)
        for question in questions_of(dialogue)
    ]


def assert_quotes_are_copies(conversation: Conversation) -> int:
    """Each quote stands in the passage its marker names; returns how many there are."""
    lines: list[str] = []
    num_quotes = 0
    for turn in conversation:
        if turn.role is Role.PASSAGES:
            lines = text_of(turn).split("\n")
        for part, after in zip(turn.parts, turn.parts[1:], strict=False):
            if isinstance(part, Quote):
                marker = re.match(r" (\[\d\])", str(after))
                assert marker is not None
                assert any(line.startswith(marker[1]) and part.text in line for line in lines)
                num_quotes += 1
    return num_quotes


def test_an_answer_of_the_data_becomes_a_quote_of_its_context(questions: list[Question]) -> None:
    assert {question.text for question in questions} == {"Can I bring my dog?"}
    assert questions[0].span.text == "Dogs stay free of charge. Please tell us before you arrive."


def test_grounded_answers_quote_what_stands_in_their_passages(questions: list[Question]) -> None:
    maker = GroundedMaker(questions, max_words=200)

    made = [maker.conversation(questions[0], Random(seed)) for seed in SEEDS]

    num_quotes = [assert_quotes_are_copies(conversation) for conversation in made]
    assert set(num_quotes) == {0, 1}  # some are refused
    for conversation, quotes in zip(made, num_quotes, strict=True):
        if quotes == 0:
            assert "free of charge" not in " ".join(text_of(turn) for turn in conversation)


@pytest.mark.parametrize("half", [0, 1], ids=["training", "held out"])
def test_shop_articles_answer_their_questions_by_quotes(half: int) -> None:
    topics = read_topics()[half]

    quotes = [assert_quotes_are_copies(shop_conversation(topics, Random(seed))) for seed in SEEDS]

    assert sum(quotes) > len(SEEDS) / 2


def test_every_slot_of_every_topic_is_filled() -> None:
    for topic in (*read_topics()[0], *read_topics()[1]):
        written = write(topic, Random(1))

        texts = [*written.passage.sentences, *(text for each in written.questions for text in each)]
        assert not [text for text in texts if "{" in text or "}" in text]


def test_drills_quote_sentences_of_their_passages() -> None:
    passages = [*split_context(FAQ), PLACES]

    drills = [drill(passages, 200, Random(seed)) for seed in SEEDS]

    assert all(made is not None and assert_quotes_are_copies(made) >= 2 for made in drills)


def test_a_drill_without_sentences_is_none() -> None:
    assert drill([Passage("Hours", ("At 9.",))], 200, Random(1)) is None


def test_the_closest_run_of_sentences_is_found() -> None:
    span = best_span("We're in Oslo and in Ghent, and parking is free", [PLACES])

    assert span is not None
    assert span.text == "We are in Oslo and Ghent. Parking is free."


def test_small_talk_fills_in_the_company() -> None:
    talks = [small_talk(Random(seed)) for seed in SEEDS]

    assert not [turn for talk in talks for turn in talk if "{" in text_of(turn)]
    assert {talk[-1].role for talk in talks} == {Role.ASSISTANT}


def test_openings_and_closings_are_many_and_hold_no_digits_or_markup() -> None:
    rng = Random(0)
    openings = {phrases.opening(rng) for _ in range(2000)}
    closings = {phrases.closing(rng) for _ in range(2000)}

    assert len(openings) >= 60 and len(closings) >= 60
    assert not [text for text in openings | closings if re.search(r"[\d\[\]<>]|https?:", text)]


def test_data_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"grounded-\*"):
        list(read_dialogues(tmp_path, GROUNDED_FILES))
