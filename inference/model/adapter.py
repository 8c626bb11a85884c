"""Every other decoder-only architecture: transformers' own model over our paged cache.

The model is transformers', its attention is ours. Whether the two fit is not taken on trust: at
load, the answers over paged blocks are compared with those of transformers' plain attention, and a
model that differs is refused rather than served wrong.
"""

from typing import Any

import torch
import transformers

from inference.errors import ModelLoadError
from inference.model.attention_hook import NAME, PagedCall, Unadaptable, calling, install
from inference.model.config import Description, ModelConfig
from inference.model.decoder import DecoderInputs
from inference.model.refusals import find_class, max_len
from inference.model.self_check import SelfCheck
from inference.model.survey import Survey


class AdaptedModel:
    """A model of transformers behind the decoder's interface.

    Raises:
        ModelLoadError: the weights do not fit, or the architecture cannot run over the cache.
    """

    def __init__(self, description: Description, dtype: torch.dtype, device: torch.device) -> None:
        install()
        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        model_class = find_class(description)
        self._given: torch.Tensor | None = None
        self._windows: tuple[int | None, ...] = ()
        self._output_class: Any = None
        self._model = _load(model_class, description, dtype, device)
        self._trunk = _trunk(self._model)
        self._trunk_forward = self._trunk.forward
        self._trunk.forward = self._detour
        path = description.folder / "config.json"
        try:
            self.config = self._fit(description, dtype, device)
        except Unadaptable as error:
            reason = f"{description.architecture} is not supported: {error}"
            raise ModelLoadError(path, reason) from error
        except Exception as error:  # whatever an unknown model raises when it is run like this
            reason = f"{description.architecture} does not run over a paged cache: {error!r}"
            raise ModelLoadError(path, reason) from error

    def forward(
        self,
        inputs: DecoderInputs,
        cache: torch.Tensor,  # [L, 2, N, S, G, D], written in place at the slot mapping
    ) -> torch.Tensor:  # [T, W]
        """Run all rows through all layers; hidden states after the final norm."""
        with calling(PagedCall(inputs, cache, self._windows)):
            return self._run(inputs.token_ids, inputs.positions)

    def forward_with_aux(
        self,
        inputs: DecoderInputs,
        cache: torch.Tensor,  # as `forward`
        layers: tuple[int, ...],
    ) -> tuple[torch.Tensor, torch.Tensor]:  # [T, W], [T, len(layers) * W]
        """As `forward`, and beside it the residual stream behind these layers, in this order.

        Behind the last layer transformers shows the stream after the final norm.
        """
        with calling(PagedCall(inputs, cache, self._windows)):
            output = self._trunk(
                input_ids=inputs.token_ids[None],
                position_ids=inputs.positions[None],
                use_cache=False,
                output_hidden_states=True,
            )
        streams = [output.hidden_states[layer + 1][0] for layer in layers]
        return output.last_hidden_state[0], torch.cat(streams, 1)

    def embed(self, token_ids: torch.Tensor) -> torch.Tensor:  # [T] int64 -> [T, W]
        """Rows of the embedding as the checkpoint has them, unscaled."""
        return torch.nn.functional.embedding(token_ids, self._model.get_input_embeddings().weight)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:  # [R, W] -> [R, V]
        """Logits of the rows asked for; float32 unless the model runs in float64."""
        self._given = hidden[None]
        try:
            ids = torch.zeros(1, hidden.shape[0], dtype=torch.long, device=hidden.device)
            logits: torch.Tensor = self._model(input_ids=ids, use_cache=False).logits[0]
        finally:
            self._given = None
        return logits if logits.dtype == torch.float64 else logits.float()

    def _run(self, token_ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        output = self._trunk(
            input_ids=token_ids[None], position_ids=positions[None], use_cache=False
        )
        self._output_class = type(output)
        hidden: torch.Tensor = output.last_hidden_state[0]
        return hidden

    def _detour(self, *arguments: Any, **named: Any) -> Any:
        """The trunk's forward; while logits are computed, the given hidden states instead.

        So what a model does behind its trunk (head, scaling, caps) stays its own.
        """
        if self._given is None:
            return self._trunk_forward(*arguments, **named)
        return self._output_class(last_hidden_state=self._given)

    @torch.inference_mode()
    def _fit(
        self, description: Description, dtype: torch.dtype, device: torch.device
    ) -> ModelConfig:
        text = self._model.config
        longest = max_len(text)
        check = SelfCheck(text.vocab_size, device)
        expected = [
            self._model(input_ids=ids[None], use_cache=False).logits[0] for ids in check.ids
        ]
        self._model.set_attn_implementation(NAME)
        survey = Survey(longest or 1)
        with calling(survey):
            self._run(check.ids[0], torch.arange(len(check.ids[0]), device=device))
        groups, width, self._windows = survey.result(text.num_hidden_layers)
        if longest is None:
            raise Unadaptable("its config.json names no max_position_embeddings")
        config = ModelConfig(
            architecture=description.architecture,
            vocab_size=text.vocab_size,
            hidden_size=text.hidden_size,
            num_layers=text.num_hidden_layers,
            num_kv_heads=groups,
            head_dim=width,
            max_model_len=longest,
            eos_token_ids=description.eos_token_ids,
            fingerprint=description.fingerprint,
        )
        check.compare(self, config, dtype, expected)
        return config


def _trunk(model: Any) -> Any:
    """The part that ends in hidden states; some call their head the decoder."""
    decoder = model.get_decoder()
    return decoder if isinstance(decoder, transformers.PreTrainedModel) else model.base_model


def _load(
    model_class: type[transformers.PreTrainedModel],
    description: Description,
    dtype: torch.dtype,
    device: torch.device,
) -> Any:
    folder = description.folder
    try:
        loaded: Any = model_class.from_pretrained(
            folder,
            dtype=dtype,
            attn_implementation="eager",
            # torch multiplies groups of matrices in every type but float64.
            experts_implementation="eager" if dtype == torch.float64 else None,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # the library raises as many kinds as there are ways to be broken
        raise ModelLoadError(folder, f"cannot be read by transformers: {error}") from error
    model, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:
        reason = f"lacks {len(missing)} tensors of a {description.architecture}: {missing[0]}, …"
        raise ModelLoadError(folder, reason)
    return model.to(device).train(False).requires_grad_(False)
