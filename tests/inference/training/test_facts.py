"""What counts as a number or a name, and when an answer has kept it."""

from inference.training.facts import Checked, kept, names, numbers


def test_numbers_are_taken_as_they_are_written() -> None:
    assert numbers("From 9:30 it costs $1,204.50, order 7.") == {"9:30", "1,204.50", "7"}


def test_a_capital_that_begins_a_sentence_is_no_name() -> None:
    text = "The manager of Belmor is Ada Quist. Write to Belmor.\nCall Ostrin: Fee apart."

    assert names(text) == {"Belmor", "Ada", "Quist", "Ostrin"}


def test_kept_and_invented_facts_are_counted_answer_by_answer() -> None:
    known = "[1] Codes: The code of Belmor is 413. The code of Ostrin is 77."
    found = kept(
        [
            Checked("The code of Belmor is 413.", "The code of Belmor is 431.", known),
            Checked("The code of Ostrin is 77.", "The code of Ostrim is 77.", known),
        ]
    )

    assert (found.num_wanted_numbers, found.kept_numbers) == (2, 1)
    assert (found.num_wanted_names, found.kept_names) == (2, 1)
    assert (found.num_said_numbers, found.invented_numbers) == (2, 1)
    assert kept([]).num_wanted_names == 0
