"""The forward pass of a step: weights, cache and device in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path

import torch

from inference.batch import Batch, Verdict
from inference.cache.storage import allocate_cache, wipe
from inference.config import FP8, INT8, EngineConfig
from inference.errors import InvalidConfig
from inference.model.building import Build
from inference.model.config import ModelConfig
from inference.model.decoder import Decoder, DecoderInputs
from inference.model.language_model import LanguageModel
from inference.model.loading import check_divides, load_model, load_native
from inference.model.native_decoder import NativeModel
from inference.model.parallel import Share
from inference.model.spans import lay_out
from inference.model.weights import find_checkpoint
from inference.runner.cuda_graphs import CudaRecorder, GraphedForward, States, on_device
from inference.runner.device_verify import decide
from inference.runner.graph_choice import WANTED
from inference.runner.inputs import build_inputs, open_rows, sampled_rows
from inference.runner.native_loader import NativeLoader
from inference.runner.orders import Move, Order, Wipe
from inference.runner.peers import ParallelModel, Peers, PeerSettings
from inference.runner.profile import CONTEXT, profile, profile_spans
from inference.runner.rounds import decide_rounds, rounds_of
from inference.runner.threads import one_thread, threads_for, weight_bytes
from inference.runner.transfer import send
from inference.speculation.base import Features, FeatureWish, TargetFacts
from inference.speculation.verify import verify
from kernels.dispatch import runs_triton
from kernels.move_rows import move_rows
from kernels.native.attention import TYPES, NativeKernels
from kernels.native.build import cache_folder, find_compiler

# With a matrix unit (AMX) torch multiplies many bfloat16 rows faster than vectors do.
HAS_MATRIX_UNIT = torch.cpu._is_amx_tile_supported()
FEW_ROWS = 16
PACKED = {INT8: torch.int8, FP8: torch.float8_e4m3fn}
"""What blocks are kept in, by the setting."""
HOST = torch.device("cpu")


@dataclass(frozen=True)
class Computed:
    """What came out of one forward pass."""

    verdicts: list[Verdict]
    """Of the parts that sample, in order."""
    is_sound: list[bool]
    """For every row whether its numbers are numbers."""
    features: Features

    @cached_property
    def are_all_sound(self) -> bool:
        """Whether every row's numbers are numbers, as nearly always."""
        return all(self.is_sound)


class ModelRunner:
    """Loads a checkpoint and runs batches through it.

    Raises:
        ModelLoadError: the checkpoint is missing, broken or of an unsupported kind.
        InvalidConfig: the device or dtype is not to be had here.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.folder = find_checkpoint(config.model)
        self.device = _device(config.device)
        self.dtype = _dtype(config, self.device)
        self._block_size = config.block_size
        self._max_rounds_s = config.max_rounds_s
        kv_dtype = PACKED.get(config.kv_dtype, self.dtype)
        self._peers = _peers(config, self.folder, self.device, self.dtype, kv_dtype)
        self._decoder = _load(config, self.folder, self.device, self.dtype, self._peers)
        self.model_config: ModelConfig = self._decoder.config
        self._cache = allocate_cache(
            self.model_config, config.num_blocks, config.block_size, kv_dtype, self.device
        )
        self._graphs = _graphs(self._decoder, self._cache, self.device)
        self._weight_bytes = weight_bytes(self.folder)
        self._quantization = config.quantization
        self._native = NativeLoader()
        if _has_kernels(config, self.device) and self.dtype in TYPES:
            self._native.start(cache_folder(), self._make_native)
        if self._quantization:
            self._native.wait()  # it rounds a little differently: one of the two from the start

    @torch.inference_mode()
    def run(
        self, batch: Batch, wish: FeatureWish, meanwhile: Callable[[], None] = lambda: None
    ) -> Computed:
        """Compute every row of the batch, and decide the tokens of the parts that sample.

        `meanwhile` is done while a device is at it, before what it has decided is waited for.

        Raises:
            ValueError: what a request asks for leaves it no possible token.
        """
        model = self._model(batch.num_rows)
        if model is self._native.model:  # its own threads work; torch's would wake beside them
            with one_thread():
                if batch.num_rounds > 1:
                    return self._run_rounds(batch, wish)
                return self._run(model, batch, wish, meanwhile)
        with threads_for(self._weight_bytes, batch.num_rows):
            return self._run(model, batch, wish, meanwhile)

    def _run(
        self,
        model: LanguageModel,
        batch: Batch,
        wish: FeatureWish,
        meanwhile: Callable[[], None],
    ) -> Computed:
        inputs = build_inputs(batch, self._block_size, HOST, self._native.kernels)
        hidden, aux = self._forward(model, inputs, wish.aux_layers)
        features, decides_there = Features(hidden, aux), runs_triton(hidden)
        rows = sampled_rows(batch) if decides_there else open_rows(batch)
        if not rows:
            return Computed([], _sound_rows(hidden), features)
        is_all = len(rows) == hidden.shape[0]
        asked = hidden if is_all else hidden[send([torch.tensor(rows)], self.device)[0]]
        parts = [part for part in batch.parts if part.samples]
        logits = model.logits(asked)
        if decides_there:
            decided = decide(parts, logits, hidden.sum(-1).isfinite())
            meanwhile()
            return Computed(*decided.wait(), features)
        verdicts = verify(parts, logits.cpu(), self._native.kernels)
        return Computed(verdicts, _sound_rows(hidden), features)

    def has_rounds(self, num_rows: int) -> bool:
        """Whether what runs so many rows can run them several times in one call."""
        return isinstance(self._model(num_rows), NativeModel)

    def _run_rounds(self, batch: Batch, wish: FeatureWish) -> Computed:
        model = self._native.model
        assert isinstance(model, NativeModel)
        inputs = build_inputs(batch, self._block_size, HOST, self._native.kernels)
        rounds = rounds_of(batch, self._max_rounds_s)
        decoded = model.decode(inputs, self._cache, rounds, wish.aux_layers)
        features = Features(decoded.hidden, decoded.aux)
        return Computed(decide_rounds(batch, decoded), _sound_rows(decoded.hidden), features)

    def _forward(
        self, model: LanguageModel, inputs: DecoderInputs, layers: tuple[int, ...] = ()
    ) -> States:
        """Run a step that is laid out on the host."""
        if self._graphs is not None:
            return self._graphs.forward(inputs, layers)
        if self.device != HOST and self._peers is None:
            inputs = on_device(inputs, self.device)
        if layers:
            return model.forward_with_aux(inputs, self._cache, layers)
        return model.forward(inputs, self._cache), None

    @property
    def facts(self) -> TargetFacts:
        """What a speculator must know of this model and its cache."""
        model = self.model_config
        return TargetFacts(
            vocab_size=model.vocab_size,
            hidden_size=model.hidden_size,
            num_layers=model.num_layers,
            max_model_len=model.max_model_len,
            num_blocks=self._cache.shape[2],
            block_size=self._block_size,
            dtype=self.dtype,
            device=self.device,
            embed=lambda token_ids: self._model(0).embed(token_ids),
            logits=lambda hidden: self._model(hidden.shape[0]).logits(hidden),
            native=lambda: self._native.kernels,
            record=None if self._graphs is None else self._graphs.record,
        )

    def _make_native(self, kernels: NativeKernels) -> LanguageModel | None:
        if self._quantization not in (None, INT8):
            return None  # it knows no other bytes; torch does
        weights = torch.int8 if self._quantization else self.dtype
        return load_native(self.folder, kernels, weights, self._cache.dtype)

    def _model(self, num_rows: int) -> LanguageModel:
        """The C++ decoder once it is ready, where it is the faster one for so many rows."""
        native = self._native.model
        has_both = HAS_MATRIX_UNIT and not self._quantization
        if native is None or (has_both and num_rows > FEW_ROWS):
            return self._decoder
        if not has_both:
            self._decoder = native  # nothing needs the other's weights any more
        return native

    @property
    def kernels_name(self) -> str:
        """What runs the model at present."""
        if self._native.kernels is None:
            return "torch"
        return "attention in C++" if self._native.model is None else "C++"

    @torch.inference_mode()
    def profile(self, block_ids: list[int]) -> dict[int, float]:
        """Seconds of a decoding step by its rows; writes to these blocks, which nobody may hold."""
        longest = min(self.model_config.max_model_len, len(block_ids) * self._block_size)

        def run(num_rows: int) -> None:
            native, model = self._native.kernels, self._model(num_rows)
            spans = profile_spans(num_rows, block_ids, min(CONTEXT, longest))
            inputs = lay_out(spans, self._block_size, HOST, native)
            if model is self._native.model:
                model.logits(model.forward(inputs, self._cache)).argmax(-1)
                return
            with threads_for(self._weight_bytes, num_rows):
                model.logits(self._forward(model, inputs)[0]).argmax(-1).cpu()

        return profile(run, num_warmups=0 if self._graphs is None else WANTED)

    @torch.inference_mode()
    def move(self, sources: list[int], targets: list[int]) -> None:
        """Move the keys and values of accepted rows to where their tokens belong, by slots."""
        self._tell(Move(tuple(sources), tuple(targets)))
        pair = send([torch.tensor(sources), torch.tensor(targets)], self.device)
        move_rows(self._cache, *pair)

    @torch.inference_mode()
    def wipe_slots(self, slots: list[int]) -> None:
        """Zero slots of rejected rows that are not numbers; masked ones are read and must be."""
        self._tell(Wipe(slots=tuple(slots)))
        wipe(self._cache, slots=slots)

    @property
    def cache(self) -> torch.Tensor:  # [L, 2, N, S, G, D]
        """The keys and values of all blocks."""
        return self._cache

    def finish_compiling(self) -> None:
        """Wait for what is built in the background."""
        self._native.wait()

    @torch.inference_mode()
    def wipe(self, block_ids: list[int]) -> None:
        """Zero blocks that a failed request may have filled with what is not a number."""
        self._tell(Wipe(block_ids=tuple(block_ids)))
        wipe(self._cache, block_ids)

    def close(self) -> None:
        """Let go of other processes."""
        if self._peers is not None:
            self._peers.close()

    def _tell(self, order: Order) -> None:
        if self._peers is not None:
            self._peers.tell(order)


def _sound_rows(hidden: torch.Tensor) -> list[bool]:  # [T, W]
    """For every row whether its numbers are numbers; a sum of all is one look at all of them."""
    if isfinite(hidden.sum().item()):
        return [True] * hidden.shape[0]
    sound: list[bool] = hidden.sum(-1).isfinite().tolist()
    return sound


def _peers(
    config: EngineConfig,
    folder: Path,
    device: torch.device,
    dtype: torch.dtype,
    kv_dtype: torch.dtype,
) -> Peers | None:
    """The other processes of a divided model."""
    if config.tensor_parallel == 1:
        return None
    check_divides(folder, config.tensor_parallel)
    num_gpus = torch.cuda.device_count()
    if device.type == "cuda" and num_gpus < config.tensor_parallel:
        raise InvalidConfig(
            f"tensor_parallel: {config.tensor_parallel} processes, but only {num_gpus} GPUs"
        )
    return Peers(
        PeerSettings(
            model=folder,
            size=config.tensor_parallel,
            device=device,
            dtype=dtype,
            kv_dtype=kv_dtype,
            num_blocks=config.num_blocks,
            block_size=config.block_size,
            quantization=config.quantization,
            timeout_s=config.peer_timeout_s,
        )
    )


def _load(
    config: EngineConfig,
    folder: Path,
    device: torch.device,
    dtype: torch.dtype,
    peers: Peers | None,
) -> LanguageModel:
    """The model, or this process's share of it together with the others."""
    if peers is None:
        return load_model(folder, dtype, device, Build(config.quantization))
    try:
        share = Share(0, config.tensor_parallel, peers.collectives)
        own = load_model(folder, dtype, device, Build(config.quantization, share))
        assert isinstance(own, Decoder)
        peers.wait_until_ready()
    except BaseException:
        peers.close()
        raise
    return ParallelModel(own, peers)


def _graphs(
    model: LanguageModel, cache: torch.Tensor, device: torch.device
) -> GraphedForward | None:
    """Only our own decoder waits for nothing on its way, as what is captured must."""
    if device.type != "cuda" or not isinstance(model, Decoder):
        return None
    return GraphedForward(model, cache, device, CudaRecorder())


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise InvalidConfig(f"device: {wanted!r} is not a device") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InvalidConfig(f"device: {wanted!r} was asked for, but torch sees no GPU")
    return device


def _has_kernels(config: EngineConfig, device: torch.device) -> bool:
    """Whether the C++ kernels are wanted and could be had."""
    return config.compile and device.type == "cpu" and config.tensor_parallel == 1


def _dtype(config: EngineConfig, device: torch.device) -> torch.dtype:
    wanted = config.dtype
    if wanted == "auto":
        has_units = device.type == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
        will_have_kernels = _has_kernels(config, device) and find_compiler() is not None
        wanted = "bfloat16" if has_units or will_have_kernels else "float32"
    dtype = getattr(torch, wanted)
    assert isinstance(dtype, torch.dtype), f"{wanted} is no dtype"
    return dtype
