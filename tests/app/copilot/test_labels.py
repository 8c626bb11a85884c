"""Labels are suggested from those that exist, by what they mean and by earlier conversations."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.copilot.labels import MAX_EXAMPLES, MAX_LABELS, Labelled, suggest
from app.copilot.reading import Reader
from app.knowledge.meaning import Meaning, open_meaning
from inference import Encoder
from inference import Reader as JointReader

NAMES = ["billing", "damaged", "delivery", "gift-cards", "vip"]
EARLIER = [
    Labelled("My parcel is late, where is my delivery?", frozenset({"delivery"})),
    Labelled("The parcel with my tent has not come yet", frozenset({"delivery"})),
    Labelled("The lamp arrived broken and the glass is cracked", frozenset({"damaged"})),
    Labelled("Cracked screen, the watch came broken", frozenset({"damaged"})),
    Labelled("You took the money from my card two times", frozenset({"billing"})),
    Labelled("The old label of a mug came off", frozenset({"gone"})),
]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(open_meaning())


def named(text: str, reader: Reader) -> list[str]:
    return [one.name for one in suggest(text, NAMES, EARLIER, reader)]


def test_conversations_like_it_tell_the_label_in_other_words(reader: Reader) -> None:
    assert named("Still waiting for my package to get here", reader)[0] == "delivery"
    assert named("There is a crack in the cup I unpacked", reader)[0] == "damaged"
    assert named("why was my credit card debited twice", reader)[0] == "billing"


def test_a_name_alone_tells_what_it_means(reader: Reader) -> None:
    [found] = suggest("Can I buy a voucher as a present? A gift card", NAMES, [], reader)

    assert found.name == "gift-cards" and found.confidence > 0.5


def test_none_is_invented_and_nothing_fits_what_is_like_nothing(reader: Reader) -> None:
    assert "gone" not in named("The old label of a mug came off", reader)
    assert all(
        one.confidence < 0.5 for one in suggest("Do you like chess?", NAMES, EARLIER, reader)
    )
    assert named(" ", reader) == []
    assert suggest("My parcel is late", [], EARLIER, reader) == ()


def test_the_newest_conversations_count(reader: Reader) -> None:
    newest = [Labelled("My kettle is leaking", frozenset({"vip"}))] * MAX_EXAMPLES
    oldest = [Labelled("I would like to sponsor a chess club", frozenset({"vip"}))]
    text = "Do you sponsor chess clubs?"

    assert "vip" not in [one.name for one in suggest(text, NAMES, [*newest, *oldest], reader)]
    assert suggest(text, NAMES, oldest, reader)[0].name == "vip"


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(max_size=12), unique=True, max_size=6), st.text(max_size=30))
def test_at_most_three_of_the_names_the_surest_first(names: list[str], text: str) -> None:
    found = suggest(text, names, EARLIER, Reader(open_meaning()))

    assert len(found) <= MAX_LABELS and {one.name for one in found} <= set(names)
    sure = [one.confidence for one in found]
    assert sure == sorted(sure, reverse=True) and all(0 <= one <= 1 for one in sure)


class Counted(Meaning):
    """Remembers what it was asked to read."""

    def __init__(self) -> None:
        encoder = Encoder()
        super().__init__(encoder, JointReader(encoder))
        self.asked: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.asked.append(sorted(texts))
        return super().encode(texts)


def test_a_look_reads_what_is_needed_and_some_more() -> None:
    meaning = Counted()
    reader = Reader(meaning, at_once=2)

    first, second, third = (reader.read(["needed", "a", "b", "c"], num_needed=1) for _ in range(3))

    assert meaning.asked == [["a", "b", "needed"], ["c"]]
    assert set(first) == {"needed", "a", "b"}
    assert set(second) == set(third) == {"needed", "a", "b", "c"}
