"""Fifty conversations with the product's own pipeline, written down to be read.

What customers say stands in `sample_conversations.txt`, a conversation a line, messages between
slashes. Planning, search, evidence gate, the shipped model in an engine process, guide and release
checks are the application's; only the database is left out. Prints Markdown.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.answers.planning import Plan, make_plan
from app.answers.thread import Thread
from app.answers.writing import write
from app.conversations.answering import Turn
from app.demo.vectors import demo_index
from app.engines import running_engine
from app.knowledge.search import SearchIndex
from app.settings import Settings
from app.vocabulary import MessageState, Role
from inference import EngineClient

SAYINGS = Path(__file__).with_suffix(".txt")
COMPANY = "Fernhill Supply"


def main() -> None:
    """Print every conversation under its number."""
    asyncio.run(_print_all())


async def _print_all() -> None:
    index = demo_index()
    with tempfile.TemporaryDirectory() as folder:
        async with running_engine(Settings(data=Path(folder))) as engine:
            for number, line in enumerate(SAYINGS.read_text(encoding="utf-8").splitlines(), 1):
                print(f"## {number}\n", flush=True)
                await _print_one(index, engine.client, line.split(" / "), number)


async def _print_one(
    index: SearchIndex, engine: EngineClient, sayings: Sequence[str], number: int
) -> None:
    thread = Thread(COMPANY, index.topics, (), seed=number)
    for text in sayings:
        seq = len(thread.turns) + 1
        asked = Turn(Role.CUSTOMER, text, seq, MessageState.COMPLETE)
        thread = replace(thread, turns=(*thread.turns, asked), seed=100 * number + seq)
        plan = make_plan(index, thread)
        written = await write(engine, plan, seed=thread.seed, salt=b"samples", show=lambda _: None)
        print(f"- **Customer:** {text}\n- **Bot:** {_shown(plan, written.text)}", flush=True)
        if plan.handoff is not None:
            break
        said = Turn(Role.BOT, written.text, seq + 1, MessageState.COMPLETE)
        thread = replace(
            thread,
            turns=(*thread.turns, said),
            answered_seq=seq + 1,
            last_verdict=plan.verdict,
            options=plan.options,
        )
    print(flush=True)


def _shown(plan: Plan, text: str) -> str:
    sources = ", ".join(f"[{one.marker}] {one.title}" for one in plan.citations)
    parts = [text or "(says nothing)", f"*({sources})*" if sources else ""]
    if plan.handoff is not None:
        parts.append(f"**-> a person is called ({plan.handoff.value})**")
    return " ".join(part for part in parts if part)


if __name__ == "__main__":
    main()
