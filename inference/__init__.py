"""The door of the engine: what other packages may import.

Environment before torch: libgomp's default of spinning at barriers makes two-thread decoding 35 to
50 times slower beside one busy neighbour process, so idle threads wait passively unless told
otherwise.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from inference.config import EngineConfig
from inference.engine import Engine
from inference.errors import (
    EngineError,
    EngineUnavailable,
    InvalidConfig,
    InvalidRequest,
    ModelLoadError,
    QueueFull,
)
from inference.request import (
    ChatMessage,
    EngineInfo,
    Exactly,
    FinishReason,
    RequestOutput,
    SamplingParams,
    TokenChunk,
    Words,
)

__all__ = [
    "ChatMessage",
    "Engine",
    "EngineConfig",
    "EngineError",
    "EngineInfo",
    "EngineUnavailable",
    "Exactly",
    "FinishReason",
    "InvalidConfig",
    "InvalidRequest",
    "ModelLoadError",
    "QueueFull",
    "RequestOutput",
    "SamplingParams",
    "TokenChunk",
    "Words",
]
