"""What the rules say of tickets; language has its own tests."""

import pytest

from app.knowledge.meaning import Meaning, open_meaning
from app.triage.intent_words import Intent
from app.triage.intents import NO_INTENT, find_intent
from app.triage.mood import Mood, find_sentiment, find_urgency
from app.triage.service import Labels, Ticket, sort_ticket
from app.triage.summary import MAX_CHARS, MAX_SENTENCES, summarise
from app.vocabulary import Priority


@pytest.fixture(scope="module")
def meaning() -> Meaning:
    return open_meaning()


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Where is my parcel? The tracking has not moved since Monday.", Intent.ORDER_STATUS),
        ("I want my money back for order 4711.", Intent.REFUND),
        ("How do I send it back? It does not suit me.", Intent.RETURN),
        ("Please cancel my order before it goes out.", Intent.CANCELLATION),
        ("Can I change the colour of an item in my order?", Intent.CHANGE_ORDER),
        ("I'd like to place an order for six lamps.", Intent.NEW_ORDER),
        ("Do you deliver to Hawaii, and at what shipping address?", Intent.DELIVERY),
        ("My credit card was declined when paying.", Intent.PAYMENT),
        ("I need the invoice for my company.", Intent.INVOICE),
        ("I forgot my password and cannot log in.", Intent.ACCOUNT),
        ("The lamp arrived broken and does not turn on.", Intent.DEFECT),
        ("I want to file a complaint against your company.", Intent.COMPLAINT),
        ("I would like to leave a review.", Intent.FEEDBACK),
        ("Can I speak to a human agent?", Intent.CONTACT),
        ("Blue whales sing.", Intent.OTHER),
    ],
)
def test_what_is_wanted_is_found_by_its_words(text: str, intent: Intent) -> None:
    found = find_intent(text)

    assert found.intent is intent
    assert (found.confidence > 0) is (intent is not Intent.OTHER)


@pytest.mark.parametrize(
    ("text", "priority", "reason"),
    [
        ("The stove is leaking gas and there is smoke!", Priority.URGENT, "safety"),
        ("Somebody used my account to buy things, this is fraud", Priority.URGENT, "fraud"),
        ("I need this ASAP please", Priority.URGENT, "says_urgent"),
        ("Our trip is tomorrow and the tent is not here", Priority.URGENT, "deadline"),
        ("My lawyer will take you to court", Priority.HIGH, "legal"),
        ("This is the third time I write and still no answer", Priority.HIGH, "asked_before"),
        ("You charged me twice", Priority.HIGH, "money"),
        ("Awful! Terrible shop, broken lamp, horrible staff!", Priority.HIGH, "very_negative"),
        ("Thank you, the tent is great", Priority.LOW, "no_hurry"),
        ("No rush, but which glue do you recommend?", Priority.LOW, "no_hurry"),
        ("How long is the warranty?", Priority.NORMAL, "nothing_special"),
    ],
)
def test_priority_comes_with_its_reason(text: str, priority: Priority, reason: str) -> None:
    found = find_urgency(text, find_sentiment(text))

    assert (found.priority, found.reason) == (priority, reason)


def test_mood_is_turned_and_strengthened() -> None:
    def score(text: str) -> float:
        return find_sentiment(text).score

    assert score("good") > 0 > score("not good")
    assert score("very good") > score("good")
    assert score("not bad") > score("bad")
    assert score("it is bad!!!") < score("it is bad")
    assert score("It is AWFUL here") < score("It is awful here")
    assert find_sentiment("The parcel has a label.").mood is Mood.NEUTRAL
    assert -1 <= score("awful " * 50) < -0.9 and 0.9 < score("great " * 50) <= 1


def test_a_summary_is_some_of_the_sentences_in_their_order(meaning: Meaning) -> None:
    text = (
        "Hello team,\n\nI bought a Heron 2 tent on May 3rd. The weather was fine. "
        "My neighbour has a dog. After one night a pole of the tent broke. "
        "Could you please send me a new pole? The dog is called Bruno.\n\nThanks a lot\nAnn"
    )

    said = summarise(text, meaning)

    assert "Could you please send me a new pole?" in said
    assert "Hello" not in said and "Thanks" not in said
    places = [text.index(one.strip(" .?")) for one in said.replace("? ", "?|").split(". ")[:1]]
    assert places and len(said) <= MAX_CHARS
    assert said.count(".") + said.count("?") <= MAX_SENTENCES
    assert summarise("Where is it?", meaning) == "Where is it?"
    assert summarise("Hi!", meaning) == "Hi!"
    assert len(summarise("word " * 500, meaning)) <= MAX_CHARS


def test_a_language_the_rules_do_not_know_gets_no_intent_and_no_mood(meaning: Meaning) -> None:
    ticket = Ticket("Ich möchte mein Geld zurück, das ist horrible. Mail an ann@a.example", "Hallo")

    found = sort_ticket(ticket, Labels(("refund",)), meaning)

    assert found.language.code == "de"
    assert (found.intent, found.sentiment) == (NO_INTENT, None)
    [mail] = found.pii_in_text
    assert ticket.text[mail.start : mail.end] == "ann@a.example"
