"""A card's tables are its evaluation's, and its words are left alone."""

import json
from pathlib import Path

from inference.training.card import renew

SHIPPED = Path(__file__).parents[3] / "inference" / "weights" / "careline-small"
ANSWERS = {
    "num_answerable": 3,
    "num_unanswerable": 0,
    "quoted": 1.0,
    "copied": 0.6667,
    "right": 0.3333,
    "marker_right": 0.0,
    "declined": 0.0,
    "facts": {
        "num_wanted_numbers": 5,
        "kept_numbers": 2,
        "num_wanted_names": 4,
        "kept_names": 1,
        "num_said_numbers": 6,
        "invented_numbers": 3,
    },
}
EVALUATION = {
    "held_out": {
        "base": {"star": {"tokens": 9, "loss": 3.3187, "perplexity": 27.62}},
        "chat": {"shops": {"tokens": 9, "loss": 0.43, "perplexity": 1.537}},
    },
    "answers": {"shops": ANSWERS, "all": ANSWERS},
    "copying": {"drills": {"quotes": 0.25, "tokens": 0.805}},
}


def test_tables_are_set_anew_and_words_stay() -> None:
    places = "".join(
        f"Before {name}.\n\n<!-- {name} -->\nold\n<!-- /{name} -->\n\n"
        for name in ("held-out", "answers", "facts", "copying", "other")
    )

    card = renew(places, EVALUATION)

    assert card.count("old") == 1 and "<!-- other -->\nold\n" in card
    assert "Before answers." in card
    assert "| source | base | chat |\n| --- | ---: | ---: |\n" in card
    assert "| shops |  | 0.43 (1.5) |\n| star | 3.32 (27.6) |  |\n" in card
    assert card.index("| all | 3 | 100 % | 67 % | 33 % | 0 % | 0 |  |") < card.index(
        "| shops | 3 |"
    )
    assert "| all | 2 of 5 | 1 of 4 | 3 of 6 |" in card
    assert "| drills | 25 % | 80 % |" in card
    assert renew(card, EVALUATION) == card


def test_the_shipped_card_tells_the_shipped_evaluation() -> None:
    card = (SHIPPED / "MODEL_CARD.md").read_text()
    evaluation = json.loads((SHIPPED / "evaluation.json").read_text())

    assert "<!-- held-out -->" in card and "<!-- answers -->" in card
    assert renew(card, evaluation) == card
