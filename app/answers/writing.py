"""A plan written out: through the engine, past the guards, to whoever shows it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from app.answers.drafted import Run, to_runs
from app.answers.free_release import FreeRelease
from app.answers.generator import ANSWER_PRIORITY, Request, Streams, generate
from app.answers.planning import Plan, citation
from app.answers.release import Deviation, Release
from app.conversations.schemas import Citation
from app.errors import Unavailable
from app.knowledge.evidence import Verdict
from inference import TokenChunk

log = logging.getLogger(__name__)


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
    citations: tuple[Citation, ...] = ()
    is_without_engine: bool = False
    """It failed, and the rest was said from the plan."""


@dataclass(frozen=True)
class _Computed:
    segment: int
    token_ids: tuple[int, ...]
    text: str
    drafter: str | None


async def write(
    engine: Streams,
    plan: Plan,
    *,
    seed: int,
    salt: bytes,
    show: Callable[[str], None],
    priority: int = ANSWER_PRIORITY,
    within_s: float | None = None,
) -> Written:
    """Say the plan; `show` gets every piece of text that may be seen, in order.

    What a policy has worded is said without the engine, so that it is said in any case. An answer
    from the articles is too where the engine fails, does not keep to the plan or takes longer than
    `within_s`: the rest of the plan, in our words, behind what was shown.

    Raises:
        Unavailable: the engine cannot answer, and no article does.
    """
    written = Written()

    def tell(pieces: list[str]) -> None:
        for piece in pieces:
            written.text += piece
            show(piece)

    release = plan.free.release(plan.release) if plan.free else Release(plan.parts, plan.release)
    computed: list[_Computed] = []
    if plan.prompt is not None:
        parts = None if plan.free else plan.parts
        request = Request(plan.prompt.messages, parts, seed, salt, priority)
        try:
            async with (
                asyncio.timeout(within_s),
                contextlib.aclosing(generate(engine, request)) as chunks,
            ):
                async for chunk in chunks:
                    computed += _pieces(chunk)
                    written.num_output_tokens += len(chunk.token_ids)
                    written.num_prompt_tokens = chunk.num_prompt_tokens
                    written.num_cached_tokens = chunk.num_cached_tokens
                    tell(release.feed(chunk.text, chunk.segment))
                    if plan.free and release.is_complete:
                        break  # what it says behind a correction is of no use
        except (Unavailable, TimeoutError, Deviation) as error:
            if plan.verdict not in (Verdict.ANSWER, Verdict.UNSURE):
                raise Unavailable(f"The engine cannot answer: {_why(error)}.") from error
            log.warning("answered without the engine", extra={"reason": _why(error)})
            written.is_without_engine = True
    tell(release.finish())
    exact = _exact(release, computed, written.text)
    written.num_exact_chars = sum(len(piece.text) for piece in exact)
    written.token_ids = [one for piece in exact for one in piece.token_ids]
    if isinstance(release, Release):
        written.num_exact_chars = release.num_exact_chars
    if plan.prompt is not None:
        written.drafted = to_runs((piece.text, piece.drafter) for piece in exact)
    written.citations = _citations(plan, release)
    written.breaches = [breach.value for breach in release.breaches]
    return written


def _why(error: Exception) -> str:
    match error:
        case Deviation():
            return "it does not copy what it must"
        case TimeoutError():
            return "it takes too long"
        case _:
            return str(error)


def _exact(
    release: Release | FreeRelease, computed: Sequence[_Computed], said: str
) -> list[_Computed]:
    """The tokens that spell what was shown, up to the first words that are not the model's."""
    if isinstance(release, Release):
        return [piece for piece in computed if piece.segment < release.num_exact_parts]
    kept: list[_Computed] = []
    at = 0
    for piece in computed:
        if not said.startswith(piece.text, at):
            break
        at += len(piece.text)
        kept.append(piece)
    while kept and not kept[-1].text:  # the end of the turn, or half a character
        kept.pop()
    return kept


def _citations(plan: Plan, release: Release | FreeRelease) -> tuple[Citation, ...]:
    if plan.free is None or isinstance(release, Release):
        return plan.citations
    return tuple(
        citation(cited.passage + 1, plan.free.passages[cited.passage], cited.quote)
        for cited in release.cited
    )


def _pieces(chunk: TokenChunk) -> list[_Computed]:
    """Each token's text with who drafted it; an engine that does not tell has drafted nothing."""
    segment, ids = chunk.segment or 0, tuple(chunk.token_ids)
    if not len(chunk.text_lens) == len(chunk.drafted_by) == len(ids) or not ids:
        return [_Computed(segment, ids, chunk.text, None)]
    ends = list(accumulate(chunk.text_lens))
    starts = [0, *ends[:-1]]
    return [
        _Computed(segment, (one,), chunk.text[start:end], drafter)
        for one, start, end, drafter in zip(ids, starts, ends, chunk.drafted_by, strict=True)
    ]
