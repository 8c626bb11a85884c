"""Names and numbers change everywhere alike; everything else stays."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from inference.training.exchange import exchange_for, invented_number

PASSAGE = (
    "[1] Desk: Call Anna Berg on 0761 220 or visit Oslo in May. The desk in Oslo is open at 9."
)


def test_names_and_numbers_become_others_of_the_same_form() -> None:
    changed = exchange_for([PASSAGE], Random(3))(PASSAGE)

    for kept in ("Call", "visit", "in May", "The desk in", "is open at"):
        assert kept in changed
    for gone in ("Anna", "Berg", "Oslo", "0761", "220"):
        assert gone not in changed
    assert [len(word) for word in changed.split() if word.isdigit()] == [4, 3]


def test_a_question_and_its_quote_change_with_their_passage() -> None:
    for seed in range(30):
        exchange = exchange_for([PASSAGE], Random(seed))
        changed = exchange(PASSAGE)

        assert exchange("The desk in Oslo is open at 9.") in changed
        assert exchange("Call Anna Berg on 0761 220") in changed
        name = changed.split("visit ")[1].split()[0]
        assert exchange("is the desk in oslo open?") == f"is the desk in {name.lower()} open?"


def test_the_same_seed_exchanges_the_same() -> None:
    assert exchange_for([PASSAGE], Random(5)) == exchange_for([PASSAGE], Random(5))
    assert exchange_for([PASSAGE], Random(5)) != exchange_for([PASSAGE], Random(6))


@given(st.integers(min_value=1, max_value=12), st.integers())
def test_invented_numbers_have_as_many_digits_as_asked(num_digits: int, seed: int) -> None:
    number = invented_number(num_digits, Random(seed))

    assert len(number) == num_digits and number.isdigit() and number[0] != "0"
