"""Questions with the paragraph that answers them and paragraphs that do not.

Two kinds. Of the grounded dialogues: the paragraph that an answer repeats, beside others of its
text and those of its source that share most words with the question. Of the written articles
(`articles-*.jsonl`): questions in customers' words over the help pages of invented companies, and
questions that such a company's articles look as if they answered and do not.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

import bm25s
import numpy as np

from inference.training.corpus import GROUNDED_FILES, Dialogue, read_dialogues
from inference.training.errors import DataMissing
from inference.training.grounded import Question, questions_of
from inference.training.layout import Role
from inference.training.passages import Passage, content_words, split_context, words_of

WRITTEN: Final = Path(__file__).parent
WRITTEN_FILES: Final = "articles-*.jsonl"
HELD_OUT: Final = frozenset(
    {
        "Hollenby Home",
        "Fennimo Mobile",
        "Lindenquay Hotels",
        "Kettleforge Gyms",
        "Tarnwick Packs",
        "Inkle & Spruce",
        "Quillnode",
    }
)
"""Companies of the written articles that no training sees: weights and thresholds fit them."""

# Where another place's answer to the same question would be as good as this one's.
_SAME_QUESTIONS: Final = frozenset({"dstc9-faq", "dstc9-faq-human", "dstc11-track5"})
_MAX_ALIKE: Final = 0.5
"""Of a paragraph's words that the right one has too: more, and it may answer as well."""
_NUM_NEAR: Final = 8


@dataclass(frozen=True)
class Example:
    """A question, the paragraph that answers it (None: none does), and some that do not."""

    source: str
    question: str
    before: str
    """What the customer had asked before; empty where the question stands alone."""
    answer: Passage | None
    right: frozenset[int]
    """The sentences of the answer that hold it."""
    others: tuple[Passage, ...]
    """The nearest first."""
    is_constructed: bool = False
    """The question was a heading: it stands above its answer word by word."""


def grounded_examples(folder: Path, split: str) -> list[Example]:
    """All of a split of the grounded dialogues, in the order of the files.

    Raises:
        DataMissing: the folder holds none.
    """
    dialogues = [one for one in read_dialogues(folder, GROUNDED_FILES) if one.split == split]
    shelves: dict[str, list[Passage]] = defaultdict(list)
    for dialogue in dialogues:
        shelves[dialogue.source] += split_context(dialogue.context or "")
    near = {source: _Near(shelf) for source, shelf in shelves.items()}
    found = [one for dialogue in dialogues for one in _of_dialogue(dialogue)]
    return [_with_near(one, near[one.source]) for one in found]


def written_examples(folder: Path = WRITTEN, *, is_held_out: bool = False) -> list[Example]:
    """Of all companies but those held out, or of those alone.

    Raises:
        DataMissing: the folder holds none.
    """
    companies: dict[str, list[dict[str, object]]] = defaultdict(list)
    for path in sorted(folder.glob(WRITTEN_FILES)):
        for line in path.read_text(encoding="utf-8").splitlines():
            article = json.loads(line)
            companies[article["company"]].append(article)
    if not companies:
        raise DataMissing(f"no {WRITTEN_FILES} in {folder}")
    chosen = [
        articles for company, articles in companies.items() if (company in HELD_OUT) == is_held_out
    ]
    return [example for articles in chosen for example in _of_company(articles)]


def _of_company(articles: Sequence[dict[str, object]]) -> Iterator[Example]:
    own = [
        [Passage(str(article["title"]), tuple(sentences)) for sentences in article["paragraphs"]]  # type: ignore[attr-defined]
        for article in articles
    ]
    near = _Near([passage for passages in own for passage in passages])
    for article, passages in zip(articles, own, strict=True):
        for asked in article["questions"]:  # type: ignore[attr-defined]
            answer, text = passages[asked["paragraph"]], str(asked["text"])
            others = _unlike(answer, [*passages, *near(text)])
            yield Example("written", text, "", answer, frozenset(asked["sentences"]), others)
        for text in article["unanswerable"]:  # type: ignore[attr-defined]
            yield Example("written", text, "", None, frozenset(), (*passages, *near(text)))


def _of_dialogue(dialogue: Dialogue) -> Iterator[Example]:
    is_constructed = "constructed" in dialogue.tags or dialogue.source in _SAME_QUESTIONS
    for question in questions_of(dialogue):
        yield replace(_of_question(question), is_constructed=is_constructed)
    last = dialogue.lines[-2:]
    if "unanswerable" in dialogue.tags and last[0].role is Role.CUSTOMER:
        others = tuple(split_context(dialogue.context or ""))
        none = frozenset[int]()
        yield Example(dialogue.source, last[0].text, "", None, none, others, is_constructed)


def _of_question(question: Question) -> Example:
    gold, span = question.span.passage, question.span.text
    right = frozenset(i for i, sentence in enumerate(gold.sentences) if sentence in span)
    others = tuple(passage for passage in question.siblings if passage != gold)
    said = [line.text for line in question.history if line.role is Role.CUSTOMER]
    before = said[-1] if said else ""
    return Example(question.source, question.text, before, gold, right, others)


def _with_near(example: Example, near: "_Near") -> Example:
    if example.source in _SAME_QUESTIONS:
        return example
    found = [*example.others, *near(example.question)]
    others = tuple(found) if example.answer is None else _unlike(example.answer, found)
    return replace(example, others=others)


def _unlike(answer: Passage, found: Sequence[Passage]) -> tuple[Passage, ...]:
    """Those that do not say what the answer says, each once."""
    said = content_words(" ".join(answer.sentences))
    unlike = (
        one
        for one in dict.fromkeys(found)
        if len(said & (own := content_words(" ".join(one.sentences)))) <= _MAX_ALIKE * len(own)
    )
    return tuple(one for one in unlike if one != answer)


class _Near:
    """The paragraphs of a shelf that share most words with a question."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = list(dict.fromkeys(passages))
        self._index = bm25s.BM25(method="lucene")
        texts = [words_of(f"{one.title} {' '.join(one.sentences)}") for one in self._passages]
        self._known = {word for text in texts for word in text}
        self._index.index(texts, show_progress=False)

    def __call__(self, question: str) -> list[Passage]:
        known = [word for word in words_of(question) if word in self._known]
        if not known:
            return []
        scores = np.asarray(self._index.get_scores(known))
        best = np.argsort(-scores, kind="stable")[:_NUM_NEAR]
        return [self._passages[i] for i in best if scores[i] > 0]


def chosen_others(example: Example, count: int, rng: Random) -> list[Passage]:
    """So many that do not answer, near ones more often; fewer where there are no more."""
    near, far = list(example.others[:_NUM_NEAR]), list(example.others[_NUM_NEAR:])
    rng.shuffle(near)
    rng.shuffle(far)
    return [*near, *far][:count]
