"""Who asked for less motion gets none: whatever moves stands inside the query for it."""

import re
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "app" / "static" / "src"
MOVING = re.compile(r"^\s*(animation|transition)(-[a-z-]+)?:", re.MULTILINE)
SHEETS = ("css/thread.css", "widget/panel.css", "widget/writing.css", "widget/launcher.css")


def outside_of_the_query(css: str) -> str:
    """The sheet without its `prefers-reduced-motion: no-preference` blocks."""
    kept, _, rest = css.partition("@media (prefers-reduced-motion: no-preference) {")
    if not rest:
        return kept
    depth = 1
    for place, sign in enumerate(rest):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth == 0:
            return kept + outside_of_the_query(rest[place + 1 :])
    raise AssertionError("a block does not end")


@pytest.mark.parametrize("sheet", SHEETS)
def test_nothing_moves_for_who_wants_less_motion(sheet: str) -> None:
    css = (SOURCES / sheet).read_text(encoding="utf-8")

    assert MOVING.findall(outside_of_the_query(css)) == []


def test_the_search_finds_what_moves() -> None:
    still = "a { color: red }\n@media (prefers-reduced-motion: no-preference) {\n  a {\n    "
    assert MOVING.search(outside_of_the_query(f"{still}transition: x;\n  }}\n}}\n")) is None
    assert MOVING.search(outside_of_the_query("a {\n  animation: x;\n}\n"))
