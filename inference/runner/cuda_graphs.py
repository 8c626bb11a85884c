"""The forward pass of small steps, recorded once a shape and replayed.

A decode step of an 8 B model is some hundred launches, which cost the host more than the GPU needs
to run them; a replayed graph is one. Inputs lie in buffers that live as long as the engine, and a
step copies its own into their beginning, so every graph reads the same addresses.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import torch

from inference.model.decoder import Decoder, DecoderInputs
from inference.runner.graph_choice import GraphChoice
from inference.runner.step_shapes import ROW_SIZES, StepShape, pad_inputs, shape_of
from inference.runner.transfer import send
from inference.speculation.base import Recorder

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
States = tuple[torch.Tensor, torch.Tensor | None]
"""Hidden states [T, W], and the streams that were asked for [T, n * W]."""


Recording = Callable[[], States]
"""One forward pass over the buffers, run again."""


class GraphedForward:
    """Runs steps through recordings where they fit one, else as they are."""

    def __init__(
        self,
        model: Decoder,
        cache: torch.Tensor,  # [L, 2, N, S, G, D]
        device: torch.device,
        record: Recorder,
    ) -> None:
        self._model, self._cache, self._device = model, cache, device
        self.record = partial(_record, record)
        most_slots = min(model.config.max_model_len, cache.shape[2] * cache.shape[3])
        self._buffers = StepBuffers(-(-most_slots // cache.shape[3]), device)
        # Graphs go on reading the table they have seen, so no shape may make it grow.
        model.cover(max(model.config.max_model_len, self._buffers.num_blocks * cache.shape[3]))
        self.choice: GraphChoice[Recording] = GraphChoice()

    def forward(self, inputs: DecoderInputs, layers: tuple[int, ...]) -> States:
        """Hidden states of a step laid out on the host, and the streams behind these layers."""
        shape = shape_of(inputs)
        if shape is None or not self._buffers.hold(shape):
            return self._run(on_device(inputs, self._device), layers)
        chosen = self.choice.choose(shape, layers, lambda one: self._new(inputs, one, layers))
        if chosen is None:
            return self._run(on_device(inputs, self._device), layers)
        shape, recording = chosen
        self._buffers.fill(on_device(pad_inputs(inputs, shape), self._device))
        hidden, aux = recording()
        num_rows = inputs.token_ids.shape[0]
        # Copies: speculators keep states of a step beyond the next one.
        return hidden[:num_rows].clone(), None if aux is None else aux[:num_rows].clone()

    def _new(self, inputs: DecoderInputs, shape: StepShape, layers: tuple[int, ...]) -> Recording:
        padded = pad_inputs(inputs, shape)
        self._buffers.fill(on_device(padded, self._device))
        view = self._buffers.view(shape, padded)
        return self.record(lambda: self._run(view, layers))

    def _run(self, inputs: DecoderInputs, layers: tuple[int, ...]) -> States:
        if layers:
            return self._model.forward_with_aux(inputs, self._cache, layers)
        return self._model.forward(inputs, self._cache), None


class StepBuffers:
    """Room for the inputs of the largest shape; a graph reads the beginning of each."""

    def __init__(self, most_blocks: int, device: torch.device) -> None:
        most = ROW_SIZES[-1]
        longs = torch.zeros(4, most, dtype=torch.int64, device=device)
        self._token_ids, self._positions, self._slots, self._ancestors = longs.unbind()
        # A shape's number of blocks is a power of two, so it may exceed what a sequence can have.
        width = 1 << (most_blocks - 1).bit_length()
        self._tables = torch.zeros(most, max(width, 16), dtype=torch.int32, device=device)
        self._starts = torch.zeros(most + 1, dtype=torch.int32, device=device)
        self._contexts = torch.zeros(most, dtype=torch.int32, device=device)

    @property
    def num_blocks(self) -> int:
        """Of the widest block table."""
        return self._tables.shape[1]

    def hold(self, shape: StepShape) -> bool:
        """Whether a step of this shape fits."""
        return shape.num_rows <= self._slots.shape[0] and shape.num_blocks <= self._tables.shape[1]

    def fill(self, inputs: DecoderInputs) -> None:
        """Copy a padded step's tensors, on the device already, into the buffers."""
        plan = inputs.attention
        _put(inputs.token_ids, self._token_ids)
        _put(inputs.positions, self._positions)
        _put(inputs.slot_mapping, self._slots)
        _put(plan.query_starts, self._starts)
        _put(plan.context_lens, self._contexts)
        rows, columns = plan.block_tables.shape
        self._tables[:rows, :columns].copy_(plan.block_tables)
        if plan.ancestors is not None:
            _put(plan.ancestors, self._ancestors)

    def view(self, shape: StepShape, like: DecoderInputs) -> DecoderInputs:
        """The buffers as the inputs of a shape; sizes are those of a padded step."""
        rows, sequences = shape.num_rows, shape.num_sequences
        return DecoderInputs(
            token_ids=self._token_ids[:rows],
            positions=self._positions[:rows],
            slot_mapping=self._slots[:rows],
            attention=replace(
                like.attention,
                block_tables=self._tables[:sequences, : shape.num_blocks],
                query_starts=self._starts[: sequences + 1],
                context_lens=self._contexts[:sequences],
                ancestors=self._ancestors[:rows] if shape.is_tree else None,
            ),
        )


def on_device(inputs: DecoderInputs, device: torch.device) -> DecoderInputs:
    """A step's tensors on the device, in one copy; the plan's are int32, as its kernel reads."""
    plan = inputs.attention
    sent = send(
        [
            inputs.token_ids,
            inputs.positions,
            inputs.slot_mapping,
            plan.block_tables.int(),
            plan.query_starts.int(),
            plan.context_lens.int(),
            *(() if plan.ancestors is None else (plan.ancestors,)),
        ],
        device,
    )
    return DecoderInputs(
        token_ids=sent[0],
        positions=sent[1],
        slot_mapping=sent[2],
        attention=replace(
            plan,
            block_tables=sent[3],
            query_starts=sent[4],
            context_lens=sent[5],
            ancestors=sent[6] if len(sent) > 6 else None,
        ),
    )


class CudaRecorder:
    """Captures graphs that share one pool of memory, since no two of them run at a time."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, run: Callable[[], Result]) -> Callable[[], Result]:
        """Run once, so that kernels are compiled and workspaces are there, then capture."""
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            run()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        # Only this thread's doings are captured; others may go on with theirs.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            result = run()

        def replay() -> Result:
            graph.replay()
            return result

        return replay


def _record(record: Recorder, run: Callable[[], Result]) -> Callable[[], Result]:
    """A recording, or the run itself where there is no memory for one: slower, but it answers."""
    try:
        return record(run)
    except torch.OutOfMemoryError:
        logger.warning("no memory to record a step with; it runs without", exc_info=True)
        torch.cuda.empty_cache()
        return run


def _put(values: torch.Tensor, buffer: torch.Tensor) -> None:
    buffer[: values.shape[0]].copy_(values)
