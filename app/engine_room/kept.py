"""What the stored answers say of the engine, for a page whose process has not written yet; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from app.answers.drafted import cut, shares
from app.engine_room.panels import Tile
from app.engine_room.repository import AnswerRow
from app.office.charts import show


@dataclass(frozen=True)
class KeptView:
    """Figures over some answers."""

    num_answers: int
    tiles: tuple[Tile, ...]


def view_kept(rows: Sequence[AnswerRow]) -> KeptView | None:
    """Those of these answers; None without any."""
    if not rows:
        return None
    first = [row.ttft_ms for row in rows if row.ttft_ms is not None]
    whole = [row.total_ms for row in rows if row.total_ms is not None]
    prompt = sum(row.num_prompt_tokens or 0 for row in rows)
    cached = sum(row.num_cached_tokens or 0 for row in rows)
    tiles = (
        Tile("First text", _median(first), "median"),
        Tile("Whole answer", _median(whole), "median"),
        Tile("Drafted", _drafted(rows), "of what the engine wrote"),
        Tile("Prompt cached", show(cached / prompt, "%") if prompt else "–", "of prompt tokens"),
    )
    return KeptView(len(rows), tiles)


def _median(times_ms: Sequence[int]) -> str:
    return show(median(times_ms) / 1_000, "s") if times_ms else "–"


def _drafted(rows: Sequence[AnswerRow]) -> str:
    found = [share for row in rows if row.drafted for share in shares(cut(row.text, row.drafted))]
    whole = sum(share.num_chars for share in found)
    drafted = sum(share.num_chars for share in found if share.drafter is not None)
    return show(drafted / whole, "%") if whole else "–"
