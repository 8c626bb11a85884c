"""Text to search terms: folded, cut, stemmed, and one word for each meaning.

Articles and questions go through the same steps, so that they meet in the middle.
"""

import re
import unicodedata

import snowballstemmer

from app.knowledge.word_lists import PHRASES, STOP_WORDS, SYNONYMS, TALK

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?")
_POSSESSIVE = re.compile(r"['’]s?$")
_PREFIX_HYPHEN = re.compile(r"\b(re|pre|un|e|non)-(?=\w)")


class Analyzer:
    """The steps with their memory; the stemmer has state, so an analyzer stays in one thread."""

    def __init__(self) -> None:
        self._stemmer = snowballstemmer.stemmer("english")
        self._phrases = [(re.compile(rf"\b(?:{said})\b"), meant) for said, meant in PHRASES]
        self._stems: dict[str, str] = {}
        self._meanings = {
            self._stem(word): self._stem(group[0]) for group in SYNONYMS for word in group
        }
        self.talk = frozenset(self.term(word) for word in TALK)
        spelt = " ".join(
            [said for said, _ in PHRASES] + [word for group in SYNONYMS for word in group]
        )
        self.known_words = frozenset(re.findall(r"[a-z]+", spelt)) | STOP_WORDS | TALK

    def words(self, text: str) -> list[str]:
        """The content words as they were written, folded, without noise."""
        folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
        for said, meant in self._phrases:
            folded = said.sub(meant, folded)
        folded = _PREFIX_HYPHEN.sub(r"\1", folded)
        found = (_POSSESSIVE.sub("", match) for match in _WORD.findall(folded))
        return [word for word in found if _head(word) not in STOP_WORDS]

    def term(self, word: str) -> str:
        """What the index calls this word."""
        stem = self._stem(word)
        return self._meanings.get(stem, stem)

    def terms(self, text: str) -> list[str]:
        """The terms of a text in order, with repetitions."""
        return [self.term(word) for word in self.words(text)]

    def _stem(self, word: str) -> str:
        if word not in self._stems:
            self._stems[word] = str(self._stemmer.stemWord(word))
        return self._stems[word]


def _head(word: str) -> str:
    """`don't` is noise because `don` is."""
    return word.partition("'")[0]
