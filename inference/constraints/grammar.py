"""Answers that are JSON of a given schema, by the grammar engine llguidance.

Its parser walks the bytes of the tokens; a state here is a matcher of its own, copied before every
token, which costs microseconds and makes drafts free to be wrong.
"""

from collections.abc import Sequence

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from inference.constraints.base import NOTHING_AHEAD, Ahead
from inference.errors import InvalidRequest
from inference.tokenizer import Tokenizer

MAX_SCHEMA_CHARS = 65_536


class GrammarVocabulary:
    """A tokenizer as llguidance sees it; built once an engine."""

    def __init__(self, tokenizer: Tokenizer, eos_token_ids: Sequence[int]) -> None:
        """Lay out the tokens as a trie of bytes.

        Raises:
            InvalidRequest: the model has no token that ends an answer.
        """
        if not eos_token_ids:
            raise InvalidRequest("json_schema: this model has no token that ends an answer")
        self.eos_token_id = eos_token_ids[0]
        self.bos_token_id = None
        self.tokens = [tokenizer.grammar_bytes(one) for one in range(tokenizer.vocab_size)]
        self.special_token_ids = sorted(tokenizer.special_ids)
        self._tokenizer = tokenizer
        self.trie = LLTokenizer(TokenizerWrapper(self), slices=LLTokenizer.json_slices())

    def __call__(self, text: str) -> list[int]:
        """Ids of a text; what llguidance asks of a tokenizer."""
        return self._tokenizer.encode(text)


class JsonGrammar:
    """The automaton of one JSON schema."""

    def __init__(self, schema: str, vocabulary: GrammarVocabulary) -> None:
        """Compile a schema.

        Raises:
            InvalidRequest: it is too long, no JSON schema, or uses what cannot be enforced.
        """
        if len(schema) > MAX_SCHEMA_CHARS:
            raise InvalidRequest(
                f"json_schema: has {len(schema)} characters, at most {MAX_SCHEMA_CHARS} are taken"
            )
        try:
            # Free whitespace would let a small model write blanks until its tokens are spent.
            grammar = LLMatcher.grammar_from_json_schema(
                schema, defaults={"whitespace_flexible": False}
            )
        except ValueError as error:
            raise InvalidRequest(f"json_schema: {error}") from error
        self._matcher = LLMatcher(vocabulary.trie, grammar, log_level=0)
        self._vocab_size = len(vocabulary.tokens)
        if self._matcher.is_error():
            raise InvalidRequest(f"json_schema: {self._matcher.get_error()}")

    @property
    def start(self) -> LLMatcher:
        """The matcher before the first token."""
        return self._matcher

    @property
    def max_tokens(self) -> None:
        """Not known: a schema says nothing of length."""
        return

    def is_done(self, state: LLMatcher) -> bool:
        """Whether the value is complete and nothing may follow."""
        return state.is_stopped()

    def forced(self, state: LLMatcher) -> Sequence[int]:
        """Keys, punctuation and whatever else the schema leaves no choice in."""
        return state.compute_ff_tokens()

    def allowed(self, state: LLMatcher) -> torch.Tensor:  # [V] bool
        """The tokens the parser accepts next."""
        packed = np.frombuffer(state.compute_bitmask(), dtype=np.uint8)
        bits = np.unpackbits(packed, bitorder="little")[: self._vocab_size]
        return torch.from_numpy(bits.astype(np.bool_))

    def ahead(self, state: LLMatcher) -> Ahead:
        """Unknown: each token leads to others."""
        return NOTHING_AHEAD

    def bias(self, state: LLMatcher) -> None:
        """A schema prefers nothing."""
        return

    def permits(self, state: LLMatcher, token_id: int) -> bool:
        """Whether the parser accepts this token next."""
        forced = self.forced(state)
        return token_id == forced[0] if forced else state.validate_tokens([token_id]) == 1

    def advance(self, state: LLMatcher, token_id: int) -> LLMatcher:
        """A matcher that has taken the token as well."""
        following = state.deep_copy()
        taken = following.consume_token(token_id)
        assert taken, f"token {token_id} was permitted but not taken: {following.get_error()}"
        return following

    def segment(self, state: LLMatcher) -> None:
        """A value has no segments."""
        return

    def choice(self, state: LLMatcher) -> None:
        """A value is not chosen from a list."""
        return
