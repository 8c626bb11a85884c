"""One of the other processes of a divided model: does what the first one orders, until it goes.

`python -m inference.runner.peer` is started by `inference.runner.peers`; orders come on standard
input, two lines on standard output say how far it is, and all else goes to standard error.
"""

import argparse
import os
import sys
from datetime import timedelta
from pathlib import Path

import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from inference.cache.storage import allocate_cache, wipe
from inference.model.building import Build
from inference.model.decoder import Decoder
from inference.model.loading import load_model
from inference.model.parallel import Share
from inference.runner.collectives import HOST, DeviceCollectives
from inference.runner.cuda_graphs import on_device
from inference.runner.orders import Forward, Logits, Move, Order, Wipe, inputs_of, read_order
from kernels.move_rows import move_rows

STARTED, READY = b"started\n", b"ready\n"


class Peer:
    """A share of the model, and its share of the cache."""

    def __init__(self, model: Decoder, cache: torch.Tensor, collectives: DeviceCollectives) -> None:
        self._model, self._cache, self._collectives = model, cache, collectives

    @torch.inference_mode()
    def obey(self, order: Order) -> None:
        """Carry out one order."""
        match order:
            case Forward():
                self._forward(order)
            case Logits():
                config, device = self._model.config, self._cache.device
                shape = order.num_rows, config.hidden_size
                hidden = torch.empty(shape, dtype=self._model.dtype, device=device)
                self._model.logits(self._collectives.spread(hidden))
            case Move():
                pair = torch.tensor([order.sources, order.targets], device=self._cache.device)
                move_rows(self._cache, *pair.unbind())
            case Wipe():
                wipe(self._cache, order.block_ids, order.slots)

    def _forward(self, order: Forward) -> None:
        inputs = inputs_of(order)
        if self._cache.device.type != "cpu":
            inputs = on_device(inputs, self._cache.device)
        if order.layers:
            self._model.forward_with_aux(inputs, self._cache, order.layers)
        else:
            self._model.forward(inputs, self._cache)


def main() -> None:
    """Load this process's share and serve it."""
    options = _options()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything else prints
    answers.write(STARTED)
    answers.flush()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    if device.type == "cuda":
        torch.cuda.set_device(device)  # where kernels are launched
    store = TCPStore(HOST, options.port, options.size, is_master=False)
    timeout = timedelta(seconds=options.timeout_s)
    together = DeviceCollectives(store, options.rank, options.size, device, timeout)
    share = Share(options.rank, options.size, together)
    dtype = getattr(torch, options.dtype)
    model = load_model(options.model, dtype, device, Build(options.quantization, share))
    assert isinstance(model, Decoder)
    kept = getattr(torch, options.kv_dtype)
    cache = allocate_cache(model.config, options.num_blocks, options.block_size, kept, device)
    answers.write(READY)
    answers.close()
    peer = Peer(model, cache, together)
    while (order := read_order(sys.stdin.buffer)) is not None:
        peer.obey(order)
    os._exit(0)  # the group's own threads would wait for the others


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="One process of a divided model.")
    for name in ("port", "rank", "size", "threads", "num-blocks", "block-size"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("device", "dtype", "kv-dtype"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--timeout-s", type=float, required=True)
    parser.add_argument("--quantization")
    return parser.parse_args()


if __name__ == "__main__":
    main()
