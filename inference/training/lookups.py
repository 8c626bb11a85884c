"""Look-ups without end: passages of random facts, short questions, answers that are in one of them.

Nothing of a fact can be known beforehand: keys, values and their order are drawn anew each time. A
share of the questions asks for a key that is not there, and the right answer says so.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from inference.training import phrases
from inference.training.exchange import invented_name, invented_number
from inference.training.grounded import passages_turn, reworded
from inference.training.layout import Conversation, Quote, Role, Turn, say, system_turns
from inference.training.passages import Passage

MAX_PASSAGES: Final = 3
MAX_FACTS: Final = 4
MAX_QUESTIONS: Final = 6
ABSENT_SHARE: Final = 0.25
SYSTEM_SHARE: Final = 0.2


@dataclass(frozen=True)
class Relation:
    """How a fact is said and asked for; {key} is a name, {value} what is looked up."""

    title: str
    kind: str
    said: tuple[str, ...]
    asked: tuple[str, ...]


RELATIONS: Final = (
    Relation(
        "Codes",
        "code",
        ("The code of {key} is {value}.", "{key} has the code {value}.", "{key}: {value}."),
        ("What is the code of {key}?", "{key} code", "Which code does {key} have?"),
    ),
    Relation(
        "Prices",
        "money",
        ("{key} costs {value}.", "The price of {key} is {value}.", "You pay {value} for {key}."),
        ("How much is {key}?", "What does {key} cost?", "price of {key}"),
    ),
    Relation(
        "Contacts",
        "email",
        ("Write to {key} at {value}.", "{key} can be reached at {value}."),
        ("How can I reach {key}?", "What is the email address of {key}?", "contact {key}"),
    ),
    Relation(
        "Phone numbers",
        "phone",
        ("The phone number of {key} is {value}.", "Call {key} on {value}."),
        ("What number does {key} have?", "How do I call {key}?", "phone {key}"),
    ),
    Relation(
        "Places",
        "name",
        ("{key} is in {value}.", "You find {key} in {value}.", "{key} moved to {value}."),
        ("Where is {key}?", "In which place is {key}?", "where do i find {key}"),
    ),
    Relation(
        "Managers",
        "full_name",
        ("{value} looks after {key}.", "The manager of {key} is {value}."),
        ("Who looks after {key}?", "Who is the manager of {key}?", "manager {key}"),
    ),
    Relation(
        "Opening times",
        "time",
        ("{key} opens at {value}.", "From {value} on {key} is open."),
        ("When does {key} open?", "opening time {key}", "At what time does {key} open?"),
    ),
    Relation(
        "Pages",
        "link",
        ("More about {key} stands on {value}.", "Read about {key} at {value}."),
        ("Is there a page about {key}?", "Where can I read about {key}?", "link for {key}"),
    ),
    Relation(
        "Waiting times",
        "days",
        ("{key} takes {value} days.", "You wait {value} days for {key}."),
        ("How long does {key} take?", "How many days for {key}?", "{key} how long"),
    ),
)


@dataclass(frozen=True)
class _Fact:
    relation: Relation
    key: str
    marker: int
    sentence: str


def look_ups(rng: Random) -> Conversation:
    """One set of passages and several questions about it; small sets are as many as large ones."""
    facts = _facts(rng)
    is_prompt = rng.random() < SYSTEM_SHARE
    turns: list[Turn] = list(system_turns(phrases.company(rng))) if is_prompt else []
    turns.append(passages_turn(_passages(facts)))
    num_questions = min(len(facts) + 1, rng.randint(1, MAX_QUESTIONS))
    for fact in rng.choices(facts, k=num_questions):
        turns += _asked(fact, facts, rng)
    return tuple(turns)


def _facts(rng: Random) -> list[_Fact]:
    facts: list[_Fact] = []
    relations = rng.sample(RELATIONS, rng.randint(1, MAX_PASSAGES))
    keys = [_key(rng) for _ in range(MAX_FACTS)]
    for marker, relation in enumerate(relations, start=1):
        for key in rng.sample(keys, rng.randint(1, MAX_FACTS)):
            sentence = rng.choice(relation.said).format(key=key, value=_value(relation.kind, rng))
            facts.append(_Fact(relation, key, marker, sentence))
    return facts


def _passages(facts: list[_Fact]) -> list[Passage]:
    by_marker: dict[int, list[_Fact]] = {}
    for fact in facts:
        by_marker.setdefault(fact.marker, []).append(fact)
    return [
        Passage(mine[0].relation.title, tuple(fact.sentence for fact in mine))
        for mine in by_marker.values()
    ]


def _asked(fact: _Fact, facts: list[_Fact], rng: Random) -> tuple[Turn, Turn]:
    is_absent = rng.random() < ABSENT_SHARE
    taken = {(other.relation.title, other.key) for other in facts}
    key = fact.key
    while is_absent and (fact.relation.title, key) in taken:
        key = _key(rng)
    question = reworded(rng.choice(fact.relation.asked).format(key=key), rng)
    if is_absent:
        return say(Role.CUSTOMER, question), say(Role.ASSISTANT, phrases.refusal(rng))
    quote = Quote(fact.sentence)
    opening = f"{phrases.opening(rng)} " if rng.random() < 0.3 else ""
    parts = (opening, quote, f" [{fact.marker}]") if opening else (quote, f" [{fact.marker}]")
    return say(Role.CUSTOMER, question), Turn(Role.ASSISTANT, parts)


def _key(rng: Random) -> str:
    name = invented_name(rng)
    return f"{name} {invented_name(rng)}" if rng.random() < 0.3 else name


def _value(kind: str, rng: Random) -> str:
    name = invented_name(rng).lower()
    match kind:
        case "code":
            return invented_number(rng.randint(2, 6), rng)
        case "days":
            return invented_number(rng.randint(1, 2), rng)
        case "money":
            return f"${invented_number(rng.randint(1, 3), rng)}.{invented_number(2, rng)}"
        case "phone":
            return f"0{invented_number(3, rng)} {invented_number(rng.randint(4, 6), rng)}"
        case "email":
            return f"{name}@{invented_name(rng).lower()}.{rng.choice(('com', 'org', 'net'))}"
        case "link":
            return f"https://{name}.example/{invented_name(rng).lower()}"
        case "time":
            return f"{rng.randint(1, 12)}:{rng.randint(10, 59)} {rng.choice(('am', 'pm'))}"
        case "full_name":
            return f"{invented_name(rng)} {invented_name(rng)}"
        case _:
            return invented_name(rng)
