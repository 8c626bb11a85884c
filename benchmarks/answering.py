"""How good the answers' evidence is: search, quotes and gate over the demo's question file.

No engine takes part: what is measured is decided before a model writes a word. Run it after every
change of the word lists, the weights or the thresholds, and of the articles.
"""

import math
import time
from collections.abc import Sequence

from app.answers.grounding import ground
from app.demo.questions import Question, read_questions
from app.demo.vectors import demo_index
from app.knowledge.evidence import Verdict, confidence, find_evidence
from app.knowledge.quotes import Quote, rank_quotes
from app.knowledge.search import SearchIndex
from benchmarks.report import Report, arguments

PARTS = ("tune", "held", "fresh")
THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.8)
_Z = 1.96


def main() -> None:
    """Print the figures, and the gate's trade-off for other thresholds."""
    options = arguments(__doc__ or "").parse_args()
    report = Report("answering", options.json)
    started = time.perf_counter()
    index = demo_index()
    report.add("index.build", time.perf_counter() - started, "s")
    questions = read_questions()
    for part in PARTS:
        mine = [one for one in questions if one.part == part]
        _measure_retrieval(report, part, index, mine)
        _measure_gate(report, part, index, mine)
        _print_trade_off(part, index, mine)
    started = time.perf_counter()
    for one in questions:
        ground(index, [one.question])
    report.add("ground.each", (time.perf_counter() - started) / len(questions) * 1e3, "ms")


def _measure_retrieval(
    report: Report, part: str, index: SearchIndex, questions: Sequence[Question]
) -> None:
    answerable = [one for one in questions if one.is_answerable]
    ranks = [_rank(index, one) for one in answerable]
    for depth in (1, 3, 5):
        hits = [rank <= depth for rank in ranks]
        _add_share(report, f"{part}.recall_at_{depth}", hits)


def _rank(index: SearchIndex, one: Question) -> float:
    asked = index.understand(one.question)
    ranked = rank_quotes(asked, index.search(asked), index.judge)
    slugs = list(dict.fromkeys(quote.passage.article.slug for quote in ranked))
    return min((slugs.index(s) + 1 for s in one.articles if s in slugs), default=math.inf)


def _measure_gate(
    report: Report, part: str, index: SearchIndex, questions: Sequence[Question]
) -> None:
    found = [(one, find_evidence(index, one.question)) for one in questions]
    answerable = [(one, evidence) for one, evidence in found if one.is_answerable]
    unanswerable = [evidence for one, evidence in found if one.is_unanswerable]
    answered = [(one, e) for one, e in answerable if e.verdict is Verdict.ANSWER]
    for verdict in Verdict:
        hits = [e.verdict is verdict for _, e in answerable]
        _add_share(report, f"{part}.answerable.{verdict}", hits)
        hits = [e.verdict is verdict for e in unanswerable]
        _add_share(report, f"{part}.unanswerable.{verdict}", hits)
    right = [one.is_answered_by(e.quote.text) for one, e in answered if e.quote]
    _add_share(report, f"{part}.fact_in_quote", right)
    shown = [(one, [q for q in (e.quote, e.second) if q]) for one, e in answered]
    right = [any(one.is_answered_by(quote.text) for quote in quotes) for one, quotes in shown]
    _add_share(report, f"{part}.fact_in_answer", right)
    holding = [one.is_answered_by(quote.text) for one, quotes in shown for quote in quotes]
    _add_share(report, f"{part}.citation_precision", holding)


def _add_share(report: Report, name: str, hits: Sequence[bool]) -> None:
    """A share with its 95 % interval (Wilson 1927), printed behind it."""
    n, p = len(hits), sum(hits) / len(hits)
    middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    report.add(name, p, f"of {n}, {middle - half:.2f} to {middle + half:.2f}")


def _print_trade_off(part: str, index: SearchIndex, questions: Sequence[Question]) -> None:
    """What other thresholds would have given."""
    best = [(one, *_best_quote(index, one)) for one in questions]
    num_answerable = sum(one.is_answerable for one in questions)
    num_unanswerable = sum(one.is_unanswerable for one in questions)
    print(f"{part}: least confidence, answered of the answerable, right of those, false answers")
    for threshold in THRESHOLDS:
        passed = [
            (one, quote)
            for one, quote, sure in best
            if quote and quote.has_kind and sure >= threshold
        ]
        right = [one.is_answered_by(quote.text) for one, quote in passed if one.is_answerable]
        num_false = sum(one.is_unanswerable for one, _ in passed)
        print(
            f"  {threshold:.2f}  {len(right) / num_answerable:.2f}  {sum(right) / len(right):.2f}"
            f"  {num_false / num_unanswerable:.2f}"
        )


def _best_quote(index: SearchIndex, one: Question) -> tuple[Quote | None, float]:
    asked = index.understand(one.question)
    quote = next(iter(rank_quotes(asked, index.search(asked), index.judge)), None)
    return quote, confidence(asked, quote) if quote else 0.0


if __name__ == "__main__":
    main()
