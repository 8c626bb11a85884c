"""Personal data replaced by its kind, in whole texts and in streams; pure."""

import re

from app.privacy.pii import PiiKind, find_pii

MASKS = {
    PiiKind.CARD: "[card]",
    PiiKind.IBAN: "[iban]",
    PiiKind.EMAIL: "[e-mail]",
    PiiKind.PHONE: "[phone]",
}
_MASK = re.compile("|".join(re.escape(mask) for mask in MASKS.values()))
_LAST_WORD = re.compile(r"\S+$")
# What may still become a number or an IBAN when more comes.
_OPEN_DIGITS = re.compile(r"[+(]*\d[\d \u00a0().\-/+]*$|[+(][ \u00a0(]*$")
_OPEN_IBAN = re.compile(r"[A-Za-z]{2}[0-9]{2}(?:[ \u00a0-]?[A-Za-z0-9]){0,30}[ \u00a0-]?$")


def mask(text: str) -> str:
    """The text with what was found replaced; masking it again changes nothing."""
    masked = _replaced(text, MASKS)
    while masked != text:  # what stood directly beside a finding stands free now
        text, masked = masked, _replaced(masked, MASKS)
    return masked


def cut_out(text: str) -> str:
    """The text without personal data and without masks: neither is what a question asks about."""
    bare = _MASK.sub(" ", _replaced(text, dict.fromkeys(PiiKind, " ")))
    return " ".join(bare.split()) if bare != text else text


class MaskedStream:
    """Masks a text that comes in pieces: however it is cut, the pieces add up to `mask(text)`.

    What may still turn out to be personal data is held back: the last word, and digits with what
    stands between them.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """What may be shown now."""
        self._held += text
        safe = _safe_len(self._held)
        shown, self._held = self._held[:safe], self._held[safe:]
        return mask(shown)

    def finish(self) -> str:
        """The rest."""
        shown, self._held = self._held, ""
        return mask(shown)


def _safe_len(text: str) -> int:
    """Up to here nothing can become part of a finding; always behind a blank, or 0."""
    safe, before = len(text), -1
    while safe != before:
        before = safe
        for pattern in (_LAST_WORD, _OPEN_DIGITS, _OPEN_IBAN):
            match = pattern.search(text[:safe])
            if match is not None:
                safe = match.start()
            while safe and not text[safe - 1].isspace():
                safe -= 1
    return safe


def _replaced(text: str, masks: dict[PiiKind, str]) -> str:
    pieces, at = [], 0
    for found in find_pii(text):
        pieces += [text[at : found.start], masks[found.kind]]
        at = found.end
    return "".join([*pieces, text[at:]])
