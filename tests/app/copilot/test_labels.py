"""Labels are suggested from those that exist, by their names and by earlier conversations."""

from app.copilot.labels import MAX_LABELS, Labelled, suggest

NAMES = ["billing", "damaged", "delivery", "gift-cards", "vip"]
EARLIER = [
    Labelled("My parcel is late, where is my delivery?", frozenset({"delivery"})),
    Labelled("The parcel with my tent has not come yet", frozenset({"delivery"})),
    Labelled("When does the parcel with the stove come?", frozenset({"delivery", "vip"})),
    Labelled("The lamp arrived broken and the glass is cracked", frozenset({"damaged"})),
    Labelled("Cracked screen, the watch came broken", frozenset({"damaged"})),
    Labelled("I was charged twice on my card", frozenset({"billing"})),
    Labelled("The old label of a mug came off", frozenset({"gone"})),
]


def named(text: str, names: list[str] = NAMES) -> list[str]:
    return [one.name for one in suggest(text, names, EARLIER)]


def test_conversations_like_it_tell_the_label() -> None:
    assert named("The parcel has not come, where is it?")[0] == "delivery"
    assert named("My cup came broken, it is cracked")[0] == "damaged"


def test_a_name_that_is_said_fits() -> None:
    assert "gift-cards" in named("Can I buy two gift cards?")
    assert suggest("About a gift card", ["gift-cards"], [])[0].confidence == 0.9


def test_none_is_invented_and_nothing_fits_what_is_like_nothing() -> None:
    assert named("A mug came off") == [] and "gone" not in named("The old label of a mug came off")
    assert named("Do you sponsor chess clubs?") == []
    assert named("", NAMES) == named("The parcel is late", []) == []


def test_at_most_three_and_the_surest_first() -> None:
    found = suggest("vip billing: damaged delivery of gift cards", NAMES, EARLIER)

    assert len(found) == MAX_LABELS
    assert [one.confidence for one in found] == sorted(
        (one.confidence for one in found), reverse=True
    )
