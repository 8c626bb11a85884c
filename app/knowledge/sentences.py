"""Text to sentences; pure.

What is quoted to a customer is a run of these sentences, so a wrong cut would show: prices, links,
times of day and abbreviations do not end a sentence. Every sentence is a copy of its part of the
text, and nothing but white space lies between two of them.
"""

import re

_BOUNDARY = re.compile(r"\n+|(?<=[。！？])|(?<=[.!?…])[\"'”’)\]]*\s+")
_LAST_WORD = re.compile(r"[\w.]+\.$")
_NEXT_WORD = re.compile(r"[\"'“‘(\[]*([\w$€£@#-]+)")
_INITIAL = re.compile(r"^[A-Z]\.$")

_WORDS_BEFORE_MORE = """
    mr. mrs. ms. dr. prof. st. no. nos. vs. e.g. i.e. cf. approx. fig. sen. gen. art. p.o.
"""
_WORDS_AT_THE_END_TOO = "a.m. p.m. etc. inc. ltd. co. corp. u.s. u.k. e.u. hrs. min. max."
_WORDS_AT_THE_START = """
    a all an and another any as at before both but by choose do each every everything for from how
    however if in it items later most never no on once one only open orders our outside please so
    some somebody the then there these they this those to until we what when where with without you
    your
"""
# Always followed by the rest of their sentence.
_LEADING = frozenset(_WORDS_BEFORE_MORE.split())
# May also be the last word of a sentence: then the next one begins with an ordinary first word.
_TRAILING = frozenset(_WORDS_AT_THE_END_TOO.split())
_FIRST_WORDS = frozenset(_WORDS_AT_THE_START.split())


def split_sentences(text: str) -> tuple[str, ...]:
    """The sentences in order, without the white space around them."""
    sentences: list[str] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        end = match.start() + len(match.group().rstrip())
        if "\n" in match.group() or _ends_sentence(text[start:end], text[match.end() :]):
            sentences.append(text[start:end].strip())
            start = match.end()
    sentences.append(text[start:].strip())
    return tuple(sentence for sentence in sentences if sentence)


def _ends_sentence(before: str, after: str) -> bool:
    following = _NEXT_WORD.match(after)
    if following is None:
        return True
    first = following.group(1)
    if first[0].islower():
        return False
    found = _LAST_WORD.search(before)
    if found is None:
        return True
    last = found.group()
    if last.lower() in _LEADING or _INITIAL.match(last):
        return False
    return last.lower() not in _TRAILING or first.lower() in _FIRST_WORDS
