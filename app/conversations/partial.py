"""What is kept of an answer that was stopped in the middle; pure."""

import re

MIN_KEPT_CHARS = 40
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)]*(?:\s*\[\d+\])*(?=\s|$)|\n")


def kept_text(partial: str) -> str:
    """The text up to its last whole sentence; empty when that is too little to stand alone."""
    ends = [match.end() for match in _SENTENCE_END.finditer(partial)]
    kept = partial[: ends[-1]].rstrip() if ends else ""
    return kept if len(kept) >= MIN_KEPT_CHARS else ""
