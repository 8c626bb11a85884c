"""The demo's conversations as data: what is said when, and by whom."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_FILE = Path(__file__).parent / "conversations.toml"


class Act(StrEnum):
    """What a step does; spelled like its key in the file."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    TAKE_OVER = "take_over"
    CUT_OFF = "cut_off"
    RESOLVE = "resolve"
    CONFIRM = "confirm"
    NOTE = "note"
    LABEL = "label"
    PRIORITY = "priority"
    SNOOZE = "snooze"
    GIVE_BACK = "give_back"
    BLOCK = "block"
    ARCHIVE = "archive"


_NOBODYS = (Act.CUSTOMER, Act.BOT, Act.CONFIRM, Act.ARCHIVE)


@dataclass(frozen=True)
class Step:
    """Something that happens `after_s` seconds after the step before."""

    act: Act
    after_s: float
    who: str = ""
    """First name of the agent."""
    text: str = ""
    """What is said or set; of a cut-off answer what had been shown, of a snooze its hours."""


@dataclass(frozen=True)
class Script:
    """One conversation."""

    contact: str
    minutes_ago: float
    steps: tuple[Step, ...]
    email: str | None = None


def read_scripts(path: Path = _FILE) -> list[Script]:
    """All conversations, oldest first."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Script(
            one["contact"],
            one["minutes_ago"],
            tuple(_step(dict(step)) for step in one["steps"]),
            one.get("email"),
        )
        for one in data["conversation"]
    ]


def _step(fields: dict[str, object]) -> Step:
    act = next(act for act in Act if act.value in fields)
    value = fields[act.value]
    text = value if act is Act.CUSTOMER else fields.get("text", fields.get("shown", ""))
    who = "" if act in _NOBODYS else value
    return Step(act, float(str(fields.get("after_s", 0))), str(who), str(text))
