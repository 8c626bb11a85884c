"""Whatever a model writes freely, only what articles support is read, and it is cited."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.answers import phrases
from app.answers.free_release import FreeRelease
from app.answers.guards import Breach
from app.answers.planning import make_plan
from app.answers.word_gate import CUT
from app.workspace.answer_policy import AnswerMode, AnswerPolicy, ReleaseMode
from tests.app.answers.threads import said, thread
from tests.app.knowledge.demo_index import demo_index

POLICY = AnswerPolicy(mode=AnswerMode.FREE)
PLAN = make_plan(demo_index(), thread(said("How long does standard delivery take?"), policy=POLICY))
QUOTE = PLAN.citations[0].quote
GOOD, GOOD_TOO = "Standard delivery takes 3 to 5 working days.", "Standard delivery costs $4.95."
HELLO, LIE, PROMISE = "Happy to help.", "Standard delivery takes 2 days.", "I have refunded you."
WEAK = "Parcels and elephants travel by night because the roads are quiet then, as you know."

TOKEN = ReleaseMode.TOKEN
texts = st.lists(
    st.sampled_from(
        [
            GOOD,
            GOOD_TOO,
            HELLO,
            LIE,
            PROMISE,
            WEAK,
            "\n",
            "[1]",
            " [2].",
            "e.g.",
            "No end",
            "\u202e",
        ]
    ),
    max_size=7,
).map(" ".join) | st.lists(st.sampled_from([GOOD, LIE, "- ", "\n", "1. "]), max_size=5).map("".join)


def release(mode: ReleaseMode = ReleaseMode.SENTENCE) -> FreeRelease:
    assert PLAN.free is not None
    return PLAN.free.release(mode)


def shown(text: str, mode: ReleaseMode = ReleaseMode.SENTENCE) -> str:
    one = release(mode)
    return "".join(one.feed(text) + one.finish())


def test_supported_sentences_are_shown_with_the_passage_that_supports_them() -> None:
    one = release()

    text = "".join(one.feed(f"{HELLO} {GOOD} {GOOD_TOO}") + one.finish())

    assert text == f"{HELLO} {GOOD} [1] {GOOD_TOO} [1]"
    assert [cited.passage for cited in one.cited] == [0]
    assert "3 to 5 working days" in one.cited[0].quote and one.breaches == []


def test_what_the_model_cites_itself_does_not_count() -> None:
    assert shown("Standard delivery takes 3 to 5 working days [7].") == f"{GOOD} [1]"
    assert shown(f"{GOOD} [3] {HELLO}") == f"{GOOD} [1] {HELLO}"


def test_an_unsupported_sentence_is_dropped() -> None:
    one = release()

    text = "".join(one.feed(f"{GOOD} {LIE} {GOOD_TOO} {PROMISE}") + one.finish())

    assert text == f"{GOOD} [1] {GOOD_TOO} [1]"
    assert one.breaches == [Breach.FIGURE, Breach.COMMITMENT]


def test_an_answer_without_a_supported_fact_becomes_the_quote() -> None:
    text = shown(f"{LIE} {PROMISE}")

    assert QUOTE in text and "[1]" in text
    assert text.startswith(phrases.OPENINGS) and text.endswith(phrases.CLOSINGS)
    assert shown("") == text
    assert shown(f"{HELLO} {LIE}").startswith(f"{HELLO} {QUOTE} [1]")


def test_word_by_word_an_invented_fact_is_never_read_and_a_weak_sentence_is_corrected() -> None:
    lie = shown(f"{GOOD} Our standard delivery for you is done in 2 days. {GOOD_TOO}", TOKEN)
    weak = shown(f"{GOOD} {WEAK} {GOOD_TOO}", TOKEN)

    assert " 2 " not in lie and CUT in lie
    assert lie.endswith(f"{phrases.CORRECTION} {QUOTE} [1]")
    assert CUT in weak and weak.endswith(f"{phrases.CORRECTION} {QUOTE} [1]")


def test_word_by_word_the_words_follow_the_model() -> None:
    one = release(TOKEN)

    assert "".join(one.feed("Standard delivery takes 3 to 5 working ")) == "Standard delivery takes"
    assert "".join(one.feed("days.") + one.finish()) == " 3 to 5 working days. [1]"


@settings(max_examples=60)
@given(texts, st.sampled_from(ReleaseMode), st.data())
def test_no_cut_into_chunks_changes_what_is_shown(
    text: str, mode: ReleaseMode, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=20)))
    one = release(mode)

    pieces: list[str] = []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        pieces += one.feed(text[start:end])
    pieces += one.finish()

    assert "".join(pieces) == shown(text, mode)


@settings(max_examples=60)
@given(texts, st.sampled_from(ReleaseMode))
def test_whatever_it_writes_no_false_fact_is_read_and_there_is_a_source(
    text: str, mode: ReleaseMode
) -> None:
    one = release(mode)

    said = "".join(one.feed(text) + one.finish())

    assert "2 days" not in said and "refunded" not in said
    assert one.cited and all(f"[{cited.passage + 1}]" in said for cited in one.cited)
    if mode is ReleaseMode.SENTENCE:
        assert "elephants" not in said
    elif CUT not in said:
        assert said == shown(text)
