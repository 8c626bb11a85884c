"""What a run wrote down of its steps."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def history(path: Path) -> list[dict[str, Any]]:
    """The steps that count: a step run again after a cut-off replaces the first try."""
    if not path.exists():
        return []
    steps = [json.loads(line) for line in path.read_text().splitlines()]
    return [step for _, step in sorted({step["num_steps"]: step for step in steps}.items())]


def since_best(losses: Sequence[float]) -> int:
    """Measurements since the least loss, the first of equals; 0 when there are none."""
    return len(losses) - 1 - losses.index(min(losses)) if losses else 0
