"""When two articles compete and neither is sure: ask which, and understand what is picked; pure.

Where both would pass the gate both are quoted, so only a maybe is asked about. Of the demo's maybes
the first article was right in three of seven and one of the first two in five: asking beats showing
the first.
"""

import re
from collections.abc import Sequence

from app.answers.grounding import CARD_CONFIDENCE, Grounding
from app.knowledge.evidence import Verdict, confidence
from app.knowledge.quotes import Quote, rank_quotes
from app.knowledge.search import SearchIndex

COMPETING = 0.3
"""Of worth, between the best quotes of two articles."""
_NUM_CARDS = 2
_WORDS = re.compile(r"[^\W_]+")
_PICKS = (
    re.compile(
        r"\b(?:1|one|first|former|erste\w*|eins|premier|première|primer\w*|prim[oa]|primeir[oa]|"
        r"eerste|een)\b|الأول"
    ),
    re.compile(
        r"\b(?:2|two|second|latter|other|zweite\w*|zwei|deuxième|segund[oa]|second[oa]|dos|due|"
        r"dois|tweede|twee)\b|الثاني"
    ),
)
_MAX_PICK_WORDS = 8


def competing(grounding: Grounding) -> tuple[Quote, Quote] | None:
    """The best quotes of the two articles that may be meant; None where one is meant, or none."""
    if grounding.verdict is not Verdict.UNSURE or not grounding.related:
        return None
    one, other = grounding.quotes[0], grounding.related[0]
    return (one, other) if one.worth - other.worth <= COMPETING else None


def cards(grounding: Grounding) -> tuple[Quote, ...]:
    """Articles that may help though none answers; none where nothing is near."""
    is_near = grounding.verdict is Verdict.NOTHING and grounding.coverage >= CARD_CONFIDENCE
    return grounding.related[:_NUM_CARDS] if is_near else ()


def picked(said: str, titles: Sequence[str]) -> int | None:
    """Which of two titles these words choose: by its number, or by words of it alone."""
    words = _WORDS.findall(said.casefold())
    if not words or len(words) > _MAX_PICK_WORDS:
        return None
    by_number = [at for at, pick in enumerate(_PICKS) if pick.search(said.casefold())]
    if len(by_number) == 1:
        return by_number[0]
    named = [set(_WORDS.findall(title.casefold())) for title in titles]
    only = [named[at] - named[1 - at] for at in (0, 1)]
    by_name = [at for at in (0, 1) if only[at] & set(words)]
    return by_name[0] if len(by_name) == 1 else None


def title_of(index: SearchIndex, slug: str) -> str | None:
    """Of an article; None for one that is no longer there."""
    found = (one.article.title for one in index.passages if one.article.slug == slug)
    return next(found, None)


def ground_in(index: SearchIndex, question: str, slug: str) -> Grounding | None:
    """The best quote of the article that was picked."""
    asked = index.understand(f"{question} {title_of(index, slug) or ''}")
    hits = [hit for hit in index.search(asked, 50) if hit.passage.article.slug == slug]
    ranked = rank_quotes(asked, hits, index.judge)
    if not ranked:
        return None
    return Grounding(Verdict.ANSWER, (ranked[0],), (), confidence(asked, ranked[0]))
