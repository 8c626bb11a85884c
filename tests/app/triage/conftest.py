"""A served application with the demo's articles and a scripted engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.api.scopes import Scope
from app.engines import Engine
from app.ids import new_id
from app.jobs.runner import JobRunner
from app.models import Label
from app.triage import batches
from app.triage.router import in_bulk
from inference import EngineClient
from tests.api_client import make_key, told
from tests.app.answers.rig import publish_demo_articles
from tests.conftest import Served
from tests.engine_processes import quick_settings, running, write_script
from tests.patience import PATIENCE_S

WARRANTY = {
    "subject": "Heron 2",
    "text": "Hello! How long is the warranty? I am very disappointed. Write to ann@mail.example",
    "external_ref": "T-7",
}
OWN_WORDS = ["Happy to help.", " Is there anything else I can help with?"]


@pytest.fixture(scope="package")
async def scripted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineClient]:
    folder = tmp_path_factory.mktemp("engine")
    config = write_script(
        folder / "script.jsonl",
        {"match": "Hawaii", "chunks": OWN_WORDS, "delay_ms": 60_000},
        {"match": ".", "chunks": OWN_WORDS},
    )
    async with running(quick_settings(config), folder) as supervisor:
        yield supervisor.client


@pytest.fixture
async def http(served: Served, scripted: EngineClient) -> AsyncIterator[httpx.AsyncClient]:
    await publish_demo_articles(served.parts, served.shop)
    async with served.parts.database.work() as work:
        for name in ("warranty", "refund", "billing"):
            workspace_id = served.shop.workspace_id
            work.session.add(Label(id=new_id(), workspace_id=workspace_id, name=name))
    served.parts.engine = Engine(scripted)
    secret = await make_key(served.parts, served.shop, Scope.ANSWERS_CREATE)
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(
        base_url=served.http_url, headers=headers, timeout=PATIENCE_S
    ) as client:
        yield client


@asynccontextmanager
async def working(served: Served) -> AsyncIterator[JobRunner]:
    """Jobs and batches as the application runs them."""
    parts = served.parts
    bulk = in_bulk(parts)
    bulk.listen(parts.dispatcher)
    jobs = JobRunner(parts.database, batches.HANDLERS, parts.clock, poll_s=0.2, lease_s=60)
    jobs.listen(parts.dispatcher)
    tasks = [asyncio.create_task(one.run()) for one in (bulk, jobs)]
    try:
        yield jobs
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(http: httpx.AsyncClient, batch_id: str, **fields: Any) -> Any:
    """Ask until the batch says so."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            batch = told(await http.get(f"/v1/triage/batches/{batch_id}"))
            if fields.items() <= batch.items():
                return batch
