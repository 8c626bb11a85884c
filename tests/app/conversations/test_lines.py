"""The house's lines: in the customer's language, and no promise that the hours do not allow."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.answers.phrasebook import LANGUAGES
from app.conversations import lines
from app.conversations.line_words import words_of
from app.vocabulary import HandoffReason

OPENING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))


def waiting(
    reason: HandoffReason = HandoffReason.ASKED, *, is_open: bool, locale: str, mail: bool = False
) -> str:
    return lines.waiting(reason, None if is_open else OPENING, has_email=mail, locale=locale)


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("reason", list(HandoffReason))
def test_only_open_hours_promise_a_person_here_and_closed_ones_say_when(
    locale: str, reason: HandoffReason
) -> None:
    words = words_of(locale)
    now, later = (waiting(reason, is_open=is_open, locale=locale) for is_open in (True, False))

    assert words.person_here not in later and "09:00 " in later and "23" in later
    assert words.days[0] in later and words.months[10] in later
    assert (words.person_here in now) == (reason is not HandoffReason.AGENT_AWAY)
    assert words.leave_mail in later and words.leave_mail not in now
    assert words.leave_mail not in waiting(reason, is_open=False, locale=locale, mail=True)


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_language_has_all_words_of_its_own(locale: str) -> None:
    words, english = words_of(locale), words_of("en")
    texts = [value for value in vars(words).values() if isinstance(value, str)]

    assert (len(words.days), len(words.months)) == (7, 12)
    assert all(texts) and lines.joined("Ana", locale).count("Ana") == 1
    assert "Ana" in lines.left("Ana", locale)
    if locale != "en":
        assert not set(texts) & {v for v in vars(english).values() if isinstance(v, str)}


def test_regions_are_their_language_and_unknown_ones_are_english() -> None:
    assert words_of("pt-BR") is words_of("pt") and words_of("DE_at") is words_of("de")
    assert words_of("fi") is words_of("") is words_of("en")
    assert "Monday, 23 November at 09:00" in waiting(is_open=False, locale="en-GB")
