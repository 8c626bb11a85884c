"""Tickets a minute alone and beside eight live chats, and what they cost those chats.

Tickets are looked over as a batch is: rules, then the suggested reply at the batch's priority, two
at a time. A chat asks its next question when the last is answered; the time between two chunks of
its answer is what its reader feels. Rules and plans are made in threads, as the application does.
The three modes take turns, so that a busy machine hits all.
"""

import asyncio
import contextlib
import itertools
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.answers.generator import BATCH_PRIORITY, Request, generate
from app.answers.planning import make_plan
from app.answers.thread import Thread
from app.conversations.answering import Turn
from app.demo.questions import read_questions
from app.demo.vectors import demo_index
from app.engines import supervise
from app.knowledge.meaning import Meaning, open_meaning
from app.knowledge.search import SearchIndex
from app.settings import Settings
from app.triage.batches import AT_ONCE
from app.triage.service import Labels, Ticket, sort_ticket
from app.vocabulary import MessageState, Role
from benchmarks.report import Report, arguments
from inference import EngineClient

NUM_CHATS = 8
LABELS = Labels(("delivery", "refund", "warranty", "billing"))


@dataclass
class Bench:
    """The engine, what is asked of it, and what was counted."""

    engine: EngineClient
    index: SearchIndex
    meaning: Meaning
    questions: list[str]
    gaps_s: list[float] = field(default_factory=list)
    num_tickets: int = 0

    async def answer(self, text: str, seed: int, salt: bytes, priority: int) -> None:
        """One reply, its chunks' distances counted where it is a chat's."""
        turn = Turn(Role.CUSTOMER, text, 1, MessageState.COMPLETE)
        thread = Thread("Fernhill Supply", (), (turn,), seed=seed)
        plan = await asyncio.to_thread(make_plan, self.index, thread)
        if plan.prompt is None:
            return
        last: float | None = None
        request = Request(plan.prompt.messages, plan.parts, seed, salt, priority)
        async with contextlib.aclosing(generate(self.engine, request)) as chunks:
            async for _ in chunks:
                now = time.perf_counter()
                if last is not None and priority >= 0:
                    self.gaps_s.append(now - last)
                last = now

    async def chat(self, number: int) -> None:
        """A customer who asks on and on."""
        for seed, text in self._asked(number):
            await self.answer(text, seed, b"chat%d" % number, 0)

    async def tickets(self, number: int) -> None:
        """One of the tickets that a batch has under way, again and again."""
        for seed, text in self._asked(number):
            ticket = Ticket(f"Hello, {text} Thank you!")
            found = await asyncio.to_thread(sort_ticket, ticket, LABELS, self.meaning)
            await self.answer(found.summary, seed, b"tickets", BATCH_PRIORITY)
            self.num_tickets += 1

    def _asked(self, number: int) -> Iterator[tuple[int, str]]:
        turned = self.questions[number * 7 :] + self.questions[: number * 7]
        return enumerate(itertools.cycle(turned))


def main() -> None:
    """Print the figures."""
    options = arguments(__doc__ or "").parse_args()
    asyncio.run(_measure(Report("triage", options.json), 3.0 if options.quick else 10.0))


async def _measure(report: Report, turn_s: float) -> None:
    gaps: dict[str, list[float]] = {"chats": [], "both": []}
    rates: dict[str, list[float]] = {"tickets": [], "both": []}
    async with _running() as bench:
        await _for_a_while(bench, 3.0, bench.chat(0), bench.tickets(1))
        for _ in range(3):
            for mode in ("tickets", "chats", "both"):
                chats = [bench.chat(n) for n in range(NUM_CHATS)] if mode != "tickets" else []
                tickets = [bench.tickets(n) for n in range(AT_ONCE)] if mode != "chats" else []
                taken_s = await _for_a_while(bench, turn_s, *chats, *tickets)
                if chats:
                    gaps[mode] += bench.gaps_s
                if tickets:
                    rates[mode].append(bench.num_tickets / taken_s * 60)
    alone = statistics.median(rates["tickets"])
    report.add("tickets.alone", alone, "a minute")
    beside = statistics.median(rates["both"])
    report.add("tickets.beside_chats", beside, "a minute", "alone", alone)
    for name, share in (("p50", 50), ("p95", 95)):
        quiet, busy = (_percentile(gaps[mode], share) * 1e3 for mode in ("chats", "both"))
        report.add(f"chats.gap_{name}", busy, "ms", "without tickets", quiet)


async def _for_a_while(bench: Bench, seconds: float, *loops: Coroutine[Any, Any, None]) -> float:
    """Run the loops for so long, counted anew; what is under way then is left."""
    bench.gaps_s, bench.num_tickets = [], 0
    started = time.perf_counter()
    tasks = [asyncio.create_task(loop) for loop in loops]
    await asyncio.wait(tasks, timeout=seconds)
    taken_s = time.perf_counter() - started
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return taken_s


def _percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100)[share - 1]


@contextlib.asynccontextmanager
async def _running() -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        async with supervise(Settings(data=Path(folder))) as supervisor:
            index = demo_index()
            asked = [one.question for one in read_questions() if one.is_answerable]
            yield Bench(supervisor.client, index, open_meaning(), asked)


if __name__ == "__main__":
    main()
