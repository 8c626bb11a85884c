"""Everything the engine refuses or fails with, as exceptions that carry a code.

EngineError             `code` for programs, the message for a person; "poisoned" and "internal"
│                       have no class of their own
├── InvalidConfig       an engine cannot be built from these settings
├── InvalidRequest      the request itself is wrong; asking again gives the same answer
├── QueueFull           too much is waiting; `retry_after_s` says when to ask again
├── EngineUnavailable   the engine process is down, hung, or restarting for too long
├── PeerLost            a process that holds a share of the model has gone, the engine with it
├── ModelLoadError      weights, tokenizer or speculator are missing, corrupt or unknown
├── ScriptError         a file of scripted answers has a bad line
├── AlreadyRunning      another engine process holds the same socket
└── ProtocolError       the other end of the socket does not speak our frames
"""

from pathlib import Path
from typing import ClassVar


class EngineError(Exception):
    """Base of the tree. `code` never changes once published; the message may."""

    default_code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code


class InvalidConfig(EngineError):
    """A setting of the engine is out of its range or unknown."""

    default_code = "invalid_config"


class InvalidRequest(EngineError):
    """The request can never succeed as it stands."""

    default_code = "invalid_request"


class QueueFull(EngineError):
    """Nothing is wrong with the request, there is only no room to wait in."""

    default_code = "queue_full"

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"the engine's queue is full; ask again in {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


class EngineUnavailable(EngineError):
    """No engine process answers; a later request may succeed."""

    default_code = "engine_unavailable"


class PeerLost(EngineError):
    """A share of the model and of all keys and values is gone; only a new engine can serve."""

    default_code = "peer_lost"

    def __init__(self, rank: int | None, exit_code: int | None, reason: str) -> None:
        who = "a process" if rank is None else f"process {rank}"
        how = "does not answer" if exit_code is None else f"has ended with exit code {exit_code}"
        super().__init__(f"{who} of the divided model {how}: {reason}")
        self.rank = rank
        self.exit_code = exit_code


class ModelLoadError(EngineError):
    """What `path` holds cannot be served; `reason` says what to put there instead."""

    default_code = "model_load_failed"

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"cannot load {path}: {reason}")
        self.path = str(path)
        self.reason = reason


class ScriptError(EngineError):
    """Line `line` (from 1) of a script of answers cannot be used."""

    default_code = "script_invalid"

    def __init__(self, path: str | Path, line: int, reason: str) -> None:
        super().__init__(f"{path}, line {line}: {reason}")
        self.path = str(path)
        self.line = line
        self.reason = reason


class AlreadyRunning(EngineError):
    """Two engine processes must not share one socket."""

    default_code = "already_running"


class ProtocolError(EngineError):
    """Bytes arrived that are no frame of our version; nothing after them can be trusted."""

    default_code = "protocol"
