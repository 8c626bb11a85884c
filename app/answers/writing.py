"""A plan written out: through the engine, past the guards, to whoever shows it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

from app.answers.drafted import Run, to_runs
from app.answers.generator import ANSWER_PRIORITY, Request, Streams, generate
from app.answers.planning import Plan
from app.answers.release import Deviation, Release
from app.errors import Unavailable
from inference import TokenChunk


@dataclass
class Written:
    """What was said and what it took."""

    text: str = ""
    token_ids: list[int] = field(default_factory=list)
    """What the engine computed for the first `num_exact_chars`; ids of words that were replaced,
    and of all behind them, are not kept: nobody has seen them."""
    num_exact_chars: int = 0
    num_prompt_tokens: int | None = None
    num_cached_tokens: int | None = None
    num_output_tokens: int = 0
    """Computed, whether they were said or replaced."""
    drafted: list[Run] | None = None
    """Who drafted the first `num_exact_chars`; None where the engine had no part."""
    breaches: list[str] = field(default_factory=list)
    """The rules that sentences of the model broke; they were replaced."""


async def write(
    engine: Streams,
    plan: Plan,
    *,
    seed: int,
    salt: bytes,
    show: Callable[[str], None],
    priority: int = ANSWER_PRIORITY,
) -> Written:
    """Say the plan; `show` gets every piece of text that may be seen, in order.

    What a policy has worded is said without the engine, so that it is said in any case.

    Raises:
        Unavailable: the engine cannot answer, or does not keep to the plan.
    """
    written = Written()

    def tell(pieces: list[str]) -> None:
        for piece in pieces:
            written.text += piece
            show(piece)

    release = Release(plan.parts)
    computed: list[tuple[int, int]] = []
    texts: list[tuple[int, str, str | None]] = []
    if plan.prompt is not None:
        request = Request(plan.prompt.messages, plan.parts, seed, salt, priority)
        async with contextlib.aclosing(generate(engine, request)) as chunks:
            async for chunk in chunks:
                written.num_output_tokens += len(chunk.token_ids)
                computed += [(chunk.segment or 0, one) for one in chunk.token_ids]
                texts += [(chunk.segment or 0, *piece) for piece in _pieces(chunk)]
                written.num_prompt_tokens = chunk.num_prompt_tokens
                written.num_cached_tokens = chunk.num_cached_tokens
                try:
                    tell(release.feed(chunk.text, chunk.segment))
                except Deviation as deviation:
                    raise Unavailable("The engine does not copy what it must.") from deviation
    tell(release.finish())
    written.num_exact_chars = release.num_exact_chars
    written.token_ids = [one for part, one in computed if part < release.num_exact_parts]
    if plan.prompt is not None:
        exact = ((text, by) for part, text, by in texts if part < release.num_exact_parts)
        written.drafted = to_runs(exact)
    written.breaches = [breach.value for breach in release.breaches]
    return written


def _pieces(chunk: TokenChunk) -> list[tuple[str, str | None]]:
    """Each token's text with who drafted it; an engine that does not tell has drafted nothing."""
    if len(chunk.text_lens) != len(chunk.drafted_by) or not chunk.text_lens:
        return [(chunk.text, None)]
    ends = list(accumulate(chunk.text_lens))
    starts = [0, *ends[:-1]]
    return [
        (chunk.text[start:end], drafter)
        for start, end, drafter in zip(starts, ends, chunk.drafted_by, strict=True)
    ]
