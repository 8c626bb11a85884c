"""Enums in people's words: each one has some, and none shows through."""

import re
from pathlib import Path
from uuid import UUID

import pytest

from app.answers.policy import Move
from app.api.scopes import Scope
from app.knowledge.evidence import Verdict
from app.office import words
from app.vocabulary import DeliveryState, EventType, HandoffReason

APP = Path(words.__file__).parent.parent
TOLD = [
    *((words.reason_words, one) for one in HandoffReason),
    *((words.outcome_words, one) for kind in (Verdict, Move) for one in kind),
    *((words.event_words, one) for one in EventType),
    *((words.scope_words, one) for one in Scope),
    *((words.delivery_words, one) for one in DeliveryState),
]


@pytest.mark.parametrize(("tell", "word"), TOLD, ids=lambda one: getattr(one, "value", None))
def test_every_word_of_an_enum_is_told_in_peoples_words(tell: object, word: str) -> None:
    assert callable(tell)
    told = tell(word)

    assert told[:1].isupper() and not re.search(r"[_:.]", told)
    assert told != words.plain(word) or word.isalpha(), "somebody has thought of it"


def test_the_audit_log_can_be_narrowed_to_everything_that_is_noted() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in APP.rglob("*.py"))
    noted = set(re.findall(r'\bnote\(\s*\w+,\s*[\w.]+,\s*f?"(\w+)\.', sources))

    assert len(noted) > 8 and noted <= set(words.AREAS)


def test_deeds_values_and_targets_read_as_sentences_do() -> None:
    assert words.deed_words("api_key.created") == "API key: created"
    assert words.deed_words("member.role_changed") == "Member: role changed"
    assert [words.value_words(one) for one in (None, "", True, False, 7)] == [
        "nothing",
        "nothing",
        "yes",
        "no",
        "7",
    ]
    assert words.target_words(str(UUID(int=0xABCDEF))) == "…00abcdef"
    assert words.target_words("Return an item") == "Return an item"


def test_what_nobody_has_words_for_is_told_all_the_same() -> None:
    assert words.reason_words("moon_phase") == "Moon phase"
    assert words.event_words("ticket.split") == "Ticket split"
    assert words.drafter_words("oracle") == ""
