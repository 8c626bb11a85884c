"""From what a caller asks to a sequence the engine can serve, or a refusal with the numbers."""

import time
from collections.abc import Sequence as SequenceOf

from inference.config import EngineConfig
from inference.constraints.compiler import ConstraintCompiler
from inference.errors import InvalidRequest
from inference.model.config import ModelConfig
from inference.request import FinishReason, Prompt, SamplingParams
from inference.seeds import seed_for
from inference.sequence import Sequence
from inference.step import advance
from inference.text import AnswerText
from inference.tokenizer import Tokenizer, check_ids


class Intake:
    """Checks requests against one model, one pool and one tokenizer."""

    def __init__(
        self, config: EngineConfig, model: ModelConfig, tokenizer: Tokenizer | None
    ) -> None:
        self._config = config
        self._model = model
        self._tokenizer = tokenizer
        own = tokenizer.end_ids if tokenizer else ()
        self._eos_token_ids = tuple(dict.fromkeys((*model.eos_token_ids, *own)))
        self._constraints = ConstraintCompiler(tokenizer, self._eos_token_ids)

    def sequence(
        self, request_id: str, arrival: int, prompt: Prompt, params: SamplingParams, salt: bytes
    ) -> Sequence:
        """The request as the engine holds it.

        Raises:
            InvalidRequest: it can never be served.
        """
        model, prompt_ids = self._model, self._prompt_ids(prompt)
        constraint = self._constraints.compile(params)
        most_useful = constraint.max_tokens if constraint else None
        longest = min(params.max_tokens, most_useful or params.max_tokens)
        room = model.max_model_len - len(prompt_ids)
        if room < 1 or (most_useful and room < longest):
            raise InvalidRequest(
                f"prompt: {len(prompt_ids)} tokens leave {max(room, 0)} of the model's "
                f"{model.max_model_len} for an answer of {longest}"
            )
        most, capacity = len(prompt_ids) + min(longest, room), self._config.num_blocks
        if -(-most // self._config.block_size) > capacity:
            raise InvalidRequest(
                f"prompt: {len(prompt_ids)} tokens and an answer of {min(longest, room)} need "
                f"{-(-most // self._config.block_size)} blocks, the engine has {capacity}"
            )
        self._check_ids_of(params)
        num_public = self._num_public(prompt, params, prompt_ids)
        self._check_pin(params, len(prompt_ids))
        stop_ids = set(params.stop_token_ids) | (
            set() if params.ignore_eos or params.guide else set(self._eos_token_ids)
        )
        decoder = self._tokenizer.stream_decoder() if self._tokenizer else None
        return Sequence(
            request_id=request_id,
            params=params,
            token_ids=prompt_ids,
            num_prompt=len(prompt_ids),
            salt=salt,
            seed=seed_for(self._config.seed, request_id) if params.seed is None else params.seed,
            arrival=arrival,
            text=AnswerText(
                decoder, (*params.stop, *self._stop_strings(prompt)), params.min_tokens
            ),
            constraint=constraint,
            stop_ids=frozenset(stop_ids),
            max_output=min(longest, room),
            deadline=None if params.deadline_s is None else time.monotonic() + params.deadline_s,
            num_public=num_public,
        )

    def resume(self, sequence: Sequence, resume_token_ids: SequenceOf[int]) -> FinishReason | None:
        """Bring a sequence to where it was interrupted; a reason where that is its end.

        Raises:
            InvalidRequest: it cannot have been there.
        """
        size = self._model.vocab_size
        name = "resume_token_ids"
        for token_id in check_ids(resume_token_ids, size, name) if resume_token_ids else ():
            constraint, state = sequence.constraint, sequence.constraint_state
            if constraint and not constraint.permits(state, token_id):
                raise InvalidRequest(f"{name}: id {token_id} is not what the constraint permits")
            sequence.token_ids.append(token_id)
            _, reason = advance(sequence, token_id)
            if reason is not None:
                return reason
        return None

    def _prompt_ids(self, prompt: Prompt) -> list[int]:
        if self._tokenizer is not None:
            return self._tokenizer.encode_prompt(prompt)
        if isinstance(prompt, str) or any(not isinstance(one, int) for one in prompt):
            raise InvalidRequest("prompt: this model has no tokenizer, give token ids")
        ids = [one for one in prompt if isinstance(one, int)]
        return check_ids(ids, self._model.vocab_size)

    def _num_public(
        self, prompt: Prompt, params: SamplingParams, prompt_ids: SequenceOf[int]
    ) -> int:
        tokenizer, num_prompt = self._tokenizer, len(prompt_ids)
        of_messages = tokenizer.count_public(prompt, prompt_ids) if tokenizer else 0
        if of_messages and params.public_tokens:
            raise InvalidRequest("public_tokens: the prompt's messages say what is public")
        if params.public_tokens > num_prompt:
            raise InvalidRequest(
                f"public_tokens: {params.public_tokens} of a prompt of {num_prompt} tokens"
            )
        return of_messages or params.public_tokens

    def _check_pin(self, params: SamplingParams, num_prompt: int) -> None:
        needed, most = num_prompt // self._config.block_size, self._config.max_pinned_blocks
        if params.pin and needed > most:
            raise InvalidRequest(
                f"pin: {num_prompt} tokens fill {needed} blocks, at most {most} may be pinned"
            )

    def _stop_strings(self, prompt: Prompt) -> tuple[str, ...]:
        return self._tokenizer.stop_strings(prompt) if self._tokenizer else ()

    def _check_ids_of(self, params: SamplingParams) -> None:
        size = self._model.vocab_size
        for token_id in [*params.stop_token_ids, *(params.logit_bias or {})]:
            if not 0 <= token_id < size:
                raise InvalidRequest(f"token id {token_id} is outside 0 to {size - 1}")
        if params.stop and self._tokenizer is None:
            raise InvalidRequest("stop: this model has no tokenizer")
