"""How often a reply like this one holds the fact that was asked for; pure.

Counted over the 265 questions of the demo that are to be answered or refused (`docs/answering.md`):
a step for each verdict and coverage that the counts tell apart, rising with the evidence. Other
articles have other shares; the order stands.
"""

from app.knowledge.evidence import Verdict

_WHOLE_COVERAGE = 0.95
_WHOLE = 0.93  # 119 of 128
_PART = 0.78  # 28 of 36
_UNSURE = 0.57  # 17 of 30


def confidence(verdict: Verdict | None, coverage: float | None) -> float | None:
    """0 to 1; None where the articles were not asked."""
    match verdict:
        case None:
            return None
        case Verdict.ANSWER:
            return _WHOLE if (coverage or 0.0) >= _WHOLE_COVERAGE else _PART
        case Verdict.UNSURE:
            return _UNSURE
        case Verdict.NOTHING:
            return 0.0
