"""A few tokens of every request in one call: what is asked of the decoder, and what came of it.

Between two plain steps there is nothing to decide but the token itself, so the decoder does that,
too: what surrounds a forward pass of a small model takes up to as long as the pass. What comes of
it is a step whose drafts were all accepted, only that nobody drafted them.
"""

from inference.batch import Batch, Tree, Verdict
from inference.constraints.base import NOTHING_AHEAD
from inference.sampling import draw_row
from kernels.native.rounds import Decoded, Rounds


def rounds_of(batch: Batch, most_s: float) -> Rounds:
    """How the parts' next tokens are drawn, and which of them are the last."""
    sequences = [part.sequence for part in batch.parts]
    aheads = [one.ahead or NOTHING_AHEAD for one in sequences]
    return Rounds(
        draws=[draw_row(one.params, one.seed, len(one.token_ids)) for one in sequences],
        stop_ids=[
            one.stop_ids | ahead.end_ids for one, ahead in zip(sequences, aheads, strict=True)
        ],
        masks=[ahead.masks for ahead in aheads],
        most=batch.num_rounds,
        most_s=most_s,
    )


def decide_rounds(batch: Batch, decoded: Decoded) -> list[Verdict]:
    """The verdict of every part, whose tree is what its later rounds have computed."""
    verdicts = []
    for part, ids in zip(batch.parts, zip(*decoded.token_ids, strict=True), strict=True):
        nodes = range(len(ids) - 1)
        part.tree = Tree(ids[:-1], tuple(node - 1 for node in nodes), is_own=True)
        verdicts.append(Verdict(ids, tuple(nodes)))
    return verdicts
