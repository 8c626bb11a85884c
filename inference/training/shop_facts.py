"""Made-up help articles of made-up companies, for questions that share few words with the answer.

The data's constructed questions often repeat a heading. Customers do not: "when will I be refunded"
is answered by "The money is sent within 7 days". The patterns in shop_topics.toml give both sides;
numbers are drawn anew each time, so they can only be learned by copying them.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from random import Random
from string import Formatter
from typing import Final

from inference.training import phrases, small_talk
from inference.training.exchange import invented_name, invented_number
from inference.training.grounded import (
    SHOWN_ANYWAY_SHARE,
    passages_turn,
    quoting_turn,
    reworded,
)
from inference.training.layout import Conversation, Quote, Role, Turn, say, system_turns
from inference.training.passages import Passage

TOPICS_PATH: Final = Path(__file__).with_name("shop_topics.toml")
HELD_OUT_EVERY: Final = 5
UNANSWERED_SHARE: Final = 0.25
ASK_BACK_SHARE: Final = 0.1
HAND_OVER_SHARE: Final = 0.3  # of the refused questions

_NAMES: Final = {
    "country": "Norway,Sweden,Austria,Belgium,Ireland,Canada,Japan,Portugal,Poland,Chile,Italy",
    "city": "Leeds,Oslo,Vienna,Ghent,Dublin,Boston,Kyoto,Porto,Lyon,Turin,Bergen,Austin,Bristol",
    "pay": "credit card,PayPal,bank transfer,debit card,Apple Pay,Google Pay,gift card,invoice",
    "email": "help@example.com,care@example.org,support@example.net,service@example.com",
    "opens": "7 am,8 am,8:30 am,9 am,9:30 am,10 am",
    "closes": "4 pm,5 pm,6 pm,7 pm,8 pm,9:30 pm",
    "time": "11 am,12 noon,1 pm,2 pm,3 pm,4:30 pm",
    "degrees": "20,30,40,60",
    "hundred": "50,100,150,200,250,500",
    "hours": "2,4,6,8,12,24,36,48,72",
    "sum": "$25,$30,$40,$50,$75,$80,$100,$150,$200,$250",
    "money": "$1.99,$2.50,$3.90,$4.50,$4.95,$5.99,$6.50,$7.90,$9.99,$12.00,$15.00,$19.90",
    "percent": "5%,8%,10%,12%,15%,20%",
}
INVENTED_SHARE: Final = 0.6
_INVENTED: Final = {
    "country": "{0}",
    "city": "{0}",
    "pay": "{0} Pay",
    "email": "{0}@example.com",
    "sum": "${1}",
    "money": "${1}.90",
    "percent": "{1}%",
    "hundred": "{1}0",
}
"""Values that no list holds, so that they can only be copied: a name, two digits."""
_RANGES: Final = {
    "few": (2, 5),
    "days": (6, 60),
    "weeks": (2, 8),
    "months": (2, 18),
    "years": (2, 6),
    "minutes": (5, 60),
    "kilos": (8, 32),
}


@dataclass(frozen=True)
class Fact:
    """One thing an article says, and how customers ask for it."""

    say: tuple[str, ...]
    ask: tuple[str, ...]


@dataclass(frozen=True)
class Topic:
    titles: tuple[str, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Written:
    """A topic's article for one company: a passage, and for each sentence its questions."""

    passage: Passage
    questions: tuple[tuple[str, ...], ...]


def read_topics() -> tuple[tuple[Topic, ...], tuple[Topic, ...]]:
    """The topics for training and those held out."""
    with TOPICS_PATH.open("rb") as file:
        topics = [
            Topic(
                tuple(topic["titles"]),
                tuple(Fact(tuple(fact["say"]), tuple(fact["ask"])) for fact in topic["facts"]),
            )
            for topic in tomllib.load(file)["topic"]
        ]
    held_out = tuple(topics[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY])
    return tuple(topic for topic in topics if topic not in held_out), held_out


def shop_conversation(topics: tuple[Topic, ...], rng: Random) -> Conversation:
    """A visit to one company's help: one or two questions, sometimes with small talk around."""
    company = phrases.company(rng)
    articles = [write(topic, rng) for topic in rng.sample(topics, min(8, len(topics)))]
    turns = list(system_turns(company))
    if rng.random() < 0.2:
        turns += small_talk.exchange(small_talk.GREETING, company, rng)
    for _ in range(1 + (rng.random() < 0.4)):
        if rng.random() < ASK_BACK_SHARE:
            turns += _asked_back(rng.choice(topics), rng)
            continue
        turns += _question(articles, rng)
        is_refused = not any(isinstance(part, Quote) for part in turns[-1].parts)
        if is_refused and rng.random() < HAND_OVER_SHARE:
            turns += small_talk.exchange(small_talk.ACCEPTED, company, rng)
    if rng.random() < 0.25:
        turns += small_talk.exchange(small_talk.THANKS, company, rng)
    if rng.random() < 0.12:
        turns += small_talk.exchange(rng.choice(small_talk.MIDDLE), company, rng)
    return tuple(turns)


def write(topic: Topic, rng: Random) -> Written:
    """The topic's article with every slot filled; sentences keep or change their order."""
    facts = list(topic.facts)
    if rng.random() < 0.5:
        rng.shuffle(facts)
    patterns = [rng.choice(fact.say) for fact in facts]
    values = _values([text for fact in facts for text in (*fact.say, *fact.ask)], rng)
    return Written(
        Passage(rng.choice(topic.titles), tuple(text.format(**values) for text in patterns)),
        tuple(tuple(text.format(**values) for text in fact.ask) for fact in facts),
    )


def _question(articles: list[Written], rng: Random) -> tuple[Turn, ...]:
    gold, *others = rng.sample(articles, rng.randint(2, min(5, len(articles))))
    fact = rng.randrange(len(gold.questions))
    asked = say(Role.CUSTOMER, reworded(rng.choice(gold.questions[fact]), rng))
    if rng.random() < UNANSWERED_SHARE:
        refused = (asked, say(Role.ASSISTANT, phrases.refusal(rng)))
        if rng.random() > SHOWN_ANYWAY_SHARE:
            return refused
        return passages_turn([article.passage for article in others]), *refused
    chosen = [article.passage for article in (gold, *others)]
    rng.shuffle(chosen)
    marker = chosen.index(gold.passage) + 1
    quote = gold.passage.sentences[fact]
    return passages_turn(chosen), asked, quoting_turn(quote, marker, rng)


def _asked_back(topic: Topic, rng: Random) -> tuple[Turn, ...]:
    """Two articles hold the answer, for two named things: which one is meant is asked first."""
    names = [invented_name(rng), invented_name(rng)]
    articles = [write(topic, rng) for _ in names]
    passages = [
        Passage(f"{article.passage.title} ({name})", article.passage.sentences)
        for name, article in zip(names, articles, strict=True)
    ]
    meant = rng.randrange(2)
    fact = rng.randrange(len(articles[meant].questions))
    asked = reworded(rng.choice(articles[meant].questions[fact]), rng)
    named = rng.choice(("{}", "The {} one", "For {}", "I mean {}", "it is {}")).format(names[meant])
    return (
        passages_turn(passages),
        say(Role.CUSTOMER, asked),
        say(Role.ASSISTANT, phrases.asking_back(names[0], names[1], rng)),
        say(Role.CUSTOMER, named),
        quoting_turn(articles[meant].passage.sentences[fact], meant + 1, rng),
    )


def _values(texts: list[str], rng: Random) -> dict[str, str]:
    """One value for each slot; numbered slots of a kind differ from each other."""
    slots = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
    values: dict[str, str] = {}
    for slot in sorted(slots):
        kind = slot.rstrip("0123456789")
        taken = {value for other, value in values.items() if other.startswith(kind)}
        values[slot] = rng.choice([value for value in _choices(kind, rng) if value not in taken])
    return values


def _choices(kind: str, rng: Random) -> list[str]:
    if kind in _INVENTED and rng.random() < INVENTED_SHARE:
        form = _INVENTED[kind]
        return [form.format(invented_name(rng), invented_number(2, rng)) for _ in range(9)]
    if kind == "phone":
        return [f"0{rng.randint(100, 999)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}"]
    if kind in _RANGES:
        low, high = _RANGES[kind]
        return [str(number) for number in range(low, high + 1)]
    return _NAMES[kind].split(",")
