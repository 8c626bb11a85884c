"""What changed between two versions of an article, line by line; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

_CONTEXT = 2


class Change(StrEnum):
    """What became of a line."""

    KEPT = "kept"
    ADDED = "added"
    REMOVED = "removed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class DiffLine:
    """A line of either version, or how many equal ones are left out."""

    change: Change
    text: str


def diff(before: str, after: str) -> list[DiffLine]:
    """The lines of both with what became of them; long equal stretches are left out."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[DiffLine] = []
    matcher = SequenceMatcher(a=old, b=new)  # lines that come often find no pairs: minutes else
    groups = matcher.get_opcodes()
    for number, (tag, a0, a1, b0, b1) in enumerate(groups):
        if tag == "equal":
            lines += _kept(old[a0:a1], is_first=number == 0, is_last=number == len(groups) - 1)
        else:
            lines += [DiffLine(Change.REMOVED, line) for line in old[a0:a1]]
            lines += [DiffLine(Change.ADDED, line) for line in new[b0:b1]]
    return lines


def _kept(lines: Sequence[str], *, is_first: bool, is_last: bool) -> list[DiffLine]:
    head = 0 if is_first else _CONTEXT
    tail = 0 if is_last else _CONTEXT
    num_skipped = len(lines) - head - tail
    if num_skipped <= 1:
        return [DiffLine(Change.KEPT, line) for line in lines]
    shown = [DiffLine(Change.KEPT, line) for line in lines[:head]]
    shown.append(DiffLine(Change.SKIPPED, f"{num_skipped} equal lines"))
    return shown + [DiffLine(Change.KEPT, line) for line in lines[len(lines) - tail :]]
