"""A row of the test bench: what became of a question, in people's words and never as markup."""

import pytest

from app.answers.policy import Move
from app.bench.service import FoundPassage, Trial
from app.knowledge.evidence import Verdict
from app.pages import page
from app.vocabulary import HandoffReason

HOSTILE = "<script>alert(1)</script>"


def row(trial: Trial | None, trouble: str = "") -> str:
    values = {"trial": trial, "question": HOSTILE, "trouble": trouble}
    return bytes(page("bench/_row.html", values).body).decode()


def trial(outcome: str, handoff: str | None = None) -> Trial:
    passage = FoundPassage(HOSTILE, "", HOSTILE, "/dashboard/articles/x", 0.5)
    return Trial(HOSTILE, outcome, "", (), handoff, 0.25, (passage,), 12)


@pytest.mark.parametrize("outcome", [*Verdict, *Move])
def test_an_outcome_is_told_in_words(outcome: str) -> None:
    told = row(trial(outcome))

    assert f'data-state="{outcome}"' in told and f">{outcome}<" not in told
    assert "25 %" in told and "1 passage found" in told
    assert HOSTILE not in told


def test_a_hand_off_says_why() -> None:
    told = row(trial(Move.HANDOFF, HandoffReason.ASKED))

    assert "To a person" in told and "then a person: the customer asked for a person" in told


def test_an_engine_that_does_not_answer_is_told_in_the_row() -> None:
    told = row(None, "The engine took too long.")

    assert "No answer" in told and "The engine took too long." in told and HOSTILE not in told
