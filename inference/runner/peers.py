"""The other processes of a divided model, seen from the first: started, told, watched, ended.

A process that goes takes the engine with it, in one clear error: what it held of the keys and
values is lost. The supervisor starts a new engine, and unfinished answers go on there.
"""

import contextlib
import logging
import os
import select
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from inference.errors import PeerLost
from inference.model.config import DecoderConfig
from inference.model.decoder import Decoder, DecoderInputs
from inference.runner.collectives import HOST, DeviceCollectives
from inference.runner.cuda_graphs import on_device
from inference.runner.orders import Logits, Order, forward_order, write_order
from inference.runner.peer import READY, STARTED

logger = logging.getLogger(__name__)

END_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class PeerSettings:
    """What every process of a divided model is told."""

    model: Path
    size: int
    device: torch.device
    dtype: torch.dtype
    kv_dtype: torch.dtype
    num_blocks: int
    block_size: int
    quantization: str | None
    timeout_s: float
    """How long one waits for another in the middle of a step."""


class Peers:
    """All processes but this one.

    Raises:
        PeerLost: one has ended, or does not come; from every call.
    """

    def __init__(self, settings: PeerSettings) -> None:
        self._settings = settings
        timeout = timedelta(seconds=settings.timeout_s)
        store = TCPStore(
            HOST, 0, settings.size, is_master=True, wait_for_workers=False, timeout=timeout
        )
        self._is_closing = False
        self._processes = [self._start(rank, store.port) for rank in range(1, settings.size)]
        self._end = weakref.finalize(self, _end, self._processes)
        self._collectives: DeviceCollectives | None = None
        for one in self._processes:
            given = os.pidfd_open(one.pid), weakref.ref(self)
            threading.Thread(target=_watch, args=given, name="peer", daemon=True).start()
        try:
            self._wait_for(STARTED, "it could not be started")
            device = device_of(settings.device, 0)
            with self.together():
                self._collectives = DeviceCollectives(store, 0, settings.size, device, timeout)
        except BaseException:
            self.close()
            raise

    @property
    def collectives(self) -> DeviceCollectives:
        """What all processes do together."""
        assert self._collectives is not None
        return self._collectives

    def wait_until_ready(self) -> None:
        """Until each has loaded its share."""
        self._wait_for(READY, "it could not load its share of the model")

    def tell(self, order: Order) -> None:
        """Have all of them carry this out, behind whatever they are at."""
        for rank, one in enumerate(self._processes, start=1):
            assert one.stdin is not None
            try:
                write_order(one.stdin, order)
            except OSError as error:
                raise PeerLost(rank, one.poll(), str(error)) from error

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is done inside is done by all of them.

        Whatever goes wrong in here leaves them at different places, where sums would be of
        different things: it is as if one were lost.
        """
        try:
            yield
        except Exception as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Let all of them go, and wait; who stays too long is ended."""
        self._is_closing = True
        self._end()

    def _wait_for(self, line: bytes, what_else: str) -> None:
        for rank, one in enumerate(self._processes, start=1):
            assert one.stdout is not None
            if one.stdout.readline() != line:
                raise PeerLost(rank, one.wait(END_TIMEOUT_S), what_else)

    def _start(self, rank: int, port: int) -> "subprocess.Popen[bytes]":
        settings = self._settings
        threads = max(1, torch.get_num_threads() // settings.size)
        command = [
            sys.executable,
            "-m",
            "inference.runner.peer",
            f"--model={settings.model}",
            f"--port={port}",
            f"--rank={rank}",
            f"--size={settings.size}",
            f"--threads={threads}",
            f"--device={device_of(settings.device, rank)}",
            f"--dtype={_name(settings.dtype)}",
            f"--kv-dtype={_name(settings.kv_dtype)}",
            f"--num-blocks={settings.num_blocks}",
            f"--block-size={settings.block_size}",
            f"--timeout-s={settings.timeout_s}",
        ]
        if settings.quantization:
            command.append(f"--quantization={settings.quantization}")
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def note_end(self) -> None:
        """One has ended, called for or not."""
        if self._is_closing:
            return
        logger.error("a process of the divided model has ended")
        # On a GPU nobody but us would ever end the wait for it.
        if self._collectives is not None and self._settings.device.type == "cuda":
            self._collectives.abort()

    def _lost(self, error: Exception) -> PeerLost:
        for rank, one in enumerate(self._processes, start=1):
            with contextlib.suppress(subprocess.TimeoutExpired):
                return PeerLost(rank, one.wait(0.2), f"{type(error).__name__}: {error}")
        return PeerLost(None, None, f"{type(error).__name__}: {error}")


def _end(processes: "list[subprocess.Popen[bytes]]") -> None:
    for one in processes:
        assert one.stdin is not None and one.stdout is not None
        with contextlib.suppress(OSError):
            one.stdin.close()
        try:
            one.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()
        one.stdout.close()


def _watch(process: int, peers: "weakref.ref[Peers]") -> None:
    """Wait for a process's end by its descriptor; keeps nobody alive meanwhile."""
    select.select([process], [], [])
    os.close(process)
    known = peers()
    if known is not None:
        known.note_end()


class ParallelModel:
    """This process's share, run together with the others: the whole model to whoever calls it."""

    def __init__(self, own: Decoder, peers: Peers) -> None:
        self._own, self._peers = own, peers

    @property
    def config(self) -> DecoderConfig:
        """The sizes of this process's share: its cache is laid out by it."""
        return self._own.config

    def forward(
        self,
        inputs: DecoderInputs,
        cache: torch.Tensor,  # [L, 2, N, S, g, D], this process's heads
    ) -> torch.Tensor:  # [T, W]
        """Run all rows, laid out on the host, in all processes."""
        with self._run(inputs, ()):
            return self._own.forward(self._here(inputs, cache), cache)

    def forward_with_aux(
        self,
        inputs: DecoderInputs,
        cache: torch.Tensor,  # as `forward`
        layers: tuple[int, ...],
    ) -> tuple[torch.Tensor, torch.Tensor]:  # [T, W], [T, len(layers) * W]
        """As `forward`, and beside it the residual stream behind these layers, in this order."""
        with self._run(inputs, layers):
            return self._own.forward_with_aux(self._here(inputs, cache), cache, layers)

    def embed(self, token_ids: torch.Tensor) -> torch.Tensor:  # [T] int64 -> [T, W]
        """Rows of the embedding, which every process has whole."""
        return self._own.embed(token_ids)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:  # [R, W] -> [R, V]
        """Logits of the rows asked for, each process's tokens joined."""
        states = hidden.to(self._own.dtype)
        self._peers.tell(Logits(states.shape[0]))
        with self._peers.together():
            return self._own.logits(self._peers.collectives.spread(states.contiguous()))

    @contextlib.contextmanager
    def _run(self, inputs: DecoderInputs, layers: tuple[int, ...]) -> Iterator[None]:
        self._peers.tell(forward_order(inputs, layers))
        with self._peers.together():
            yield

    @staticmethod
    def _here(inputs: DecoderInputs, cache: torch.Tensor) -> DecoderInputs:
        return inputs if cache.device.type == "cpu" else on_device(inputs, cache.device)


def device_of(first: torch.device, rank: int) -> torch.device:
    """The device of a rank: one GPU each, or the CPU that all share."""
    return first if first.type == "cpu" else torch.device(first.type, (first.index or 0) + rank)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
