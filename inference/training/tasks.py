"""Tasks beside answering: which label a message gets, and what a conversation was about.

A task is a system turn at the end of the prompt; the answer is the assistant's. Labels stand in the
task and are copied from it, so a workspace's own labels work too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from inference.training import phrases, small_talk
from inference.training.corpus import Intent, read_intents
from inference.training.exchange import invented_name
from inference.training.grounded import passages_turn, quoting_turn, reworded
from inference.training.layout import Conversation, Role, Turn, say, system_turns
from inference.training.shop_facts import Topic, write

LABEL_TASK: Final = "Which label fits this conversation? Choose one: {labels}."
SUMMARY_TASK: Final = "Summarise this conversation for a colleague."
NO_LABEL: Final = "none of these"
MIN_LABELS: Final = 3
MAX_LABELS: Final = 8
NO_LABEL_SHARE: Final = 0.1
SYSTEM_SHARE: Final = 0.5


@dataclass(frozen=True)
class LabelMaker:
    """Makes label tasks from messages of known intent; labels of one task are of one source."""

    intents: Sequence[Intent]
    labels: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, intents: Sequence[Intent]) -> "LabelMaker":
        found: dict[str, set[str]] = {}
        for intent in intents:
            found.setdefault(intent.source, set()).add(intent.label)
        return cls(intents, {source: tuple(sorted(own)) for source, own in found.items()})

    def conversation(self, rng: Random) -> Conversation:
        intent = rng.choice(self.intents)
        return self.task(intent, rng.randint(MIN_LABELS, MAX_LABELS), rng)

    def task(self, intent: Intent, num_labels: int, rng: Random) -> Conversation:
        """The message, the choice of so many labels, and the right one or none."""
        others = [label for label in self.labels[intent.source] if label != intent.label]
        shown = rng.sample(others, min(num_labels - 1, len(others)))
        is_listed = rng.random() >= NO_LABEL_SHARE
        if is_listed:
            shown.append(intent.label)
        rng.shuffle(shown)
        is_prompt = rng.random() < SYSTEM_SHARE
        return (
            *(system_turns(phrases.company(rng)) if is_prompt else ()),
            say(Role.CUSTOMER, intent.text),
            say(Role.SYSTEM, LABEL_TASK.format(labels=", ".join((*shown, NO_LABEL)))),
            say(Role.ASSISTANT, intent.label if is_listed else NO_LABEL),
        )


def summary(topics: Sequence[Topic], rng: Random) -> Conversation:
    """A made-up visit and its summary: who asked, about what, what was said, what is open."""
    company, name = phrases.company(rng), invented_name(rng)
    turns: list[Turn] = list(system_turns(company))
    points: list[str] = []
    if rng.random() < 0.5:
        turns.append(say(Role.CUSTOMER, rng.choice(_NAMED).format(name=name)))
        turns.append(say(Role.ASSISTANT, rng.choice(small_talk.GREETING.answers)))
        points.append(f"The customer is {name}.")
    for topic in rng.sample(topics, rng.randint(1, 2)):
        more, point = _visit(topic, rng)
        turns += more
        points.append(point)
    ending, point = rng.choice(_ENDINGS)
    if ending is not None:
        turns += small_talk.exchange(ending, company, rng)
    points.append(point)
    turns += [say(Role.SYSTEM, SUMMARY_TASK), say(Role.ASSISTANT, " ".join(points))]
    return tuple(turns)


_NAMED: Final = ("Hi, my name is {name}.", "Hello, this is {name}", "{name} here, I need help")
_ENDINGS: Final = (
    (small_talk.PERSON, "They asked for a person."),
    (small_talk.UPSET, "They are unhappy and were offered a person."),
    (small_talk.THANKS, "They thanked us, nothing is open."),
    (None, "They have not replied since."),
)


def _visit(topic: Topic, rng: Random) -> tuple[tuple[Turn, ...], str]:
    written = write(topic, rng)
    fact = rng.randrange(len(written.questions))
    title, question = written.passage.title, rng.choice(written.questions[fact])
    asked = say(Role.CUSTOMER, reworded(question, rng))
    if rng.random() < 0.3:
        refused = say(Role.ASSISTANT, phrases.refusal(rng))
        return (asked, refused), f'They asked "{question}" and we had no answer.'
    answer = quoting_turn(written.passage.sentences[fact], 1, rng)
    point = f'They asked "{question}" and got a quote from "{title}".'
    return (passages_turn([written.passage]), asked, answer), point


def read_label_maker(folder: Path, splits: frozenset[str]) -> LabelMaker:
    """Of the intents of these parts; without intent files there are no tasks to make."""
    return LabelMaker.of([one for one in read_intents(folder) if one.split in splits])
