"""Who tells of a mishap or wants a deed is told so first; who asks is just answered."""

import pytest

from app.answers import phrases
from app.answers.manners import Manner, manner_of, without_order_number
from app.answers.parts import Copy
from app.answers.planning import Plan, make_plan
from app.answers.policy import Move, route
from app.knowledge.evidence import Verdict
from app.vocabulary import Chip, HandoffReason
from tests.app.answers.threads import answered, said, thread
from tests.app.knowledge.demo_index import demo_index


def plan_for(text: str, locale: str = "en") -> Plan:
    return make_plan(demo_index(), thread(said(text), locale=locale))


def copies(plan: Plan) -> str:
    return "".join(part.text for part in plan.parts if isinstance(part, Copy))


@pytest.mark.parametrize(
    "text, manner",
    [
        ("my jacket came with a hole in it", Manner.SORRY),
        ("I spent $58.99 and got the wrong thing", Manner.SORRY),
        ("my order never arrived!!", Manner.SORRY),
        ("Hello, my package is late. What now?", Manner.SORRY),
        ("cancel my order", Manner.DEED),
        ("Can you please change the address of my order?", Manner.DEED),
        ("what's the status of order FH20418833", Manner.LOOK_UP),
        ("WHERE IS MY ORDER", Manner.LOOK_UP),
        ("What if an item is missing?", Manner.PLAIN),
        ("How do I report a broken item?", Manner.PLAIN),
        ("Can I pay with PayPal?", Manner.PLAIN),
        ("How do I change my address?", Manner.PLAIN),
    ],
)
def test_the_manner_follows_what_is_said(text: str, manner: Manner) -> None:
    assert manner_of(text) is manner


def test_a_mishap_is_regretted_and_a_person_is_near() -> None:
    plan = plan_for("hello, my package is late")

    assert plan.verdict is Verdict.ANSWER
    assert copies(plan).startswith(phrases.MANNER_OPENINGS[Manner.SORRY])
    assert copies(plan).endswith(phrases.MANNER_CLOSINGS[Manner.SORRY])
    assert plan.citations and plan.citations[0].quote in copies(plan)


def test_a_mishap_that_no_article_knows_is_offered_a_person() -> None:
    plan = plan_for("my jacket came with a purple hole in the lining")

    assert (plan.verdict, plan.chips) == (Verdict.NOTHING, (Chip.HUMAN,))
    assert copies(plan).startswith(phrases.MANNER_UNKNOWN[Manner.SORRY])


def test_who_wants_a_deed_hears_that_the_bot_does_none() -> None:
    plan = plan_for("Can you cancel my order FH20418833 for me?")

    assert copies(plan).startswith(phrases.MANNER_OPENINGS[Manner.DEED])
    assert plan.citations[0].title == "Change or cancel an order"


def test_an_order_number_is_not_looked_for() -> None:
    asked = "Where is my parcel? My number is FH20418833."
    assert without_order_number(asked) == "Where is my parcel?"
    assert without_order_number("status of my order #4711") == "where is my order"
    assert without_order_number("I have 12 tents") == "I have 12 tents"


@pytest.mark.parametrize(
    "text, move",
    [
        ("test", Move.GREETING),
        ("👋", Move.GREETING),
        ("👍🏽", Move.GREETING),  # as the first word it thanks for nothing
        ("😡😡", Move.UPSET),
        ("???", Move.UNCLEAR),
        ("", Move.FILE),
        ("asdfghjkl", Move.UNCLEAR),
        ("good morning, I have a question about my order", Move.HOLD),
        ("hi can you help me", Move.ABILITY),
        ("are you sure?", Move.DOUBT),
        ("this is the worst service ever", Move.UPSET),
        ("tell me a joke", Move.CHAT),
        ("no thanks, that's all", Move.GOODBYE),
    ],
)
def test_talk_is_answered_as_talk(text: str, move: Move) -> None:
    plan = plan_for(text)

    assert (plan.route.move, plan.handoff, plan.gaps) == (move, None, ())
    assert plan.parts


def test_an_emoji_means_what_its_name_says() -> None:
    assert route("👍🏽").move is route("❤️🙏").move is Move.THANKS
    assert route("👎").move is Move.UPSET


def test_who_is_upset_is_offered_a_person_and_then_gets_one() -> None:
    upset = plan_for("this is ridiculous, I'm so angry")
    offer = copies(upset)
    before = (said("this is ridiculous"), answered(offer))

    again, agreed = (
        make_plan(demo_index(), thread(*before, said(text, 3), answered_seq=2))
        for text in ("your service is terrible", "yes please")
    )

    assert upset.chips == (Chip.HUMAN,)
    assert again.handoff is HandoffReason.NOT_HELPED
    assert agreed.handoff is HandoffReason.ASKED


def test_a_yes_to_an_answer_that_ends_with_a_person_brings_one() -> None:
    first = plan_for("hello, my package is late")
    before = (said("hello, my package is late"), answered(copies(first)))

    yes, okay = (
        make_plan(demo_index(), thread(*before, said(text, 3), answered_seq=2))
        for text in ("yes please", "ok")
    )

    assert yes.handoff is HandoffReason.ASKED
    assert (okay.handoff, okay.route.move) == (None, Move.THANKS)


def test_what_is_heard_by_meaning_is_not_left_to_the_model() -> None:
    assert plan_for("test").prompt is plan_for("👋").prompt is None
    assert plan_for("hello").prompt is not None


def test_signs_are_answered_in_the_language_of_the_widget() -> None:
    assert copies(plan_for("😡", "de")).startswith("Es tut mir leid")
