"""`/v1/triage`: what tickets are about, one at once or many when there is time."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Request, Response

from app.answers.generator import BATCH_PRIORITY
from app.answers.router import asking
from app.api.event_stream import while_connected
from app.api.keys import ApiCaller, ApiWorkDep, require
from app.api.paging import Page, PagerDep
from app.api.routes import api_router
from app.api.scopes import Scope
from app.dependencies import PartsDep, SnapshotDep
from app.models import JsonObject
from app.parts import Parts
from app.triage import batches
from app.triage.schemas import BatchBody, BatchOut, ResultOut, TicketBody, TriageOut
from app.triage.service import Triage

router = api_router("/triage", "triage")

Asks = Annotated[ApiCaller, require(Scope.ANSWERS_CREATE)]


@router.post("")
async def look_over(caller: Asks, parts: PartsDep, request: Request, body: TicketBody) -> TriageOut:
    """Language, intent, priority, mood, labels, personal data, summary, and a reply to suggest."""
    triage = await looking_over(parts)
    found = await while_connected(request, triage.look_over(caller.workspace_id, body.ticket()))
    return TriageOut.of(body.external_ref, found)


@router.post("/batches", status_code=202)
async def begin_batch(
    caller: Asks, work: ApiWorkDep, body: BatchBody, response: Response
) -> BatchOut:
    """Look many over when nobody waits for the engine; they are kept for seven days.

    `Location` tells how far it is.
    """
    tickets = [(one.external_ref, one.model_dump(mode="json")) for one in body.tickets]
    batch = await batches.begin_batch(work, caller.workspace_id, body.name, tickets)
    response.headers["Location"] = f"/v1/triage/batches/{batch.id}"
    return BatchOut.of(batch)


@router.get("/batches/{batch_id}")
async def read_batch(caller: Asks, session: SnapshotDep, batch_id: UUID) -> BatchOut:
    """How far it is."""
    return BatchOut.of(await batches.find_batch(session, caller.workspace_id, batch_id))


@router.get("/batches/{batch_id}/results")
async def list_results(
    caller: Asks, pager: PagerDep, session: SnapshotDep, batch_id: UUID
) -> Page[ResultOut]:
    """Its tickets in their order, with what was found so far."""
    await batches.find_batch(session, caller.workspace_id, batch_id)
    found = partial(batches.read_results, session, batch_id)
    return await pager.read(
        f"triage/{batch_id}", found, ResultOut.of, lambda one: [str(one.position)]
    )


@router.delete("/batches/{batch_id}", status_code=204)
async def forget_batch(caller: Asks, work: ApiWorkDep, batch_id: UUID) -> None:
    """Stop it and forget its tickets and results."""
    await batches.find_batch(work.session, caller.workspace_id, batch_id)
    await batches.forget_batch(work, batch_id)


async def looking_over(parts: Parts) -> Triage:
    """Who looks tickets over.

    Raises:
        Unavailable: there is no engine.
    """
    return Triage(parts.database, await parts.library.meaning(), asking(parts))


def in_bulk(parts: Parts) -> batches.BatchRunner:
    """Who works on batches in this process."""

    async def look_over(workspace_id: UUID, stored: Mapping[str, object]) -> JsonObject:
        body = TicketBody.model_validate(stored)
        triage = await looking_over(parts)
        found = await triage.look_over(workspace_id, body.ticket(), priority=BATCH_PRIORITY)
        return TriageOut.of(body.external_ref, found).model_dump(mode="json")

    return batches.BatchRunner(parts.database, look_over)
