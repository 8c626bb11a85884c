"""Is it alive, can it serve, and what does it count: /livez, /readyz, /metrics."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from app.dependencies import PartsDep
from app.engine_room.history import read_engine

router = APIRouter(tags=["operations"])


@router.get("/livez", response_class=PlainTextResponse)
async def livez() -> str:
    """The event loop answers; nothing else is asked."""
    return "ok"


@router.get("/readyz")
async def readyz(parts: PartsDep) -> JSONResponse:
    """Which check fails, if any; no internals."""
    checks = await parts.readiness.checks()
    is_ready = all(checks.values())
    told = {name: "ok" if holds else "failing" for name, holds in checks.items()}
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse({"ready": is_ready, "checks": told}, status_code=status)


@router.get("/metrics")
async def metrics(parts: PartsDep) -> Response:
    """Counters in Prometheus' text format, of all web processes, and the engine's if it answers."""
    told = parts.metrics.engine
    told.reading = None
    if parts.engine is not None:
        told.reading = await read_engine(parts.engine.client)
        told.step_age_s = parts.engine.client.stalled_s
        told.restarts = parts.engine.restarts
    return Response(await parts.metrics.expose(), media_type=CONTENT_TYPE_LATEST)
