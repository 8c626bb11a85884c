"""Who drafted which words, from tokens to stretches of the text that was shown."""

from hypothesis import given
from hypothesis import strategies as st

from app.answers.drafted import cut, shares, to_runs

NAMES = st.sampled_from([None, "ngram", "suffix", "ngram+suffix"])
TOKENS = st.lists(st.tuples(st.text("ab \n", max_size=4), NAMES), max_size=20)


def test_neighbours_of_one_drafter_are_one_stretch() -> None:
    tokens = [("Free", None), (" re", "ngram"), ("turns ", "ngram"), ("here", None)]

    runs = to_runs(tokens)

    assert runs == [(4, None), (7, "ngram"), (4, None)]
    assert [(one.text, one.drafter) for one in cut("Free returns here", runs)] == [
        ("Free ", None),
        ("returns ", "ngram"),
        ("here", None),
    ]


def test_what_the_engine_did_not_compute_belongs_to_nobody() -> None:
    stretches = cut("Sure. A person will help.", to_runs([("Sure. ", "ngram")]))

    assert [(one.text, one.is_known) for one in stretches] == [
        ("Sure. ", True),
        ("A person will help.", False),
    ]
    assert [(one.drafter, one.percent) for one in shares(stretches)] == [("ngram", 100)]


@given(TOKENS)
def test_the_stretches_are_the_text_whatever_became_of_its_blanks(
    tokens: list[tuple[str, str | None]],
) -> None:
    text = " ".join("".join(piece for piece, _ in tokens).split())

    stretches = cut(text, to_runs(tokens))

    assert "".join(one.text for one in stretches) == text
    assert all(one.is_known for one in stretches)
    drafted = "".join(piece for piece, name in tokens if name == "ngram").split()
    told = "".join(one.text for one in stretches if one.drafter == "ngram").split()
    assert "".join(told) == "".join(drafted)
