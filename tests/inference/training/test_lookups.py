"""Look-ups: what is there is quoted, what is not there is refused."""

import re
from itertools import pairwise
from random import Random

from inference.training.layout import Quote, Role, text_of
from inference.training.lookups import RELATIONS, look_ups

SEEDS = range(200)
QUESTION_WORDS = {
    word
    for one in RELATIONS
    for asked in one.asked
    for word in re.findall(r"[a-z]+", asked.lower())
} | {"hi", "hello", "hey", "there", "good", "morning"}


def test_every_quote_is_a_sentence_of_the_passage_that_its_marker_names() -> None:
    num_quotes = num_refusals = 0
    for seed in SEEDS:
        conversation = look_ups(Random(seed))
        (passages,) = [turn for turn in conversation if turn.role is Role.PASSAGES]
        lines = text_of(passages).split("\n")
        for turn in conversation:
            if turn.role is not Role.ASSISTANT:
                continue
            quotes = [part for part in turn.parts if isinstance(part, Quote)]
            if not quotes:
                num_refusals += 1
                continue
            marker = re.fullmatch(r" \[(\d)\]", str(turn.parts[-1]))
            assert marker is not None
            assert quotes[0].text in lines[int(marker[1]) - 1]
            num_quotes += 1

    assert num_quotes > 2 * num_refusals > 0


def test_what_is_refused_is_a_name_that_the_passages_lack_or_tell_other_things_of() -> None:
    """A key of the question may stand in other passages, never in one that answers it."""
    num_unknown = 0
    for seed in SEEDS:
        conversation = look_ups(Random(seed))
        (passages,) = [text_of(turn) for turn in conversation if turn.role is Role.PASSAGES]
        known = set(re.findall(r"[a-z]+", passages.lower()))
        for asked, answer in pairwise(conversation):
            if asked.role is Role.CUSTOMER:
                is_quoted = any(isinstance(part, Quote) for part in answer.parts)
                words = set(re.findall(r"[a-z]+", text_of(asked).lower()))
                has_key = any(word in known for word in words - QUESTION_WORDS)
                assert has_key or not is_quoted
                num_unknown += not has_key

    assert num_unknown > len(SEEDS) // 4
