"""Messages without a word: emoji, question marks, keys pressed at random; pure.

An emoji means what its Unicode name says, so that there is no list of emoji to keep.
"""

import re
import unicodedata

from app.answers.moves import Move

_FEELINGS = (
    (Move.UPSET, ("ANGRY", "POUTING", "CRYING", "DISAPPOINTED", "THUMBS DOWN", "UNAMUSED", "WEARY",
                  "FROWNING", "PERSEVERING", "BROKEN HEART", "TRIUMPH", "SWEARING", "SYMBOLS OVER",
                  "FACE WITH ROLLING", "MIDDLE FINGER")),
    (Move.GREETING, ("WAVING HAND", "RAISED HAND")),
    (Move.THANKS, ("SMIL", "GRIN", "THUMBS UP", "HEART", "CLAPPING", "FOLDED HANDS", "OK HAND",
                   "TEARS OF JOY", "PARTY", "HUGGING", "CHECK MARK", "SPARKLES", "FLEXED")),
)  # fmt: skip
_RANDOM = re.compile(r"[bcdfghjklmnpqrstvwxz]{6}|([^\W\d_])\1{3}", re.IGNORECASE)
_MAX_RANDOM_WORDS = 2


def read_signs(text: str) -> Move | None:
    """What a message without words says; None for one that has some.

    Only with a file may it be empty.
    """
    said = text.strip()
    if not said:
        return Move.FILE
    if any(char.isalnum() for char in said):
        words = said.split()
        is_random = len(words) <= _MAX_RANDOM_WORDS and all(map(_RANDOM.search, words))
        return Move.UNCLEAR if is_random else None
    names = [unicodedata.name(char, "") for char in said]
    for move, words_of_it in _FEELINGS:
        if any(word in name for name in names for word in words_of_it):
            return move
    return Move.UNCLEAR
