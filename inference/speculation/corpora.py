"""What each workspace has written: documents by key, bounded, apart from every other workspace's.

Documents are learned from any thread and looked up in the engine's. A new document is indexed alone
and merged with its neighbours as they grow, like the levels of a log-structured merge tree (O'Neil
et al. 1996): a token is sorted again a handful of times however large the workspace is, and a
lookup asks a handful of indexes. They never change: whoever looks something up while others are
built goes on with the old ones.
"""

import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inference.speculation.text_index import TextIndex, TextMatch

MAX_WORKSPACES = 64
"""Of more than that, those that have asked or learned least recently are forgotten."""
_MERGE_FACTOR = 4
# A full workspace forgets this share at once, so that not every new document costs a rebuild.
_FORGOTTEN_SHARE = 1 / 8


@dataclass(frozen=True)
class Lesson:
    """A document to learn; one with the same key is replaced.

    What `is_lasting` (an article) is forgotten only when nothing else (an answer) is left.
    """

    key: str
    token_ids: Sequence[int]
    is_lasting: bool = False


class Corpora:
    """The corpora of all workspaces, each of at most `max_tokens`."""

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self._by_salt: OrderedDict[bytes, _Corpus] = OrderedDict()
        self._learning = threading.Lock()

    def learn(self, salt: bytes, lessons: Iterable[Lesson]) -> None:
        """Remember documents of one workspace, and forget its oldest ones for them."""
        with self._learning:
            corpus = self._by_salt.get(salt) or _Corpus(self._max_tokens)
            corpus.learn(lessons)
            self._by_salt[salt] = corpus
            self._by_salt.move_to_end(salt)
            while len(self._by_salt) > MAX_WORKSPACES:
                self._by_salt.popitem(last=False)

    def forget(self, salt: bytes, keys: Iterable[str]) -> None:
        """Forget documents of one workspace; unknown keys are ignored."""
        with self._learning:
            corpus = self._by_salt.get(salt)
            if corpus is not None:
                corpus.forget(keys)

    def find(self, salt: bytes, ending: Sequence[int]) -> TextMatch | None:
        """The longest match of a text's end in its workspace; the newest documents' of equals."""
        corpus = self._by_salt.get(salt)
        return None if corpus is None else corpus.find(ending)

    @property
    def num_tokens(self) -> int:
        """What is remembered in all."""
        return sum(corpus.num_tokens for corpus in list(self._by_salt.values()))


class _Corpus:
    """Levels of documents, the oldest first; each is indexed as a whole."""

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self._levels: list[dict[str, Lesson]] = []
        self._indexes: tuple[TextIndex, ...] = ()
        self.num_tokens = 0

    def find(self, ending: Sequence[int]) -> TextMatch | None:
        best: TextMatch | None = None
        for index in reversed(self._indexes):
            match = index.find(ending)
            if match is not None and (best is None or match.length > best.length):
                best = match
        return best

    def learn(self, lessons: Iterable[Lesson]) -> None:
        new = {one.key: self._shortened(one) for one in lessons}
        known = {key: lesson for level in self._levels for key, lesson in level.items()}
        new = {key: lesson for key, lesson in new.items() if known.get(key) != lesson}
        gone = {key for key in new if key in known}
        levels = [self._without(level, gone) for level in self._levels]
        self._keep(self._merged([level for level in [*levels, new] if level]))

    def forget(self, keys: Iterable[str]) -> None:
        gone = set(keys)
        self._keep([left for level in self._levels if (left := self._without(level, gone))])

    def _keep(self, levels: list[dict[str, Lesson]]) -> None:
        """Change over to these levels; those that are the same as before keep their index."""
        levels = self._bounded(levels)
        built = zip(self._levels, self._indexes, strict=True)
        indexes = {id(level): index for level, index in built}
        self._indexes = tuple(indexes.get(id(level)) or _indexed(level) for level in levels)
        self._levels = levels
        self.num_tokens = sum(map(_size, levels))

    def _merged(self, levels: list[dict[str, Lesson]]) -> list[dict[str, Lesson]]:
        merged = list(levels)
        while len(merged) > 1 and _size(merged[-2]) < _MERGE_FACTOR * _size(merged[-1]):
            newer = merged.pop()
            merged[-1] = merged[-1] | newer
        return merged

    def _bounded(self, levels: list[dict[str, Lesson]]) -> list[dict[str, Lesson]]:
        excess = sum(map(_size, levels)) - self._max_tokens
        if excess <= 0:
            return levels
        excess += int(self._max_tokens * _FORGOTTEN_SHARE)
        lessons = [lesson for level in levels for lesson in level.values()]
        gone: set[str] = set()
        for lesson in sorted(lessons, key=lambda one: one.is_lasting):  # stable: oldest first
            if excess <= 0:
                break
            excess -= len(lesson.token_ids)
            gone.add(lesson.key)
        return [left for level in levels if (left := self._without(level, gone))]

    def _shortened(self, lesson: Lesson) -> Lesson:
        most = int(self._max_tokens * (1 - _FORGOTTEN_SHARE))
        return Lesson(lesson.key, array("i", lesson.token_ids[:most]), lesson.is_lasting)

    def _without(self, level: dict[str, Lesson], gone: set[str]) -> dict[str, Lesson]:
        if gone.isdisjoint(level):
            return level
        return {key: lesson for key, lesson in level.items() if key not in gone}


def _size(level: dict[str, Lesson]) -> int:
    return sum(len(lesson.token_ids) for lesson in level.values())


def _indexed(level: dict[str, Lesson]) -> TextIndex:
    return TextIndex([lesson.token_ids for lesson in level.values()])
