"""Builds the application: every part is made here once and handed to those who need it.

The lifespan opens and closes them: data folder, tables, engine, answers; in that order, and back.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI
from starlette.types import Lifespan

from app import observability, reference, schema
from app.agents.presence import Presence
from app.answers.lessons import Lessons
from app.answers.service import Answers
from app.answers.typing_ahead import TypingAhead
from app.api import idempotency
from app.api.limits import Limits
from app.api.routers import ROUTERS as API_ROUTERS
from app.api.routes import ApiHeaders
from app.clock import Clock, now
from app.conversations import by_itself
from app.conversations import transcript_router as transcripts
from app.dashboard import router as dashboard
from app.data_folder import DataFolder
from app.database import Database
from app.dependencies import check_address
from app.engine_room.history import read_engine
from app.engines import Engine, running_engine
from app.events import Dispatcher
from app.files import router as file_routes
from app.files import service as files
from app.head import HeadAsGet
from app.headers import SecurityHeaders
from app.jobs.runner import JobRunner
from app.knowledge.imports import UrlImporter
from app.knowledge.library import Library
from app.live import router as live
from app.live.bus import Bus
from app.live.hub import Hub
from app.metrics import Metrics
from app.office.routers import ROUTERS as OFFICE_ROUTERS
from app.outgoing import build_outgoing
from app.pages import STATIC
from app.parts import Parts
from app.privacy import service as privacy
from app.problems import tell_problems
from app.process_figures import Processes
from app.readiness import Readiness
from app.security import Secrets, read_secret_key
from app.settings import Settings
from app.static_files import BuiltFiles
from app.throttle import Throttle
from app.triage import batches
from app.triage.router import in_bulk
from app.webhooks import service as webhooks
from app.widget import router as widget
from app.workers import Membership, read_worker_id

log = logging.getLogger(__name__)

_LAG_CHECK_S = 1.0


Prepare = Callable[[Parts], Awaitable[object]]
"""Fills a database whose tables are there; nobody else writes yet."""


async def prepare_nothing(_: Parts) -> None:
    """All that is needed is there."""


def create_app(
    settings: Settings,
    engine: Engine | None = None,
    clock: Clock = now,
    prepare: Prepare = prepare_nothing,
) -> FastAPI:
    """The whole application; without an `engine` it starts the one its settings name.

    Raises:
        StartError: the data folder cannot be used.
    """
    folder = DataFolder(settings.data, settings.worker).prepare()
    parts = build_parts(settings, folder, clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            folder.take()
            stack.callback(folder.release)
            stack.push_async_callback(parts.database.close)
            await schema.upgrade(parts.database)
            ready = await _engine_beside(prepare(parts), engine, settings, stack)
            parts.engine = ready
            parts.readiness.watch_engine(ready)
            if parts.metrics.processes is not None:
                await stack.enter_async_context(parts.metrics.processes.offering())
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            lag = tasks.create_task(_measure_lag(parts.metrics))
            stack.callback(lag.cancel)
            there = tasks.create_task(Membership(parts.database, parts.clock).run())
            stack.callback(there.cancel)
            if not parts.database.is_sqlite:
                bus = Bus(settings.database, parts.database, parts.hub)
                bus.listen(parts.dispatcher)
                stack.callback(tasks.create_task(bus.run()).cancel)
            library = parts.library
            await library.meaning()
            reading = tasks.create_task(library.run())
            stack.callback(reading.cancel)
            answering = tasks.create_task(_answers(parts, ready, library).run())
            stack.callback(answering.cancel)
            typing_ahead = tasks.create_task(_typing_ahead(parts, ready, library).run())
            stack.callback(typing_ahead.cancel)
            async with parts.database.work() as work:
                await privacy.schedule_purge(work, parts.clock())
                await files.schedule_sweep(work)
                await idempotency.schedule_forgetting(work)
                await webhooks.schedule_forgetting(work)
            jobs = tasks.create_task(_jobs(parts).run())
            stack.callback(jobs.cancel)
            attendance = tasks.create_task(parts.attendance.run())
            stack.callback(attendance.cancel)
            teaching = tasks.create_task(_lessons(parts, ready).run())
            stack.callback(teaching.cancel)
            bulk = in_bulk(parts)
            bulk.listen(parts.dispatcher)
            stack.callback(tasks.create_task(bulk.run()).cancel)
            history = parts.engine_history.watch(partial(read_engine, ready.client), parts.clock)
            watching = tasks.create_task(history)
            stack.callback(watching.cancel)
            sending = tasks.create_task(parts.outgoing.run())
            stack.callback(sending.cancel)
            importing = tasks.create_task(parts.url_importer.run())
            stack.callback(importing.cancel)
            log.info("started")
            yield
            parts.readiness.is_draining = True
        log.info("stopped")

    return assemble(parts, lifespan)


async def _engine_beside(
    preparing: Awaitable[object], engine: Engine | None, settings: Settings, stack: AsyncExitStack
) -> Engine:
    """The engine, when it and what is prepared meanwhile are ready; either's refusal ends both."""
    async with asyncio.TaskGroup() as starting:
        starting.create_task(_awaited(preparing))
        if engine is None:
            engine = await stack.enter_async_context(running_engine(settings))
    return engine


async def _awaited(one: Awaitable[object]) -> None:
    await one


def build_parts(settings: Settings, folder: DataFolder, clock: Clock) -> Parts:
    """What needs no waiting; the engine comes with the lifespan."""
    dispatcher = Dispatcher()
    worker_id = read_worker_id(folder.worker_file)
    database = Database(settings.database, dispatcher, clock, worker_id=worker_id)
    url_importer = UrlImporter(database, clock)
    url_importer.listen(dispatcher)
    metrics = Metrics()
    if settings.worker:
        collect = metrics.registry.collect
        metrics.processes = Processes(settings.run_dir, settings.worker, settings.workers, collect)
    key = read_secret_key(folder.key_file)
    hub = Hub(database, dispatcher, metrics, delta_interval_s=settings.delta_interval_s)
    outgoing = build_outgoing(
        settings, database, dispatcher, clock, key, shown=hub.answers.shown_text
    )
    return Parts(
        settings=settings,
        clock=clock,
        database=database,
        dispatcher=dispatcher,
        hub=hub,
        presence=Presence(database, clock),
        secrets=Secrets(
            key,
            visitor_days=settings.visitor_days,
            sign_in_days=settings.sign_in_days,
        ),
        sign_ins=Throttle(settings.sign_in_failures, settings.sign_in_window_s),
        metrics=metrics,
        readiness=Readiness(database.ping),
        library=Library(database, settings.encoder),
        url_importer=url_importer,
        outgoing=outgoing,
        api_limits=Limits(settings.api_per_s, settings.api_burst),
        engine=None,
    )


def assemble(parts: Parts, lifespan: Lifespan[FastAPI]) -> FastAPI:
    """The routes over these parts, as they are served."""
    every_request = [Depends(check_address)]
    app = FastAPI(title="Careline", lifespan=lifespan, openapi_url=None, dependencies=every_request)
    app.state.parts = parts
    app.add_middleware(ApiHeaders)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(HeadAsGet)
    tell_problems(app)
    for feature in (dashboard, file_routes, live, observability, reference, transcripts, widget):
        app.include_router(feature.router)
    for router in (*OFFICE_ROUTERS, *API_ROUTERS):
        app.include_router(router)
    app.mount("/static", BuiltFiles(directory=STATIC), name="static")
    return app


def _answers(parts: Parts, engine: Engine, library: Library) -> Answers:
    answers = Answers(
        parts.database,
        parts.hub.answers,
        engine.client,
        library,
        salt_of=parts.secrets.prefix_salt,
        timeout_s=parts.settings.answer_timeout_s,
        merge_after_s=parts.settings.merge_after_s,
    )
    answers.listen(parts.dispatcher)
    return answers


def _jobs(parts: Parts) -> JobRunner:
    settings = parts.settings
    runner = JobRunner(
        parts.database,
        by_itself.HANDLERS
        | idempotency.HANDLERS
        | privacy.HANDLERS
        | webhooks.HANDLERS
        | batches.HANDLERS
        | files.handlers(files.store_of(settings)),
        parts.clock,
        poll_s=settings.job_poll_s,
        lease_s=settings.job_lease_s,
        lock_first=by_itself.lock_first,
    )
    runner.listen(parts.dispatcher)
    return runner


def _typing_ahead(parts: Parts, engine: Engine, library: Library) -> TypingAhead:
    typing_ahead = TypingAhead(
        parts.database,
        parts.hub.answers,
        engine.client,
        library,
        salt_of=parts.secrets.prefix_salt,
        max_running=parts.settings.typing_ahead,
    )
    typing_ahead.listen(parts.dispatcher)
    return typing_ahead


def _lessons(parts: Parts, engine: Engine) -> Lessons:
    lessons = Lessons(parts.database, engine.client, salt_of=parts.secrets.prefix_salt)
    lessons.listen(parts.dispatcher)
    return lessons


async def _measure_lag(metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LAG_CHECK_S
        await asyncio.sleep(_LAG_CHECK_S)
        metrics.event_loop_lag.set(loop.time() - due)
