"""Where answers come from: our own engine process, one that runs already, or a script."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import BadSettings, EngineFailed
from app.settings import Settings
from inference import (
    ClientSettings,
    EngineClient,
    EngineConfig,
    EngineError,
    EngineProcessSettings,
    EngineSupervisor,
)

SHIPPED_MODEL = Path(__file__).parent.parent / "inference" / "weights" / "careline-small"
SHIPPED_SPECULATOR = SHIPPED_MODEL.parent / "careline-small-mlp"
CHOOSE_SPECULATOR, FROM_TEXTS, REJECTION = "auto", "suffix", "rejection"
NO_SPECULATOR = "none"
_RUNNING = "unix:"
_SCRIPTED = "scripted:"


@dataclass(frozen=True)
class Engine:
    """An engine one can ask, and how one hears that it is gone for good."""

    client: EngineClient
    gave_up: asyncio.Event = field(default_factory=asyncio.Event)
    restarts: Mapping[str, int] = field(default_factory=dict)
    """How often our own engine process was started again, by cause."""


@asynccontextmanager
async def running_engine(settings: Settings) -> AsyncIterator[Engine]:
    """The engine these settings name, started and stopped with the block.

    Raises:
        EngineFailed: it cannot start; the sentence says what to change.
        BadSettings: `engine` names nothing known.
    """
    if settings.engine is not None and settings.engine.startswith(_RUNNING):
        path = Path(settings.engine.removeprefix(_RUNNING))
        async with EngineClient(path, _client_settings(settings)) as client:
            yield Engine(client)
        return
    supervisor = supervise(settings)
    try:
        await supervisor.start()
    except EngineError as error:
        failed = EngineFailed(f"The engine could not start: {error.message}.")
        failed.code = error.code
        raise failed from error
    try:
        yield Engine(supervisor.client, supervisor.gave_up, supervisor.restarts)
    finally:
        await supervisor.stop()


def supervise(settings: Settings) -> EngineSupervisor:
    """The keeper of our own engine process, not started yet."""
    process = EngineProcessSettings(
        engine=engine_config(settings),
        client=_client_settings(settings),
        start_timeout_s=settings.engine_start_timeout_s,
    )
    return EngineSupervisor(process, settings.run_dir)


def engine_config(settings: Settings) -> EngineConfig:
    """What these settings say about the engine itself.

    Raises:
        BadSettings: they do not fit together, or `engine` names nothing known.
    """
    model = settings.model or str(SHIPPED_MODEL)
    if settings.engine is not None:
        if not settings.engine.startswith(_SCRIPTED):
            raise BadSettings(
                f"engine: {settings.engine!r} is neither unix:PATH nor scripted:FILE."
            )
        model = settings.engine
    try:
        return EngineConfig(
            model=model,
            speculator=speculators_of(settings),
            verification=settings.verification,
            device=settings.device,
            dtype=settings.dtype,
            quantization=settings.quantization,
            tensor_parallel=settings.tensor_parallel,
            num_blocks=settings.num_blocks,
            max_batch=settings.max_batch,
            max_waiting=settings.max_waiting,
            seed=settings.seed,
            compile=settings.compile,
            kv_dtype=settings.kv_dtype,
            pin_share=settings.pin_share,
            cache_dir=str(settings.cache_dir.resolve()),
        )
    except EngineError as error:
        raise BadSettings(f"The engine's settings do not fit: {error.message}.") from error


def speculators_of(settings: Settings) -> tuple[str, ...]:
    """The speculators that these settings name or leave to be chosen."""
    named = [name.strip() for name in settings.speculator.split(",")]
    if named == [CHOOSE_SPECULATOR]:
        named = _chosen_speculators(settings)
    named.append(settings.draft or "")
    return tuple(name for name in named if name not in ("", NO_SPECULATOR))


def _chosen_speculators(settings: Settings) -> list[str]:
    if settings.verification == REJECTION:
        return []  # it takes a draft model alone
    is_shipped = settings.model is None and settings.engine is None
    return [FROM_TEXTS, str(SHIPPED_SPECULATOR)] if is_shipped else [FROM_TEXTS]


def _client_settings(settings: Settings) -> ClientSettings:
    return ClientSettings(
        hang_timeout_s=settings.engine_hang_timeout_s,
        unavailable_after_s=settings.engine_unavailable_after_s,
    )
