"""Sentences of given passages, and nothing else: the automaton behind a `Spans` segment.

All that may be said, as token ids in sorted order, is the trie: a node is a range of that list and
a depth, so building costs one sort, and what lies below a node is found by bisection where a model
comes by. The same trie drafts: below the last branch only one continuation is left.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, groupby, pairwise
from typing import NamedTuple

import numpy as np
import torch

from inference.constraints.base import NOTHING_AHEAD, Ahead, Bias
from inference.errors import InvalidRequest
from inference.request import SpanChoice, Spans, SpanSource
from inference.tokenizer import Tokenizer


class Node(NamedTuple):
    """The spans from `low` to before `high` agree in their first `depth` ids, and no others do."""

    low: int
    high: int
    depth: int


@dataclass(frozen=True)
class Span:
    """One thing that may be said, with the logarithm of its prior."""

    ids: tuple[int, ...]
    source: int
    first: int
    num_sentences: int
    prior: float | None


class SpanTrie:
    """The automaton of one `Spans` segment; masks are made where they are first asked for."""

    def __init__(self, spans: Spans, tokenizer: Tokenizer, end_ids: tuple[int, ...] = ()) -> None:
        """Encode and sort; `end_ids` may follow where nothing else tells a span's end.

        Raises:
            InvalidRequest: a span is the beginning of another and nothing could tell them apart.
        """
        self._vocab_size = tokenizer.vocab_size
        self._spans = _sorted_spans(spans, tokenizer, ())
        if _find_prefix(self._spans) is not None and end_ids:
            self._spans = _sorted_spans(spans, tokenizer, end_ids)
        found = _find_prefix(self._spans)
        if found is not None:
            raise InvalidRequest(
                f"sentence {found.first} of source {found.source} is the beginning of another "
                "choice and nothing marks its end: give the sources a suffix"
            )
        self._has_priors = self._spans[0].prior is not None
        self.start = Node(0, len(self._spans), 0)
        self.max_tokens = max(len(span.ids) for span in self._spans)
        self._masks: dict[Node, torch.Tensor] = {}
        self._biases: dict[Node, Bias] = {}

    def is_over(self, place: Node) -> bool:
        """Whether a whole span is said; none is the beginning of another."""
        return len(self._spans[place.low].ids) == place.depth

    def forced(self, place: Node) -> tuple[int, ...]:
        """What all spans of the node go on with: the first and the last tell for all between."""
        first, last = self._spans[place.low].ids, self._spans[place.high - 1].ids
        if first == last:
            return first[place.depth :]
        end = place.depth
        while first[end] == last[end]:
            end += 1
        return first[place.depth : end]

    def ends_forced(self, place: Node) -> bool:
        """Whether only one text is left."""
        return self._spans[place.low].ids == self._spans[place.high - 1].ids

    def allowed(self, place: Node) -> torch.Tensor:  # [V] bool
        """The branches."""
        mask = self._masks.get(place)
        if mask is None:
            mask = torch.zeros(self._vocab_size, dtype=torch.bool)
            mask[[token_id for token_id, _ in self._branches(place)]] = True
            self._masks[place] = mask
        return mask

    def ahead(self, place: Node) -> Ahead:
        """Unknown: each token leads to others."""
        return NOTHING_AHEAD

    def bias(self, place: Node) -> Bias | None:
        """Every branch's prior: the sum over the spans below it."""
        if not self._has_priors:
            return None
        bias = self._biases.get(place)
        if bias is None:
            branches = list(self._branches(place))
            values = np.array([_log_sum(spans) for _, spans in branches])
            values -= values.max()  # a constant changes nothing, and stays small beside logits
            bias = Bias(torch.tensor([one for one, _ in branches]), torch.from_numpy(values))
            self._biases[place] = bias
        return bias

    def advance(self, place: Node, token_id: int) -> Node:
        """The node below; empty where the token was not permitted."""
        depth = place.depth

        def key(span: Span) -> int:
            return span.ids[depth]

        low = bisect_left(self._spans, token_id, place.low, place.high, key=key)
        high = bisect_right(self._spans, token_id, low, place.high, key=key)
        return Node(low, high, depth + 1)

    def choice(self, place: Node) -> SpanChoice:
        """The span that was said; of equal ones the first."""
        span = self._spans[place.low]
        return SpanChoice(span.source, span.first, span.num_sentences)

    def _branches(self, place: Node) -> Iterator[tuple[int, list[Span]]]:
        below = self._spans[place.low : place.high]
        for token_id, spans in groupby(below, key=lambda span: span.ids[place.depth]):
            yield token_id, list(spans)


def _sorted_spans(spans: Spans, tokenizer: Tokenizer, end_ids: tuple[int, ...]) -> list[Span]:
    found = (
        span
        for number, source in enumerate(spans.sources)
        for span in _spans_of(number, source, spans, tokenizer, end_ids)
    )
    return sorted(found, key=lambda span: span.ids)


def _spans_of(
    number: int, source: SpanSource, spans: Spans, tokenizer: Tokenizer, end_ids: tuple[int, ...]
) -> Iterator[Span]:
    opening, closing = tokenizer.quote_ids if spans.quote else ((), ())
    # Without a marker between them the lead and the first word are one text to the tokenizer.
    apart, together = (spans.lead, "") if opening else ("", spans.lead)
    before = (*tokenizer.encode_continuing(apart), *opening)
    after = (*closing, *tokenizer.encode_continuing(source.suffix), *end_ids)
    heads = [tokenizer.encode_continuing(together + text) for text in source.sentences]
    tails: list[list[int]] = []
    if spans.max_sentences > 1:
        tails = [tokenizer.encode_continuing(" " + text) for text in source.sentences]
    runs = spans.runs(source)
    for (first, num), prior in zip(runs, source.priors or [None] * len(runs), strict=True):
        ids = [*heads[first], *chain.from_iterable(tails[first + 1 : first + num])]
        yield Span((*before, *ids, *after), number, first, num, prior)


def _find_prefix(spans: list[Span]) -> Span | None:
    """A span that another one goes on from; sorted, it stands right before such a one."""
    for one, following in pairwise(spans):
        if len(one.ids) < len(following.ids) and following.ids[: len(one.ids)] == one.ids:
            return one
    return None


def _log_sum(spans: list[Span]) -> float:
    return float(np.logaddexp.reduce(np.array([span.prior for span in spans], dtype=np.float64)))
