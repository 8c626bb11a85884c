"""Personal data in a text: payment cards, IBANs, e-mail addresses, telephone numbers; pure.

Rules with check digits, not a model: a card passes Luhn and begins like one (ISO/IEC 7812), an IBAN
has its country's length and passes mod 97 (ISO 13616). Telephone numbers have no check digit, so
only what is written like one counts: with a `+` or a leading zero, or in three groups as in North
America. Digits of any script count.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class PiiKind(StrEnum):
    """What was found."""

    CARD = "card"
    IBAN = "iban"
    EMAIL = "email"
    PHONE = "phone"


@dataclass(frozen=True)
class Finding:
    """Personal data at `text[start:end]`."""

    kind: PiiKind
    start: int
    end: int


_GAP = "[ \u00a0-]"
_DIGIT_RUN = re.compile(rf"(?<!\w)\d(?:{_GAP}?\d)+(?!\w)")
_DIGITS = re.compile(r"\d+")
_CARD_LENS = range(13, 20)
# The first digits and the lengths that go with them.
_ISSUERS: tuple[tuple[range, frozenset[int]], ...] = (
    (range(4000, 5000), frozenset({13, 16, 19})),
    (range(5100, 5600), frozenset({16})),
    (range(2221, 2721), frozenset({16})),
    (range(3400, 3500), frozenset({15})),
    (range(3700, 3800), frozenset({15})),
    (range(3000, 3100), frozenset({14, 16})),
    (range(3600, 3700), frozenset(range(14, 20))),
    (range(3800, 4000), frozenset(range(14, 20))),
    (range(3528, 3590), frozenset(range(16, 20))),
    (range(5000, 5100), frozenset(range(13, 20))),
    (range(5600, 7000), frozenset(range(13, 20))),
    (range(8100, 8200), frozenset(range(16, 20))),
)

_IBAN_START = re.compile(r"(?<![^\W_])([A-Za-z]{2})(?=\d\d)")
_IBAN_LENS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip

_EMAIL = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?!\w)"
)
_PHONE = re.compile(
    r"(?<!\w)(?<![\w.]-)(?<!\d[.,/])"
    r"(?:\+ ?\(?\d(?:[ \u00a0().\-/]{0,3}\d){6,14}"
    r"|\(0\d{1,5}\)(?:[ \u00a0.\-/]{0,2}\d){4,10}|0\d?(?:[ \u00a0().\-/]{0,3}\d){5,13}"
    r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}([ .-])\d{3}\1\d{4})"
    r"(?!\w)(?!-\w)(?![.,/]\d)"
)
_DATE = re.compile(
    r"\(?\d{1,2}([./-])\d{1,2}\1(?:\d{2}|\d{4})(?:\D.*)?|\d{4}-\d\d-\d\d.*", re.DOTALL
)
_DECIMAL = re.compile(r"0[.,]\d+")


def find_pii(text: str) -> tuple[Finding, ...]:
    """All that was found, in order; no two of them overlap."""
    kept: list[Finding] = []
    for found in (_ibans(text), _cards(text), _emails(text), _phones(text)):
        kept += [one for one in found if not _overlaps(one, kept)]
    return tuple(sorted(kept, key=lambda one: one.start))


def is_luhn(digits: str) -> bool:
    """Whether the last digit checks the others (Luhn, US patent 2950048)."""
    doubled = [int(digit) * (1 + i % 2) for i, digit in enumerate(reversed(digits))]
    return bool(digits) and sum(n - 9 * (n > 9) for n in doubled) % 10 == 0


def is_iban(compact: str) -> bool:
    """Whether an IBAN without gaps has its country's length and passes mod 97."""
    upper = compact.upper()
    if len(upper) != _IBAN_LENS.get(upper[:2]) or not upper.isalnum():
        return False
    return int("".join(str(int(char, 36)) for char in upper[4:] + upper[:4])) % 97 == 1


def _overlaps(one: Finding, others: Iterable[Finding]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in others)


def _cards(text: str) -> Iterator[Finding]:
    """In a run of groups of digits, the first and longest whole groups that make a card."""
    for run in _DIGIT_RUN.finditer(text):
        groups = [match.span() for match in _DIGITS.finditer(text, *run.span())]
        first = 0
        while first < len(groups):
            last = _card_end(text, groups, first)
            if last is not None:
                yield Finding(PiiKind.CARD, groups[first][0], groups[last][1])
                first = last
            first += 1


def _card_end(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    digits, found = "", None
    for at in range(first, len(groups)):
        digits += text[slice(*groups[at])]
        if len(digits) > _CARD_LENS[-1]:
            break
        if len(digits) in _CARD_LENS and _is_card(digits):
            found = at
    return found


def _is_card(digits: str) -> bool:
    begins = int(digits[:4])
    is_issued = any(begins in first and len(digits) in lens for first, lens in _ISSUERS)
    return is_issued and is_luhn(digits)


def _ibans(text: str) -> Iterator[Finding]:
    reached = 0
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENS.get(match[1].upper())
        if length is None or match.start() < reached:
            continue
        shape = re.compile(rf"[A-Za-z]{{2}}[0-9]{{2}}(?:{_GAP}?[A-Za-z0-9]){{{length - 4}}}(?!\w)")
        whole = shape.match(text, match.start())
        if whole is not None and is_iban(re.sub(_GAP, "", whole[0])):
            reached = whole.end()
            yield Finding(PiiKind.IBAN, *whole.span())


def _emails(text: str) -> Iterator[Finding]:
    return (Finding(PiiKind.EMAIL, *match.span()) for match in _EMAIL.finditer(text))


def _phones(text: str) -> Iterator[Finding]:
    for match in _PHONE.finditer(text):
        said = match[0]
        if not _DATE.fullmatch(said) and not _DECIMAL.fullmatch(said):
            yield Finding(PiiKind.PHONE, *match.span())
