"""Which checkpoints no part of the engine can run, each kind in one sentence."""

from typing import Any, Final

import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from inference.errors import ModelLoadError
from inference.model.config import Description

# Beyond this nobody has positions to serve, and a mask can still be checked whole.
LONGEST: Final = 1 << 20
# Layers that keep nothing but keys and values, or nothing at all; chunked ones are found wanting
# later, by what their masks hide.
PLAIN_LAYERS: Final = {
    "full_attention", "sliding_attention", "chunked_attention", "attention", "mlp", "moe",
}  # fmt: skip
MODALITIES: Final = ("text", "vision", "audio", "speech", "image")


def find_class(description: Description) -> type[transformers.PreTrainedModel]:
    """The class of transformers that runs an architecture.

    Raises:
        ModelLoadError: there is none, or it is of a kind that the engine cannot serve.
    """
    path, name = description.folder / "config.json", description.architecture
    found = getattr(transformers, name, None)
    if not isinstance(found, type) or not issubclass(found, transformers.PreTrainedModel):
        raise ModelLoadError(
            path,
            f"{name} is not supported: transformers {transformers.__version__} has no such "
            "architecture, and code that comes with a checkpoint is never run",
        )
    try:
        config = transformers.AutoConfig.from_pretrained(description.folder)
    except Exception as error:  # the library checks every field in its own way
        raise ModelLoadError(path, f"lacks or garbles a field: {error}") from error
    reason = _reason(found, config)
    if reason is not None:
        raise ModelLoadError(path, f"{name} is not supported: {reason}")
    return found


def max_len(config: transformers.PretrainedConfig) -> int | None:
    """Positions up to which the model's angles and tables hold; None if it does not say.

    Longrope turns all angles, those of cached keys too, once a sequence outgrows the length it was
    first trained on; so it ends there.
    """
    longest = getattr(config, "max_position_embeddings", None)
    if not isinstance(longest, int):
        return None
    ropes = getattr(config, "rope_parameters", None) or {}
    for rope in (ropes, *(one for one in ropes.values() if isinstance(one, dict))):
        if rope.get("rope_type") == "longrope":
            longest = min(longest, int(rope["original_max_position_embeddings"]))
    return min(longest, LONGEST)


def _reason(found: type[transformers.PreTrainedModel], config: Any) -> str | None:
    if config.is_encoder_decoder:
        return "it is an encoder-decoder; only decoders are run"
    if any(part.startswith(MODALITIES) for part in config.sub_configs):
        return "it is multimodal; only decoders of text are run"
    if found.__name__ not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
        return "it does not continue text; only causal language models are run"
    if found.config_class is not None and not isinstance(config, found.config_class):
        return f"its model_type says {config.model_type!r}, which is another architecture"
    kinds = set(getattr(config, "layer_types", None) or ())
    others = sorted(kinds - PLAIN_LAYERS)
    if others:
        return (
            f"its {', '.join(others)} layers keep more than keys and values, which can be neither "
            "shared between requests nor rolled back"
        )
    if getattr(found, "_is_stateful", False) and not kinds:
        return (
            "it keeps a running state in place of keys and values, which can be neither shared "
            "between requests nor rolled back"
        )
    return None
