"""A finished request as its caller gets it in one piece."""

from collections.abc import Sequence as SequenceOf

from inference.request import RequestOutput, TokenChunk
from inference.sequence import Sequence


def output_of(sequence: Sequence, chunks: SequenceOf[TokenChunk]) -> RequestOutput:
    """All chunks of a request that has ended, with the counts of what it cost."""
    last = chunks[-1]
    assert last.finish_reason is not None
    return RequestOutput(
        token_ids=tuple(sequence.token_ids[sequence.num_prompt :]),
        text="".join(chunk.text for chunk in chunks),
        finish_reason=last.finish_reason,
        logprobs=tuple(one for chunk in chunks for one in chunk.logprobs),
        num_prompt_tokens=sequence.num_prompt,
        num_cached_tokens=sequence.num_cached,
        num_steps=sequence.num_steps,
        num_drafted_tokens=sequence.num_drafted,
        num_accepted_tokens=sequence.num_accepted,
        num_drafts=sequence.timeline.num_drafts,
        choices=tuple(chunk.choice for chunk in chunks if chunk.choice is not None),
        error=last.error,
    )
