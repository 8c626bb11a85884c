"""How much of the engine's speed arrives at a customer: the real application over its socket.

Every answer is timed twice, from the request to the engine until its last chunk, and from the
customer's message until the last frame. The rest of the second is what the application costs:
commit, retrieval, checks, frames.
"""

import asyncio
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from websockets.asyncio.client import connect

from app.clock import now
from app.demo.seed import SITE_TOKEN, seed
from app.engines import Engine as RunningEngine
from app.engines import running_engine
from app.main import create_app
from app.parts import Parts
from app.serving import serve
from app.settings import Settings
from benchmarks.report import Report
from inference import EngineClient, SamplingParams, TokenChunk

QUESTIONS = (
    "How many days do I have to send something back?",
    "When is delivery free?",
    "How do I reset my password?",
    "Which ways to pay do you take?",
    "How long is the warranty on a tent?",
)


@dataclass
class TimedClient:
    """An engine client that notes how long each answer took and how many tokens it had."""

    client: EngineClient
    seconds: list[float] = field(default_factory=list)
    num_tokens: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    async def stream(
        self,
        prompt: Any,
        params: SamplingParams,
        *,
        salt: bytes = b"",
        request_id: str | None = None,
        resume_token_ids: Sequence[int] = (),
    ) -> AsyncGenerator[TokenChunk]:
        """As the client's own."""
        start, count = time.perf_counter(), 0
        async for chunk in self.client.stream(
            prompt,
            params,
            salt=salt,
            request_id=request_id,
            resume_token_ids=resume_token_ids,
        ):
            count += len(chunk.token_ids)
            if chunk.finish_reason is not None:
                self.seconds.append(time.perf_counter() - start)
                self.num_tokens.append(count)
            yield chunk


def measure_websocket_share(report: Report, model: str, runs: int) -> None:
    """Ask the demo company's questions one after another, `runs` times each."""
    asyncio.run(_measure(report, model, runs))


async def _measure(report: Report, model: str, runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), port=0, model=model, messages_burst=1000)
        async with running_engine(settings) as engine:
            timed = TimedClient(engine.client)
            ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            own = RunningEngine(cast(EngineClient, timed), engine.gave_up)
            app = create_app(settings, own, prepare=_prepare)
            serving = asyncio.create_task(serve(app, settings, on_ready=ready.set_result))
            url = f"ws://127.0.0.1:{await ready}/ws/v1"
            await _ask(url, QUESTIONS[0])  # warms the preamble
            timed.seconds.clear()
            timed.num_tokens.clear()
            first, whole = [], []
            for question in QUESTIONS * runs:
                first_s, whole_s = await _ask(url, question)
                first.append(first_s)
                whole.append(whole_s)
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    assert len(timed.seconds) == len(whole), "an answer did not come from the engine"
    shares = [own / seen for own, seen in zip(timed.seconds, whole, strict=True)]
    engine_rate = sum(timed.num_tokens) / sum(timed.seconds)
    socket_rate = sum(timed.num_tokens) / sum(whole)
    report.add("websocket.tokens_per_s", socket_rate, "tokens/s", "the engine's own", engine_rate)
    report.add("websocket.share_median", statistics.median(shares), "share")
    report.add("websocket.first_text_ms", statistics.median(first) * 1000, "ms")


async def _prepare(parts: Parts) -> None:
    await seed(parts.database, now)


async def _ask(url: str, question: str) -> tuple[float, float]:
    """Seconds from sending to the first text, and to the end of the answer."""
    async with connect(url, subprotocols=["care.v1"]) as socket:  # type: ignore[list-item]
        await socket.send(
            json.dumps({"t": "hello", "proto": 1, "role": "widget", "site": SITE_TOKEN})
        )
        frame: dict[str, Any] = {}
        while frame.get("t") != "synced":
            frame = json.loads(await socket.recv())
        start, first = time.perf_counter(), 0.0
        send = {"t": "message.send", "cid": str(uuid.uuid4()), "text": question}
        await socket.send(json.dumps(send))
        while frame["t"] != "answer.ended":
            frame = json.loads(await socket.recv())
            if frame["t"] == "answer.delta" and not first:
                first = time.perf_counter() - start
        return first, time.perf_counter() - start
