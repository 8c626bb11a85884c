"""A sentence of the model is said if an article supports it, and an article's own always."""

import re

import pytest

from app.answers.guards import Breach, Setting
from app.answers.support import SupportCheck, Supported
from app.knowledge.evidence import find_evidence
from app.knowledge.passages import Passage
from tests.app.knowledge.demo_index import demo_index

BESIDE = Setting("Fernhill Supply", beside_facts=True)
SENTENCES = [
    (passage, sentence)
    for passage in demo_index().passages
    for sentence in passage.sentences
    if sentence.endswith(".")
]
CHECKS = {id(passage): SupportCheck([passage], BESIDE) for passage, _ in SENTENCES[::3]}
MIN_CAUGHT = 0.98


def delivery() -> Passage:
    quote = find_evidence(demo_index(), "How long does standard delivery take?").quote
    assert quote is not None
    return quote.passage


def is_supported(passage: Passage, sentence: str) -> bool:
    check = CHECKS.get(id(passage)) or SupportCheck([passage], BESIDE)
    verdict = check.check(sentence)
    return isinstance(verdict, Supported) and verdict.passage == 0


def test_every_sentence_of_an_article_is_supported_by_it() -> None:
    checked = [one for one in SENTENCES if id(one[0]) in CHECKS]

    refused = [said for passage, said in checked if not is_supported(passage, said)]

    assert len(checked) > 200 and refused == []


def test_hardly_any_changed_number_passes() -> None:
    passed, num_changed = [], 0
    for passage, sentence in SENTENCES:
        if id(passage) not in CHECKS:
            continue
        for match in re.finditer(r"\d+", sentence):
            changed = f"{sentence[: match.start()]}{int(match[0]) + 1}{sentence[match.end() :]}"
            num_changed += 1
            passed += [changed] if is_supported(passage, changed) else []

    assert num_changed > 150
    assert 1 - len(passed) / num_changed >= MIN_CAUGHT, passed


@pytest.mark.parametrize(
    "said",
    [
        "Standard delivery takes 3 to 5 working days [1].",
        "Standard delivery takes three to five working days.",
        "Standard delivery costs $4.95.",
        "You get it within 3 to 5 working days with standard delivery, and it costs $4.95.",
        "Standard delivery is free for orders of $60 or more.",
    ],
)
def test_other_words_for_the_same_facts_are_supported(said: str) -> None:
    assert is_supported(delivery(), said)


@pytest.mark.parametrize(
    ("said", "breach"),
    [
        ("Standard delivery takes 3 to 5 weeks.", Breach.FIGURE),
        ("Standard delivery takes 3 to 4 working days.", Breach.FIGURE),
        ("Standard delivery costs $5.95.", Breach.FIGURE),
        ("Standard delivery does not take 3 to 5 working days.", Breach.CLAIM),
        ("Standard delivery always costs $4.95.", Breach.CLAIM),
        ("Standard delivery is free.", Breach.COMMITMENT),
        ("We guarantee standard delivery in 3 to 5 working days.", Breach.COMMITMENT),
        ("I have sent it by standard delivery.", Breach.COMMITMENT),
        ("Track standard delivery at www.evil.example now.", Breach.LINK),
        ("Standard delivery by Swiftpost takes 3 to 5 working days.", Breach.NAME),
        ("Swiftpost takes 3 to 5 working days.", Breach.UNSUPPORTED),
        ("Elephants are larger than mice, as everybody knows.", Breach.UNSUPPORTED),
        ("Standard delivery takes 3 to 5 working days", Breach.UNFINISHED),
        ("As the passages say, standard delivery takes 3 to 5 working days.", Breach.ECHO),
        ("<b>Standard delivery</b> takes 3 to 5 working days.", Breach.LINK),
    ],
)
def test_what_the_article_does_not_say_is_not_said(said: str, breach: Breach) -> None:
    assert SupportCheck([delivery()], BESIDE).check(said) is breach


def test_service_words_need_no_source_and_the_right_passage_is_cited() -> None:
    other = next(passage for passage, _ in SENTENCES if "warranty" in passage.text)
    check = SupportCheck([other, delivery()], BESIDE)

    assert check.check("Happy to help with that.") == Supported(None)
    found = check.check("Standard delivery costs $4.95.")
    assert isinstance(found, Supported) and found.passage == 1
    assert "$4.95" in found.quote
    assert SupportCheck([], BESIDE).check("It costs $4.95.") is Breach.UNSUPPORTED


def test_facts_of_two_passages_are_not_mixed() -> None:
    other = next(one for one, said in SENTENCES if "warranty of 2 years" in said)
    mixed = "Standard delivery takes 2 years."

    assert isinstance(SupportCheck([delivery(), other], BESIDE).check(mixed), Breach)


def test_a_begun_sentence_is_stopped_at_the_first_fact_that_stands_nowhere() -> None:
    check = SupportCheck([delivery()], BESIDE)

    assert check.check_start("Standard delivery takes 3 to 5") is None
    assert check.check_start("Standard delivery takes 9") is Breach.FIGURE
    assert check.check_start("Please call Jane") is Breach.NAME


def test_half_a_link_is_not_supported_though_it_stands_in_a_whole_one() -> None:
    passage, sentence = next(one for one in SENTENCES if "https://fernhill.example/" in one[1])
    half = sentence[: sentence.index(".example")] + "."

    assert half[:-1] in sentence
    assert SupportCheck([passage], BESIDE).check(half) is Breach.LINK
