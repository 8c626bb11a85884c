"""What is personal data is found wherever it stands, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.privacy.masking import MASKS, MaskedStream, cut_out, mask
from app.privacy.pii import PiiKind, find_pii, is_iban, is_luhn

CARD, IBAN, EMAIL, PHONE = "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "a.b+c@x.example", "+49 170 1234567"  # fmt: skip  # noqa: E501


def kinds(text: str) -> list[tuple[PiiKind, str]]:
    return [(one.kind, text[one.start : one.end]) for one in find_pii(text)]


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (PiiKind.CARD, "4111111111111111"),
        (PiiKind.CARD, CARD),
        (PiiKind.CARD, "5555-5555-5555-4444"),
        (PiiKind.CARD, "3782 822463 10005"),
        (PiiKind.CARD, "6011111111111117"),
        (PiiKind.CARD, "٤١١١١١١١١١١١١١١١"),
        (PiiKind.IBAN, IBAN),
        (PiiKind.IBAN, "gb82west12345698765432"),
        (PiiKind.IBAN, "NL91 ABNA 0417 1643 00"),
        (PiiKind.IBAN, "SA03 8000 0000 6080 1016 7519"),
        (PiiKind.EMAIL, EMAIL),
        (PiiKind.EMAIL, "jürgen@müller-gärten.example"),
        (PiiKind.EMAIL, "o'neil_99@mail.shop.example"),
        (PiiKind.PHONE, PHONE),
        (PiiKind.PHONE, "0049 (0)170/123 45 67"),
        (PiiKind.PHONE, "(555) 010-9999"),
        (PiiKind.PHONE, "555-010-9999"),
        (PiiKind.PHONE, "030 123456"),
        (PiiKind.PHONE, "01 23 45 67 89"),
    ],
)
@pytest.mark.parametrize("around", ["{}", "Mine is {}.", "({}), please", "so:{}\nbye", "{}, {}"])
def test_each_kind_is_found_in_any_sentence(kind: PiiKind, written: str, around: str) -> None:
    text = around.replace("{}", written)

    assert {(found, said) for found, said in kinds(text)} == {(kind, written)}
    assert written not in mask(text) and MASKS[kind] in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "Order 4111 1111 1111 1112 has not come.",
        "It was 4111111111111111111111 of them.",
        "Order number 20260118 of 01.02.2026, at 09:00-12:30",
        "2026-11-21 and 01/02/2026 and 1-2-26",
        "It costs 0.123456789 or 1,299.00 or 12,345,678",
        "NO93 8601 1117 948 is mistyped",
        "mail me @home or at x@y, see user@localhost",
        "018f6e2a-0123-4567-8901-0242ac120002",
        "Address: 192.168.100.100, model TX-0123456-B",
        "order FS-104233, 3 to 5 working days, 30 days",
    ],
)
def test_other_numbers_and_words_are_left_alone(text: str) -> None:
    assert kinds(text) == []
    assert mask(text) == cut_out(text) == text


def test_what_stands_side_by_side_is_told_apart() -> None:
    text = f"Card {CARD} or {IBAN}, {EMAIL} or {PHONE}; order 12345 {CARD}"

    assert [kind for kind, _ in kinds(text)] == [*PiiKind, PiiKind.CARD]
    assert mask(text) == "Card [card] or [iban], [e-mail] or [phone]; order 12345 [card]"


def test_a_question_is_what_is_left_without_the_data() -> None:
    assert cut_out(f"I am {EMAIL}, how long is delivery?") == "I am , how long is delivery?"
    assert cut_out(mask(f"Is {PHONE} known?")) == "Is known?"


@st.composite
def cards(draw: st.DrawFn) -> str:
    first, length = draw(st.sampled_from([("4", 16), ("53", 16), ("37", 15), ("6011", 16)]))
    middle = draw(st.text("0123456789", min_size=length - 1 - len(first), max_size=14))
    begun = (first + middle)[: length - 1]
    last = next(digit for digit in "0123456789" if is_luhn(begun + digit))
    gaps = draw(st.lists(st.sampled_from(["", " ", "-"]), min_size=length, max_size=length))
    return "".join(digit + gap for digit, gap in zip(begun + last, gaps, strict=True)).strip(" -")


@given(cards())
def test_every_valid_card_is_found_however_it_is_grouped(card: str) -> None:
    assert kinds(f"My card {card} was charged twice") == [(PiiKind.CARD, card)]


@given(cards(), st.integers(4, 14), st.integers(1, 9))
def test_one_wrong_digit_makes_it_no_card(card: str, at: int, by: int) -> None:
    digits = card.replace(" ", "").replace("-", "")
    wrong = digits[:at] + str((int(digits[at]) + by) % 10) + digits[at + 1 :]

    assert PiiKind.CARD not in [kind for kind, _ in kinds(wrong)]


@given(st.sampled_from(["DE", "FR", "GB", "NL", "NO"]), st.data())
def test_every_valid_iban_is_found_and_a_slip_is_not_one(country: str, data: st.DataObject) -> None:
    length = {"DE": 18, "FR": 23, "GB": 18, "NL": 14, "NO": 11}[country]
    rest = data.draw(st.text("0123456789ABCXYZ", min_size=length, max_size=length))
    check = next(n for n in range(2, 99) if is_iban(f"{country}{n:02}{rest}"))
    groups = f"{country}{check:02}{rest}"
    written = " ".join(groups[i : i + 4] for i in range(0, len(groups), 4))

    assert kinds(f"Send it to {written} please")[0] == (PiiKind.IBAN, written)
    assert not is_iban(f"{country}{(check + 1) % 100:02}{rest}")


pieces = st.lists(
    st.sampled_from(
        [CARD, IBAN, EMAIL, PHONE, "4111", "1111 1111", "DE89", "@x.example", "+", "(", "0", "-",
         " ", " ", ", ", "\n", "and", "a", "mail", "GB82 WEST 1234 5698 7654 32", "0.5", "."]
    )
    | st.text(max_size=6),
    max_size=12,
)  # fmt: skip


@given(pieces, st.data())
def test_a_stream_is_masked_like_its_text_however_it_is_cut(
    written: list[str], data: st.DataObject
) -> None:
    text = "".join(written)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    stream = MaskedStream()

    shown = [
        stream.feed(text[start:end])
        for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)
    ]

    assert "".join([*shown, stream.finish()]) == mask(text)


@given(pieces)
def test_a_masked_text_has_nothing_left_to_mask(written: list[str]) -> None:
    masked = mask("".join(written))

    assert mask(masked) == masked


def test_a_stream_gives_out_words_as_they_come() -> None:
    stream = MaskedStream()

    assert stream.feed("Thank you. My ") == "Thank you. My "
    assert stream.feed("card is 4111 1111 ") == "card is "
    assert stream.feed("1111 1111 and ") == "[card] and "
