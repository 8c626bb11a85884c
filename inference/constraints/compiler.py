"""From what a request asks for to its automaton."""

from collections.abc import Sequence

from inference.constraints.base import Constraint
from inference.constraints.grammar import GrammarVocabulary, JsonGrammar
from inference.constraints.guide import Guide
from inference.constraints.segments import Vocabulary
from inference.errors import InvalidRequest
from inference.request import SamplingParams
from inference.tokenizer import Tokenizer


class ConstraintCompiler:
    """Makes constraints for one tokenizer; what all of them share is laid out at the first."""

    def __init__(self, tokenizer: Tokenizer | None, eos_token_ids: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self._eos_token_ids = eos_token_ids
        self._words: Vocabulary | None = None
        self._trie: GrammarVocabulary | None = None

    def compile(self, params: SamplingParams) -> Constraint | None:
        """The constraint of a request, if it asks for one.

        Raises:
            InvalidRequest: it cannot be compiled, or the model has no tokenizer.
        """
        if params.guide is None and params.json_schema is None:
            return None
        if self._tokenizer is None:
            asked = "guide" if params.guide else "json_schema"
            raise InvalidRequest(f"{asked}: this model has no tokenizer")
        if params.guide is not None:
            self._words = self._words or Vocabulary(self._tokenizer)
            return Guide(params.guide, self._tokenizer, self._words, self._eos_token_ids)
        self._trie = self._trie or GrammarVocabulary(self._tokenizer, self._eos_token_ids)
        assert params.json_schema is not None
        return JsonGrammar(params.json_schema, self._trie)
