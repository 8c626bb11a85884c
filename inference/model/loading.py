"""Which code runs a checkpoint: our own decoder, or transformers' over our cache."""

import importlib
from pathlib import Path

import torch

from inference.errors import InvalidConfig
from inference.model.building import Build
from inference.model.config import describe
from inference.model.decoder import WHOLE, Decoder
from inference.model.families import read_native
from inference.model.language_model import LanguageModel
from inference.model.native_decoder import NativeModel, suits
from inference.model.parallel import divided
from kernels.native.attention import NativeKernels
from kernels.native.decoder import KINDS


def load_model(
    folder: Path, dtype: torch.dtype, device: torch.device, build: Build = WHOLE
) -> LanguageModel:
    """Load the checkpoint of a folder.

    Raises:
        ModelLoadError: it is missing, broken or of a kind that cannot be served.
        InvalidConfig: it cannot be built so.
    """
    description = describe(folder)
    native = read_native(description)
    if native is not None:
        config, names = native
        return Decoder(folder, config, names, dtype, device, build)
    if build != WHOLE:
        raise InvalidConfig(
            f"quantization: {description.architecture} runs in transformers, which has the whole "
            "weights here"
        )
    # Loaded only now: transformers' models take another two seconds and 150 MB.
    adapter = importlib.import_module("inference.model.adapter")
    adapted: LanguageModel = adapter.AdaptedModel(description, dtype, device)
    return adapted


def check_divides(folder: Path, size: int) -> None:
    """See that a checkpoint can be divided over so many processes.

    Raises:
        ModelLoadError: it is missing or broken.
        InvalidConfig: it cannot; the message has the numbers.
    """
    description = describe(folder)
    native = read_native(description)
    if native is None:
        raise InvalidConfig(
            f"tensor_parallel: {description.architecture} runs in transformers, which is not "
            "divided here"
        )
    divided(native[0], size)


def load_native(
    folder: Path,
    kernels: NativeKernels,
    weights: torch.dtype,
    cache: torch.dtype,
) -> NativeModel | None:
    """Pack a checkpoint for the C++ decoder; None where that has not all it needs.

    Raises:
        ModelLoadError: as `load_model`.
    """
    native = read_native(describe(folder))
    if native is None or not suits(native[0]) or (weights, cache) not in KINDS:
        return None
    return NativeModel(folder, *native, kernels, weights, cache)
