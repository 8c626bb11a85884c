"""Help texts cut into passages of whole sentences, and where an answer was taken from."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

MAX_PASSAGE_WORDS: Final = 80
MAX_QUOTE_SENTENCES: Final = 3
MAX_HEADING_WORDS: Final = 14

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[\"'(]?[A-Z0-9])")
_BULLET: Final = re.compile(r"^(?:[-*•]|\d+[.)])\s+")
_WORD: Final = re.compile(r"[a-z0-9]+")
_STOP_WORDS: Final = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "get",
        "had",
        "has",
        "have",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "know",
        "like",
        "me",
        "my",
        "of",
        "on",
        "or",
        "our",
        "please",
        "should",
        "so",
        "that",
        "the",
        "their",
        "there",
        "they",
        "this",
        "to",
        "was",
        "we",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "about",
        "any",
        "more",
        "mean",
    ]
)


@dataclass(frozen=True)
class Passage:
    """One line of a passages turn."""

    title: str
    sentences: tuple[str, ...]

    @property
    def num_words(self) -> int:
        return len(f"{self.title} {' '.join(self.sentences)}".split())

    def line(self, marker: int) -> str:
        return f"[{marker}] {self.title}: {' '.join(self.sentences)}"

    def changed(self, change: Callable[[str], str]) -> "Passage":
        """The passage with its texts run through `change`."""
        return Passage(change(self.title), tuple(map(change, self.sentences)))


@dataclass(frozen=True)
class Span:
    """Consecutive sentences of one passage, and how well they match an answer (F1 of words)."""

    passage: Passage
    text: str
    score: float


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def content_words(text: str) -> set[str]:
    return {word for word in words_of(text) if word not in _STOP_WORDS}


def sentences_of(line: str) -> list[str]:
    """The line's sentences without a list marker; each ends in punctuation."""
    text = _BULLET.sub("", line.strip())
    parts = [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]
    return [part if part[-1] in ".!?:;,)\"'" else part + "." for part in parts]


def split_context(context: str) -> list[Passage]:
    """Passages of a help text: one per question and answer of a FAQ, else one per section."""
    title, *lines = [line.strip() for line in context.split("\n") if line.strip()]
    title = title.removeprefix("FAQ - ")
    return list(_faq(title, lines) if any(line.startswith("Q: ") for line in lines)
                else _sections(title, lines))  # fmt: skip


def best_span(answer: str, passages: Sequence[Passage]) -> Span | None:
    """The run of up to MAX_QUOTE_SENTENCES sentences closest to the answer."""
    wanted = Counter(words_of(answer))
    best: Span | None = None
    for passage in passages:
        counts = [Counter(words_of(sentence)) for sentence in passage.sentences]
        for first in range(len(counts)):
            found: Counter[str] = Counter()
            for last in range(first, min(first + MAX_QUOTE_SENTENCES, len(counts))):
                found += counts[last]
                score = _f1(wanted, found)
                if best is None or score > best.score:
                    text = " ".join(passage.sentences[first : last + 1])
                    best = Span(passage, text, score)
    return best


def faq_span(question: str, passages: Sequence[Passage]) -> Span | None:
    """The answer to a question that a FAQ holds in the same words."""
    for passage in passages:
        if passage.sentences[0] == question and len(passage.sentences) > 1:
            answer = " ".join(passage.sentences[1 : 1 + MAX_QUOTE_SENTENCES])
            return Span(passage, answer, score=1.0)
    return None


def shortened(answer: str) -> str:
    """The answer's first sentences: a quote does not repeat a whole section."""
    sentences = [sentence for line in answer.split("\n") for sentence in sentences_of(line)]
    return " ".join(sentences[:MAX_QUOTE_SENTENCES])


def _faq(title: str, lines: Sequence[str]) -> Iterator[Passage]:
    sentences: list[str] = []
    for line in lines:
        if line.startswith(("Q: ", "Review")) and sentences:
            yield Passage(title, tuple(sentences))
            sentences = []
        sentences += sentences_of(line.removeprefix("Q: ").removeprefix("A: "))
    if sentences:
        yield Passage(title, tuple(sentences))


def _sections(title: str, lines: Sequence[str]) -> Iterator[Passage]:
    heading = title
    sentences: list[str] = []
    num_words = 0
    for line in lines:
        if _is_heading(line):
            if sentences:
                yield Passage(heading, tuple(sentences))
            heading, sentences, num_words = f"{title} - {line}", [], 0
            continue
        for sentence in sentences_of(line):
            if sentences and num_words + len(sentence.split()) > MAX_PASSAGE_WORDS:
                yield Passage(heading, tuple(sentences))
                sentences, num_words = [], 0
            sentences.append(sentence)
            num_words += len(sentence.split())
    if sentences:
        yield Passage(heading, tuple(sentences))


def _is_heading(line: str) -> bool:
    is_short = len(line.split()) <= MAX_HEADING_WORDS
    return is_short and not _BULLET.match(line) and line[-1] not in ".!:;,)"


def _f1(wanted: Counter[str], found: Counter[str]) -> float:
    common = (wanted & found).total()
    return 2 * common / (wanted.total() + found.total()) if common else 0.0
