"""Questions with passages and quoted answers, in the very layout of the product's prompts.

An answer of the data is replaced by the sentences of its context that it repeats. Around it stand
other passages of the same context and of other texts, in shuffled order. Where the answer's passage
is left out, the bot says so and offers a person.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from inference.training import phrases
from inference.training.corpus import Dialogue, Line
from inference.training.exchange import exchange_for
from inference.training.layout import Conversation, Quote, Role, Turn, say, system_turns
from inference.training.passages import (
    Passage,
    Span,
    best_span,
    content_words,
    faq_span,
    shortened,
    split_context,
)

MIN_MATCH: Final = 0.5  # below this word F1 an answer is not a copy of any sentence
MAX_HISTORY_LINES: Final = 4
UNANSWERABLE_SHARE: Final = 0.25
SHOWN_ANYWAY_SHARE: Final = 0.6  # of refusals; the product may also show no passage at all
EXCHANGED_SHARE: Final = 0.7
MAX_PASSAGES: Final = 5


@dataclass(frozen=True)
class Question:
    """A question of the data with the span that answers it and what else its text holds."""

    source: str
    split: str
    history: tuple[Line, ...]
    text: str
    span: Span
    siblings: tuple[Passage, ...]


@dataclass(frozen=True)
class GroundedMaker:
    """Builds conversations; `max_words` bounds a passages turn, so that an example fits a row."""

    questions: Sequence[Question]
    max_words: int

    def conversation(self, question: Question, rng: Random) -> Conversation:
        """One prompt with its answer, or, for some, with the honest lack of one."""
        if rng.random() < EXCHANGED_SHARE:
            question = exchanged(question, rng)
        turns = list(system_turns(phrases.company(rng)))
        turns += [say(line.role, line.text) for line in question.history]
        if rng.random() < UNANSWERABLE_SHARE:
            return (*turns, *self._refused(question, rng))
        return (*turns, *self._answered(question, rng))

    def _answered(self, question: Question, rng: Random) -> tuple[Turn, ...]:
        gold = question.span.passage
        chosen = [gold, *self._distractors(question, self.max_words - gold.num_words, rng)]
        rng.shuffle(chosen)
        marker = chosen.index(gold) + 1
        return (
            passages_turn(chosen),
            say(Role.CUSTOMER, reworded(question.text, rng)),
            quoting_turn(question.span.text, marker, rng),
        )

    def _refused(self, question: Question, rng: Random) -> tuple[Turn, ...]:
        wanted = content_words(question.text) | content_words(question.span.text)
        chosen = [
            passage
            for passage in self._distractors(question, self.max_words, rng)
            if len(wanted & content_words(" ".join(passage.sentences))) <= len(wanted) // 4
        ]
        is_shown = bool(chosen) and rng.random() < SHOWN_ANYWAY_SHARE
        passages = (passages_turn(chosen),) if is_shown else ()
        asked = say(Role.CUSTOMER, reworded(question.text, rng))
        return (*passages, asked, say(Role.ASSISTANT, phrases.refusal(rng)))

    def _distractors(self, question: Question, max_words: int, rng: Random) -> list[Passage]:
        gold = question.span.passage
        near = [passage for passage in question.siblings if passage != gold]
        rng.shuffle(near)
        far = [rng.choice(self.questions).span.passage for _ in range(3)]
        candidates = near[: rng.randint(0, MAX_PASSAGES - 1)] + far[: rng.randint(0, 3)]
        chosen: list[Passage] = []
        for passage in candidates[: MAX_PASSAGES - 1]:
            if passage.num_words <= max_words and passage != gold and passage not in chosen:
                chosen.append(passage)
                max_words -= passage.num_words
        return chosen


def questions_of(dialogue: Dialogue) -> Iterator[Question]:
    """Every question of the dialogue whose answer is found, nearly word for word, in its context.

    What people said before belongs to their question; constructed questions stand alone.
    """
    if dialogue.context is None:
        return
    passages = split_context(dialogue.context)
    for index in range(1, len(dialogue.lines)):
        asked, answer = dialogue.lines[index - 1], dialogue.lines[index]
        if asked.role is not Role.CUSTOMER or answer.role is not Role.ASSISTANT:
            continue
        span = faq_span(asked.text, passages) or best_span(shortened(answer.text), passages)
        if span is None or span.score < MIN_MATCH:
            continue
        before = max(0, index - 1 - MAX_HISTORY_LINES)
        history = () if "constructed" in dialogue.tags else dialogue.lines[before : index - 1]
        siblings = tuple(passages)
        yield Question(dialogue.source, dialogue.split, history, asked.text, span, siblings)


def exchanged(question: Question, rng: Random) -> Question:
    """The same question about other names and numbers, alike in all that belongs to it."""
    passages = (question.span.passage, *question.siblings)
    exchange = exchange_for((passage.line(0) for passage in passages), rng)
    gold, *siblings = (passage.changed(exchange) for passage in passages)
    return replace(
        question,
        history=tuple(Line(line.role, exchange(line.text)) for line in question.history),
        text=exchange(question.text),
        span=Span(gold, exchange(question.span.text), question.span.score),
        siblings=tuple(siblings),
    )


def passages_turn(passages: Sequence[Passage]) -> Turn:
    lines = [passage.line(marker) for marker, passage in enumerate(passages, start=1)]
    return say(Role.PASSAGES, "\n".join(lines))


def quoting_turn(quote: str, marker: int, rng: Random) -> Turn:
    """The grounded answer: opening, quote, marker and, mostly, a closing."""
    closing = f" {phrases.closing(rng)}" if rng.random() < 0.7 else ""
    return Turn(Role.ASSISTANT, (f"{phrases.opening(rng)} ", Quote(quote), f" [{marker}]{closing}"))


def reworded(question: str, rng: Random) -> str:
    """The question as customers type it: now and then in lower case, greeted, unpunctuated."""
    if rng.random() < 0.2:
        question = question.lower()
    if rng.random() < 0.15:
        question = question.rstrip("?.! ")
    if rng.random() < 0.12:
        question = f"{rng.choice(('Hi', 'Hello', 'hey', 'Hi there', 'Good morning'))}, {question}"
    return question
