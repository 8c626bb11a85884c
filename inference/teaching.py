"""How a workspace's texts get to those who draft from them."""

from collections.abc import Sequence

from inference.document import Document
from inference.errors import InvalidRequest
from inference.speculation.base import Speculator
from inference.speculation.corpora import Lesson
from inference.speculation.suffix import SuffixSpeculator
from inference.tokenizer import Tokenizer, check_ids


class Teaching:
    """Encodes documents as answers are encoded and hands them to the suffix speculators."""

    def __init__(
        self, speculators: Sequence[Speculator], tokenizer: Tokenizer | None, vocab_size: int
    ) -> None:
        self._corpora = [one.corpora for one in speculators if isinstance(one, SuffixSpeculator)]
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size

    @property
    def num_tokens(self) -> int:
        """Tokens learned and not forgotten, of all workspaces."""
        return sum(corpora.num_tokens for corpora in self._corpora)

    def learn(self, documents: Sequence[Document], salt: bytes, forgotten: Sequence[str]) -> None:
        """Forget some documents of a workspace and learn others; all of them or, refused, none.

        Raises:
            InvalidRequest: an id is outside the vocabulary, or there is no tokenizer for a text.
        """
        if not self._corpora:
            return
        lessons = [
            Lesson(document.key, self._token_ids(document), document.is_lasting)
            for document in documents
        ]
        for corpora in self._corpora:
            if forgotten:
                corpora.forget(salt, forgotten)
            if lessons:
                corpora.learn(salt, lessons)

    def _token_ids(self, document: Document) -> Sequence[int]:
        content = document.content
        if not isinstance(content, str):
            name = f"document {document.key!r}"
            return check_ids(content, self._vocab_size, name) if content else ()
        if self._tokenizer is None:
            raise InvalidRequest("documents: this model has no tokenizer, give token ids")
        return self._tokenizer.encode(content)
