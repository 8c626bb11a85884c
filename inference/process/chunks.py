"""Merging the chunks of a request for a reader who fell behind."""

from collections.abc import Iterable

import msgspec

from inference.request import TokenChunk


def merge(chunks: Iterable[TokenChunk]) -> list[TokenChunk]:
    """The chunks of one request with neighbours of the same segment made one."""
    merged: list[TokenChunk] = []
    run: list[TokenChunk] = []
    for chunk in chunks:
        if run and chunk.segment != run[-1].segment:
            merged.append(_joined(run))
            run = []
        run.append(chunk)
    if run:
        merged.append(_joined(run))
    return merged


def _joined(run: list[TokenChunk]) -> TokenChunk:
    if len(run) == 1:
        return run[0]
    return msgspec.structs.replace(
        run[-1],
        token_ids=tuple(one for chunk in run for one in chunk.token_ids),
        text="".join(chunk.text for chunk in run),
        logprobs=tuple(one for chunk in run for one in chunk.logprobs),
        drafted_by=tuple(one for chunk in run for one in chunk.drafted_by),
        text_lens=tuple(one for chunk in run for one in chunk.text_lens),
    )
