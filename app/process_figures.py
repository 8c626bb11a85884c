"""The figures of several web processes, told whole by whichever of them is asked.

Each offers what it counts on a Unix socket in the run folder. Who is scraped asks the others, and
every sample gets the number of its process as the label `process`: sums are the reader's, and one
that began anew is seen to. Who does not answer in time is left out, as it would be if it were
scraped itself. What their parent tells, number 0, is of the whole and has no such label.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from prometheus_client.metrics_core import Metric

LABEL = "process"
PARENT = 0
_PATIENCE_S = 5.0
"""Half of what Prometheus waits; who has died refuses at once."""


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One line of a family."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """A metric with all its samples."""

    name: str
    meaning: str
    kind: str
    samples: list[Sample]


Figures = Sequence[Family]


def families(metrics: Iterable[Metric]) -> list[Family]:
    """As they are sent."""
    return [
        Family(
            one.name,
            one.documentation,
            one.type,
            [Sample(line.name, dict(line.labels), line.value) for line in one.samples],
        )
        for one in metrics
    ]


def joined(told: Iterable[tuple[int | None, Figures]]) -> list[Metric]:
    """One family of each name, from whom it was told; the parent and None go without the label."""
    found: dict[str, Metric] = {}
    for process, figures in told:
        own = {LABEL: str(process)} if process else {}
        for one in figures:
            family = found.setdefault(one.name, Metric(one.name, one.meaning, one.kind))
            for line in one.samples:
                family.add_sample(line.name, line.labels | own, line.value)
    return list(found.values())


class Processes:
    """This process among those behind one port."""

    def __init__(
        self, run_dir: Path, number: int, num_processes: int, own: Callable[[], Iterable[Metric]]
    ) -> None:
        """`number` is from 1 to `num_processes`, or the parent's; `own` says what it counts."""
        self.number = number
        self._run_dir = run_dir
        self._numbers = range(PARENT, num_processes + 1)
        self._own = own

    @asynccontextmanager
    async def offering(self) -> AsyncIterator[None]:
        """Answer the others for the block."""
        path = self._path(self.number)
        server = await asyncio.start_unix_server(self._answer, path)
        try:
            yield
        finally:
            server.close()
            path.unlink(missing_ok=True)

    async def ask_others(self) -> dict[int, Figures]:
        """What each of the others tells; not in it are those that do not."""
        others = [number for number in self._numbers if number != self.number]
        told = await asyncio.gather(*(self._ask(number) for number in others))
        return {number: one for number, one in zip(others, told, strict=True) if one is not None}

    async def _ask(self, number: int) -> Figures | None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                reader, writer = await asyncio.open_unix_connection(self._path(number))
                try:
                    return msgspec.msgpack.decode(await reader.read(), type=list[Family])
                finally:
                    writer.close()
        except (OSError, TimeoutError, msgspec.MsgspecError):
            return None

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # who asked has gone
            writer.write(msgspec.msgpack.encode(families(self._own())))
            await writer.drain()
        writer.close()

    def _path(self, number: int) -> Path:
        return self._run_dir / (f"web-{number}.sock" if number else "web.sock")
