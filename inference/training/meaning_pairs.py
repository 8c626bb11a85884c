"""Questions and sentences that answer them, for vectors of meaning.

From the data: grounded questions with the sentences their answers repeat, questions and answers of
FAQ pages, headings with the sentences under them, messages of one intent; and the made-up shops.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from inference.training.corpus import (
    GROUNDED_FILES,
    Dialogue,
    Intent,
    read_articles,
    read_dialogues,
    read_intents,
)
from inference.training.grounded import questions_of
from inference.training.passages import sentences_of, split_context
from inference.training.shop_facts import read_topics, write

SHOP_ROUNDS: Final = 12
LABEL_SHARE: Final = 0.3
HEADING_SENTENCES: Final = 3
MAX_HEADING_WORDS: Final = 10
MIN_SENTENCE_WORDS: Final = 4
SEED: Final = 1


@dataclass(frozen=True)
class Pair:
    """`group` tells pairs that answer each other; `topic` whose other answers are hard to tell."""

    source: str
    query: str
    title: str
    answer: str
    group: str
    topic: str


def read_pairs(data: Path, splits: frozenset[str]) -> list[Pair]:
    """All pairs of these parts; articles belong to training alone.

    Raises:
        DataMissing: files of the data are not there.
    """
    rng = Random(SEED)
    pairs = list(dict.fromkeys(_grounded(data, splits)))
    pairs += _intents([one for one in read_intents(data) if one.split in splits], rng)
    pairs += _shops("train" in splits, rng)
    if "train" in splits:
        pairs += _headings(data)
    return pairs


def _grounded(data: Path, splits: frozenset[str]) -> Iterator[Pair]:
    for dialogue in read_dialogues(data, GROUNDED_FILES):
        if dialogue.split in splits:
            for question in questions_of(dialogue):
                title, text = question.span.passage.title, question.span.text
                yield Pair(dialogue.source, question.text, title, text, text, title)
            yield from _faq(dialogue)


def _faq(dialogue: Dialogue) -> Iterator[Pair]:
    if dialogue.context is None or "Q: " not in dialogue.context:
        return
    for passage in split_context(dialogue.context):
        question, *answer = passage.sentences
        if question.endswith("?") and answer:
            text = " ".join(answer[:2])
            yield Pair("faq", question, passage.title, text, text, passage.title)


def _intents(intents: list[Intent], rng: Random) -> Iterator[Pair]:
    """Two messages of one intent, or a message and its label."""
    groups: dict[str, list[Intent]] = {}
    for intent in intents:
        groups.setdefault(f"{intent.source} {intent.label}", []).append(intent)
    for group, members in groups.items():
        for intent in members:
            other = rng.choice(members).text
            text = intent.label if rng.random() < LABEL_SHARE else other
            yield Pair("intents", intent.text, "", text, group, intent.source)


def _shops(is_training: bool, rng: Random) -> Iterator[Pair]:
    topics, held_out = read_topics()
    for topic in topics if is_training else held_out:
        for _ in range(SHOP_ROUNDS if is_training else 1):
            written = write(topic, rng)
            title = written.passage.title
            for sentence, asked in zip(written.passage.sentences, written.questions, strict=True):
                for question in asked:
                    yield Pair("shops", question, title, sentence, sentence, topic.titles[0])


def _headings(data: Path) -> Iterator[Pair]:
    for article in read_articles(data):
        heading, title = article.title, ""
        for line in filter(None, map(str.strip, article.text.split("\n"))):
            if len(line.split()) <= MAX_HEADING_WORDS and line[-1] not in ".!:;,)":
                heading, title = line, article.title
                continue
            for sentence in sentences_of(line)[:HEADING_SENTENCES]:
                if len(sentence.split()) >= MIN_SENTENCE_WORDS:
                    group = f"{article.id} {heading}"
                    yield Pair("articles", heading, title, sentence, group, article.id)
