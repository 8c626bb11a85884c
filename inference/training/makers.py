"""The generators of a stage, with the parts of the data that they draw from."""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from inference.training.corpus import GROUNDED_FILES, read_dialogues
from inference.training.drills import drill
from inference.training.exchange import exchange_for
from inference.training.grounded import EXCHANGED_SHARE, GroundedMaker, Question, questions_of
from inference.training.layout import Conversation
from inference.training.passages import Passage, split_context
from inference.training.shop_facts import Topic, read_topics, shop_conversation
from inference.training.tasks import LabelMaker, read_label_maker, summary

LABEL_SHARE: Final = 0.6


@dataclass(frozen=True)
class Makers:
    """Each method makes one conversation; the same state of `rng` makes the same one."""

    grounded_maker: GroundedMaker
    texts: tuple[tuple[Passage, ...], ...]
    topics: tuple[Topic, ...]
    labels: LabelMaker

    @classmethod
    def read(cls, data: Path, splits: frozenset[str], max_words: int) -> "Makers":
        """From these parts of the data; passages turns have at most so many words.

        Raises:
            DataMissing: files of the data are not there.
        """
        questions: list[Question] = []
        texts: list[tuple[Passage, ...]] = []
        for dialogue in read_dialogues(data, GROUNDED_FILES):
            if dialogue.split in splits and dialogue.context is not None:
                texts.append(tuple(split_context(dialogue.context)))
                questions += questions_of(dialogue)
        fitting = [one for one in questions if one.span.passage.num_words <= max_words]
        topics, held_out_topics = read_topics()
        return cls(
            GroundedMaker(fitting, max_words),
            tuple(texts),
            topics if "train" in splits else held_out_topics,
            read_label_maker(data, splits),
        )

    @property
    def questions(self) -> tuple[Question, ...]:
        """The data's questions whose answers are quotes."""
        return tuple(self.grounded_maker.questions)

    def grounded(self, rng: Random) -> Conversation:
        """A question of the data with passages."""
        return self.grounded_maker.conversation(rng.choice(self.grounded_maker.questions), rng)

    def drilled(self, rng: Random) -> Conversation | None:
        """A finding drill; passages of a drill mostly share their text."""
        passages = [*rng.choice(self.texts), *rng.choice(self.texts)]
        if rng.random() < EXCHANGED_SHARE:
            exchange = exchange_for((passage.line(0) for passage in passages), rng)
            passages = [passage.changed(exchange) for passage in passages]
        return drill(passages, self.grounded_maker.max_words, rng)

    def shop(self, rng: Random) -> Conversation:
        """A visit to a made-up shop's help."""
        return shop_conversation(self.topics, rng)

    def task(self, rng: Random) -> Conversation:
        """A label to choose or a conversation to sum up."""
        if rng.random() < LABEL_SHARE:
            return self.labels.conversation(rng)
        return summary(self.topics, rng)
