"""Finding drills: several passages, then one short request after another, each answered by a quote.

Ordinary prompts hold one quote in three hundred tokens, too few for a small model to learn within
a few million tokens that an answer is found by matching words and then copied. Here nearly half of
the tokens are quotes. A request is what a customer might type into a search box: words of the
sentence that is wanted, or the question that a FAQ puts before it.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from inference.training import phrases
from inference.training.grounded import passages_turn, reworded
from inference.training.layout import Conversation, Quote, Role, Turn, say, system_turns
from inference.training.passages import Passage, content_words

MAX_PASSAGES: Final = 4
MAX_REQUESTS: Final = 6
MIN_SENTENCE_WORDS: Final = 4
MAX_SENTENCE_WORDS: Final = 40

_FORMS: Final = (
    "{}",
    "{}",
    "{}?",
    "What about {}?",
    "Tell me about {}",
    "I have a question about {}",
    "Do you know something about {}?",
    "please help, {}",
)


def drill(passages: Sequence[Passage], max_words: int, rng: Random) -> Conversation | None:
    """A drill over a few of the passages; None when the draw holds no sentence to ask for."""
    chosen = _draw(passages, max_words, rng)
    requests = [
        (marker, passage, sentence)
        for marker, passage in enumerate(chosen, start=1)
        for sentence in range(len(passage.sentences))
        if MIN_SENTENCE_WORDS <= len(passage.sentences[sentence].split()) <= MAX_SENTENCE_WORDS
        and not passage.sentences[sentence].endswith("?")
    ]
    if not requests:
        return None
    rng.shuffle(requests)
    turns: list[Turn] = list(system_turns(phrases.company(rng))) if rng.random() < 0.3 else []
    turns.append(passages_turn(chosen))
    for marker, passage, sentence in requests[: rng.randint(2, MAX_REQUESTS)]:
        turns.append(say(Role.CUSTOMER, _request(passage, sentence, rng)))
        turns.append(_found(passage.sentences[sentence], marker, rng))
    return tuple(turns)


def _draw(passages: Sequence[Passage], max_words: int, rng: Random) -> list[Passage]:
    chosen: list[Passage] = []
    for passage in rng.sample(passages, min(len(passages), MAX_PASSAGES)):
        if passage.num_words <= max_words:
            chosen.append(passage)
            max_words -= passage.num_words
    return chosen


def _request(passage: Passage, sentence: int, rng: Random) -> str:
    before = passage.sentences[sentence - 1] if sentence else ""
    if before.endswith("?") and rng.random() < 0.6:
        return reworded(before, rng)
    wanted = content_words(passage.sentences[sentence])
    words = [word.strip(".,;:!?()\"'") for word in passage.sentences[sentence].split()]
    useful = [word for word in words if word.lower() in wanted] or words
    first = rng.randrange(max(1, len(useful) - 3))
    request = useful[first : first + rng.randint(2, 5)]
    if rng.random() < 0.3:
        rng.shuffle(request)
    return reworded(rng.choice(_FORMS).format(" ".join(request)), rng)


def _found(sentence: str, marker: int, rng: Random) -> Turn:
    opening = f"{phrases.opening(rng)} " if rng.random() < 0.2 else ""
    closing = f" {phrases.closing(rng)}" if rng.random() < 0.1 else ""
    quote = Quote(sentence)
    parts = (
        (opening, quote, f" [{marker}]{closing}") if opening else (quote, f" [{marker}]{closing}")
    )
    return Turn(Role.ASSISTANT, parts)
