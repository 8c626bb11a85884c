"""One engine's side of a comparison: a JSON object a line on standard input, one a line back.

`python benchmarks/peer_loop.py peer_NAME OPTIONS` is run by the interpreter of the engine it is
about; this file and its neighbours `peer_*.py` need nothing but that engine. What an engine prints
goes to standard error.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TextIO, cast


class Peer(Protocol):
    """What is compared; `module.build(options)` makes it."""

    name: str
    version: str

    def generate(
        self, prompts: list[list[int]], num_new: list[int], *, is_alone: bool
    ) -> list[int]:
        """Answer all prompts greedily with exactly so many tokens; how many each one got.

        `is_alone` says that nobody else will come, so that a special path for one may be taken.
        """
        ...

    def settle(self) -> None:
        """Wait for whatever is built in the background."""
        ...

    def memory(self) -> Mapping[str, float]:
        """MiB of its weights and of its pool of keys and values, where it knows them."""
        ...


def main() -> None:
    """Build the peer, say hello, and carry out orders until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    began_s = time.perf_counter()
    module = importlib.import_module(sys.argv[1])
    peer = cast(Callable[[list[str]], Peer], module.build)(sys.argv[2:])
    orders: dict[str, Callable[..., object]] = {
        "generate": lambda **order: _generate(peer, **order),
        "settle": lambda: _seconds(peer.settle),
        "memory": lambda: {**peer.memory(), "rss": _rss_mib()},
    }
    hello = {"name": peer.name, "version": peer.version, "start_s": time.perf_counter() - began_s}
    _say(answers, hello)
    for line in sys.stdin:
        order = json.loads(line)
        _say(answers, orders[order.pop("do")](**order))
    os._exit(0)  # some engines do not let go of their threads


def _rss_mib() -> float:
    """Resident memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status has no VmRSS")


def _generate(
    peer: Peer, prompts: list[list[int]], num_new: list[int], is_alone: bool
) -> Mapping[str, float]:
    began_s = time.perf_counter()
    got = peer.generate(prompts, num_new, is_alone=is_alone)
    seconds = time.perf_counter() - began_s
    if got != num_new:
        raise ValueError(f"asked for {num_new} tokens, got {got}")
    return {"seconds": seconds}


def _seconds(run: Callable[[], None]) -> Mapping[str, float]:
    began_s = time.perf_counter()
    run()
    return {"seconds": time.perf_counter() - began_s}


def _say(answers: TextIO, told: object) -> None:
    print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
