"""Passages for a question: BM25 over the paragraph, its headings, and its whole article, and the
closeness of its sentences to the question in meaning.

The scores order, they do not decide: they say which passage is best even when none fits, so
`evidence.py` looks at how much of the question a passage covers and how close it is.
BM25 as in Lucene (Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework").
"""

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

import bm25s
import numpy as np
import numpy.typing as npt

from app.knowledge.analyzer import Analyzer
from app.knowledge.answer_kinds import NAMING_TERMS, AnswerKind, asked_kinds, wants_a_way
from app.knowledge.meaning import Meaning, Vectors, digest_of, told
from app.knowledge.passages import Passage, SourceArticle, read_passages
from app.knowledge.spelling import Spelling, count_words, mend
from inference import Reading

# How much a match counts: in the paragraph, in title and heading, anywhere in the article.
_FIELD_WEIGHTS = (1.0, 0.7, 0.3)
# Of a term that only names the kind of answer wanted.
_NAMING_WEIGHT = 0.3
# The share of a mended word that stays a word nobody knows: "planets" need not have been "plants".
_DOUBT = 0.4
# Of a word no article knows that people say around any question.
_FAINT = 0.1
# Of a figure: the customer's own "75 dollars" need not stand in the article.
_OF_A_NUMBER = 0.25
# Of the words of the question that another one continues.
_EARLIER = 0.5
# The closeness of a sentence that the encoder has not read yet: neither near nor far.
_UNREAD = 0.4
_READERS_LANGUAGE = "en"

Pair = tuple[str, str]


@dataclass(frozen=True)
class Asked:
    """A question as the index understands it."""

    weights: dict[str, float]
    """Term to rarity; a term that no article knows is as rare as can be."""
    pairs: frozenset[Pair]
    """Terms that stand side by side."""
    kinds: frozenset[AnswerKind]
    meaning: npt.NDArray[np.float32] = field(compare=False)  # [D]
    unknown: float
    """The share of its weight that lies on words no article knows, 0 to 1."""
    wants_a_way: bool
    said: str
    """Without slips, for who reads it word by word."""
    articles_before: frozenset[UUID] = frozenset()
    """What answered the question before it, where it continues one."""
    terms_before: frozenset[str] = frozenset()
    """Of that question; those articles cover them."""

    def after(self, before: "Asked", articles: Iterable[UUID]) -> "Asked":
        """Read together with the question it continues; its own words count more."""
        weights = {term: _EARLIER * weight for term, weight in before.weights.items()}
        weights |= self.weights
        own, whole = self.total, sum(weights.values())
        meaning = self.meaning + np.float32(_EARLIER) * before.meaning
        length = np.float32(np.linalg.norm(meaning))
        return Asked(
            weights,
            self.pairs | before.pairs,
            self.kinds,
            (meaning / length if length else meaning).astype(np.float32),
            self.unknown * own / whole if whole else 0.0,
            self.wants_a_way,
            f"{before.said} {self.said}",
            frozenset(articles),
            frozenset(before.weights),
        )

    @property
    def total(self) -> float:
        """The weight of the whole question."""
        return sum(self.weights.values())


@dataclass(frozen=True)
class Hit:
    """A passage with its raw BM25 score and the terms of its parts."""

    passage: Passage
    score: float
    title_terms: frozenset[str]
    article_terms: frozenset[str]
    sentence_terms: tuple[tuple[str, ...], ...]
    closenesses: npt.NDArray[np.float32]  # [sentences]
    """Of each sentence to the question in meaning, -1 to 1."""
    closeness: float
    """Of the whole paragraph, the mean of its sentences."""
    article_closeness: float
    """Of the sentence of its article that is closest."""


class SearchIndex:
    """An unchanging index over the articles of one workspace; threads may share it."""

    def __init__(
        self,
        articles: Sequence[SourceArticle],
        meaning: Meaning,
        vectors: Vectors | None = None,
    ) -> None:
        """`vectors` are the sentences' that are known; None computes all, which takes its time."""
        self.passages = read_passages(articles)
        self._analyzer = Analyzer()
        terms = self._analyzer.terms
        self._sentence_terms = [
            tuple(tuple(terms(sentence)) for sentence in passage.sentences)
            for passage in self.passages
        ]
        titles = [terms(f"{p.article.title} {p.heading}") for p in self.passages]
        self._title_terms = [frozenset(found) for found in titles]
        bodies = {a.article_id: terms(f"{a.title} {a.body_md}") for a in articles}
        self._article_terms = {key: frozenset(found) for key, found in bodies.items()}
        paragraphs = [sum(sentences, ()) for sentences in self._sentence_terms]
        whole = [bodies[passage.article.article_id] for passage in self.passages]
        self._fields = [_Field(texts) for texts in (paragraphs, titles, whole)]
        self._rarity = _rarity(bodies.values())
        self._meaning = meaning
        self._vectors = self._stacked(vectors)  # [sentences, D]
        self._is_read = self._vectors.any(axis=1)
        lengths = [len(passage.sentences) for passage in self.passages]
        self._ends = np.cumsum(lengths, dtype=np.int64)
        self._starts = self._ends - np.array(lengths, dtype=np.int64)
        self._whole = self._means()  # [passages, D]
        self._stemming = threading.Lock()  # a stemmer has state
        counts = count_words(f"{a.title} {a.body_md}" for a in articles)
        self._spelling = Spelling(counts, self._analyzer.known_words)

    @property
    def meaning(self) -> Meaning:
        """What reads the questions."""
        return self._meaning

    @property
    def topics(self) -> tuple[str, ...]:
        """What the articles are about, the topic with most paragraphs first."""
        counts = Counter(passage.article.topic for passage in self.passages)
        return tuple(topic for topic, _ in counts.most_common() if topic)

    def understand(self, question: str) -> Asked:
        """The question's terms with their weights; slips of the fingers are mended."""
        with self._stemming:
            mended, terms, weights = self._read(question)
        # Asked as a question, however it ends: what is typed finds what will be sent.
        meaning = self._meaning.of(mended.rstrip(" ?!.") + "?")
        unknown = sum(weight for term, weight in weights.items() if term not in self._rarity)
        return Asked(
            weights,
            frozenset(pairwise(terms)),
            asked_kinds(question),
            meaning,
            unknown / (sum(weights.values()) or 1.0),
            wants_a_way(question),
            mended,
        )

    def _read(self, question: str) -> tuple[str, list[str], dict[str, float]]:
        """It without its slips, its terms in order, and what each weighs."""
        corrections = self._corrections(question)
        mended = mend(question, corrections)
        terms = self._analyzer.terms(mended)
        naming = frozenset[str]().union(*(NAMING_TERMS[kind] for kind in asked_kinds(question)))
        rarest = max(self._rarity.values(), default=1.0)
        weights = {
            term: self._weight(term, rarest) * (_NAMING_WEIGHT if term in naming else 1.0)
            for term in terms
        }
        for written, meant in corrections.items():
            term = self._analyzer.term(meant)
            if term in weights:
                weights[f"?{written}"] = weights[term] * _DOUBT
                weights[term] *= 1 - _DOUBT
        return mended, terms, weights

    def _corrections(self, question: str) -> dict[str, str]:
        """Of words that articles do not use in any form."""
        found = self._spelling.corrections(question)
        return {
            written: meant
            for written, meant in found.items()
            if self._analyzer.term(written) not in self._rarity
        }

    def _weight(self, term: str, rarest: float) -> float:
        """A term's rarity; one that no article knows counts most, unless it is only talk."""
        weight = self._rarity.get(term, rarest)
        if term[0].isdigit():
            return weight * _OF_A_NUMBER
        is_talk = term not in self._rarity and term in self._analyzer.talk
        return weight * (_FAINT if is_talk else 1.0)

    def search(self, asked: Asked, limit: int = 12) -> list[Hit]:
        """The passages that share most terms with the question, and those closest in meaning.

        Best by shared terms first; at most `limit` of the ones and `limit` of the others.
        """
        if not self.passages or not asked.weights:
            return []
        known = [term for term in asked.weights if term in self._rarity]
        scores = np.zeros(len(self.passages))
        for weight, one in zip(_FIELD_WEIGHTS, self._fields, strict=True):
            scores += weight * one.scores(known)
        near = self._closenesses(asked.meaning)
        by_terms = [int(i) for i in np.argsort(-scores, kind="stable")[:limit] if scores[i] > 0]
        by_meaning = [int(i) for i in np.argsort(-near.best, kind="stable")[:limit]]
        best = dict.fromkeys(by_terms + by_meaning)
        return [self._hit(i, float(scores[i]), near) for i in best]

    def judge(self, asked: Asked, passage: Passage) -> Reading | None:
        """Whether and where the passage answers; None for a language the reader does not know."""
        if not passage.article.locale.startswith(_READERS_LANGUAGE):
            return None
        return self._meaning.judge(asked.said, passage)

    def _hit(self, i: int, score: float, near: "_Closenesses") -> Hit:
        passage = self.passages[i]
        return Hit(
            passage,
            score,
            self._title_terms[i],
            self._article_terms[passage.article.article_id],
            self._sentence_terms[i],
            near.sentences[self._starts[i] : self._ends[i]],
            float(near.passages[i]),
            near.articles[passage.article.article_id],
        )

    def _closenesses(self, meaning: npt.NDArray[np.float32]) -> "_Closenesses":
        unread = np.float32(_UNREAD)
        sentences = np.where(self._is_read, self._vectors @ meaning, unread)
        best = np.maximum.reduceat(sentences, self._starts)
        passages = np.where(self._whole.any(axis=1), self._whole @ meaning, unread)
        articles: dict[UUID, float] = {}
        for passage, closest in zip(self.passages, best.tolist(), strict=True):
            key = passage.article.article_id
            articles[key] = max(closest, articles.get(key, -1.0))
        return _Closenesses(sentences, best, passages, articles)

    def _stacked(self, vectors: Vectors | None) -> npt.NDArray[np.float32]:
        """Of all sentences in order; zeros for those that nobody has read."""
        texts = [text for passage in self.passages for text in told(passage)]
        known = self._meaning.read(texts) if vectors is None else vectors
        nothing = np.zeros(self._meaning.width, dtype=np.float16)
        found = [known.get(digest_of(text), nothing) for text in texts]
        return np.array(found, dtype=np.float32).reshape(len(texts), self._meaning.width)

    def _means(self) -> npt.NDArray[np.float32]:
        if not self.passages:
            return self._vectors
        sums = np.add.reduceat(self._vectors, self._starts, axis=0)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.maximum(lengths, 1e-9), dtype=np.float32)


@dataclass(frozen=True)
class _Closenesses:
    """To one question, of everything."""

    sentences: npt.NDArray[np.float32]  # [sentences]
    best: npt.NDArray[np.float32]  # [passages], of each passage's closest sentence
    passages: npt.NDArray[np.float32]  # [passages]
    articles: dict[UUID, float]


class _Field:
    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        self._known = {term for document in documents for term in document}
        self._num_documents = len(documents)
        self._index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
        if self._known:
            self._index.index([list(document) for document in documents], show_progress=False)

    def scores(self, terms: Sequence[str]) -> np.ndarray:
        known = [term for term in terms if term in self._known]
        if not known:
            return np.zeros(self._num_documents)
        return np.asarray(self._index.get_scores(known), dtype=np.float64)


def _rarity(documents: Iterable[Sequence[str]]) -> dict[str, float]:
    sets = [set(document) for document in documents]
    counts = Counter(term for terms in sets for term in terms)
    return {term: float(np.log1p(len(sets) / count)) for term, count in counts.items()}
