"""The door of the engine: what other packages may import.

Environment before torch and numpy: libgomp's default of spinning at barriers makes two-thread
decoding 35 to 50 times slower beside one busy neighbour process, so idle threads wait passively
unless told otherwise; numpy multiplies in the thread that asks, and has none of its own to spin.

`Engine` is loaded when it is first asked for: torch takes two seconds and 200 MB, and a process
that only talks to an engine process needs none of it. So are `Encoder` and `Reader`, for the
other side.
"""

import importlib
import os
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from inference.client import ClientSettings, EngineClient
from inference.config import EngineConfig
from inference.document import Document
from inference.errors import (
    AlreadyRunning,
    EngineError,
    EngineUnavailable,
    InvalidConfig,
    InvalidRequest,
    ModelLoadError,
    ProtocolError,
    QueueFull,
    ScriptError,
)
from inference.metrics import Histogram, MetricsSnapshot
from inference.process.socket_server import ServerSettings
from inference.request import (
    BACKGROUND_PRIORITY,
    ChatMessage,
    EngineInfo,
    ExactIds,
    Exactly,
    FinishReason,
    RequestOutput,
    SamplingParams,
    SpanChoice,
    Spans,
    SpanSource,
    TokenChunk,
    TokenLogprob,
    Words,
)
from inference.supervisor import EngineProcessSettings, EngineSupervisor

if TYPE_CHECKING:
    from inference.encoder import Encoder
    from inference.engine import Engine
    from inference.reader import Reader, Reading

__all__ = [
    "BACKGROUND_PRIORITY",
    "AlreadyRunning",
    "ChatMessage",
    "ClientSettings",
    "Document",
    "Encoder",
    "Engine",
    "EngineClient",
    "EngineConfig",
    "EngineError",
    "EngineInfo",
    "EngineProcessSettings",
    "EngineSupervisor",
    "EngineUnavailable",
    "ExactIds",
    "Exactly",
    "FinishReason",
    "Histogram",
    "InvalidConfig",
    "InvalidRequest",
    "MetricsSnapshot",
    "ModelLoadError",
    "ProtocolError",
    "QueueFull",
    "Reader",
    "Reading",
    "RequestOutput",
    "SamplingParams",
    "ScriptError",
    "ServerSettings",
    "SpanChoice",
    "SpanSource",
    "Spans",
    "TokenChunk",
    "TokenLogprob",
    "Words",
]


_LATE = {"Encoder": "encoder", "Engine": "engine", "Reader": "reader", "Reading": "reader"}


def __getattr__(name: str) -> object:
    if name in _LATE:
        return getattr(importlib.import_module(f"inference.{_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
