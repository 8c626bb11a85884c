"""A port for a process that cannot choose one itself, or must come back on the same."""

import random
import socket

_PORTS = range(20_000, 32_000)
"""Below those that systems give to whoever asks for any, so that nobody else takes it meanwhile."""


def free_port() -> int:
    """One that nobody listens on."""
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError(f"no port of {_PORTS} is free")
