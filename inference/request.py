"""What a caller asks of the engine and what it gets back.

These types cross the socket between web process and engine process, so they are msgspec structs:
frozen, typed, decoded strictly. They check themselves at birth; a bad value never reaches a step.
"""

import enum
import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from inference.errors import InvalidRequest

Role = Literal["system", "user", "assistant", "passages", "agent"]

MAX_LOGPROBS = 20
MAX_STOP_STRINGS = 16
MAX_STOP_CHARS = 256
MAX_SPAN_SENTENCES = 10_000
MAX_NAMES = 1_000
SEED_LIMIT = 1 << 63
BACKGROUND_PRIORITY = -5
"""At this priority and below nobody waits for a request: it gives way to all others, and lengthens
their steps by a tenth at most."""


class FinishReason(enum.StrEnum):
    """Why a request produced its last token."""

    STOP = "stop"
    LENGTH = "length"
    ABORT = "abort"
    ERROR = "error"


class ExactIds(msgspec.Struct, frozen=True):
    """The ids that the model named by `fingerprint` computed for a text's first `num_chars`.

    They are believed only by that model, and only if they spell these characters, blanks aside,
    with no special token but an answer's quote markers: an edited text, another tokenizer or a
    forged marker falls back to the text.
    """

    token_ids: tuple[int, ...]
    num_chars: int
    fingerprint: str


class ChatMessage(msgspec.Struct, frozen=True):
    """One turn; its text is encoded alone and cannot forge the marker of another role.

    `public` says that the text is the product's own, with nothing of a workspace or a person in it:
    its full blocks are shared across salts, pinned, and kept for the next start. Only the leading
    system messages of a prompt may be public, and only code may say so, never who sends a request.

    With `exact` the turn is what was computed before, id by id, so that its prefix is found again;
    only the characters behind `exact.num_chars` are encoded.

    Raises:
        InvalidRequest: a message of another role is public.
    """

    role: Role
    text: str
    public: bool = False
    exact: ExactIds | None = None

    def __post_init__(self) -> None:
        if self.public and self.role != "system":
            raise InvalidRequest(f"public: a system message may be, not one of role {self.role}")


class Words(msgspec.Struct, frozen=True, tag="words"):
    """The model writes one sentence of service words.

    No digits, links, line breaks or special tokens; the segment ends after `.`, `!` or `?`, at the
    latest after `max_tokens` tokens. With `names` no word but the first begins with a capital
    letter, except `I` and these names; those with other characters than service words have are
    left out.
    """

    max_tokens: int = 24
    names: tuple[str, ...] | None = None


class Exactly(msgspec.Struct, frozen=True, tag="exactly"):
    """The answer goes on with exactly this text.

    With `quote` the model's quote markers stand around it in the token ids (never in the text).
    """

    text: str
    quote: bool = False


class SpanSource(msgspec.Struct, frozen=True):
    """Neighbouring sentences of one text, of which a `Spans` segment may quote.

    `priors` are natural-log weights, one for each run in the order of `Spans.runs`: how probable it
    is, before the model is asked, that this is the quote. `suffix` follows every quote from this
    source, behind the closing quote marker: ` [2]`, for example.
    """

    sentences: tuple[str, ...]
    priors: tuple[float, ...] = ()
    suffix: str = ""


class Spans(msgspec.Struct, frozen=True, tag="spans"):
    """The answer goes on with sentences of one of these sources, word for word; the model chooses.

    One sentence, or up to `max_sentences` neighbouring ones with a space between them. `lead`
    stands before them. With `quote` the model's quote markers stand around the sentences in the
    token ids, where it has such markers. The chunk that completes the segment names the choice.

    Where choices part, a token weighs the sum of exp(prior) over the runs below it: the sum's
    logarithm is added to its logit, before temperature. A model without preference would so draw
    runs by their priors at temperature 1; equal priors make runs equally likely, no priors their
    first words.
    """

    sources: tuple[SpanSource, ...]
    max_sentences: int = 1
    lead: str = ""
    quote: bool = False

    def runs(self, source: SpanSource) -> list[tuple[int, int]]:
        """What may be quoted of a source: first sentence and number of sentences, in order."""
        num = len(source.sentences)
        return [
            (first, length)
            for first in range(num)
            for length in range(1, min(self.max_sentences, num - first) + 1)
        ]


class SpanChoice(msgspec.Struct, frozen=True):
    """What a `Spans` segment became: `num_sentences` of its source `source` from `first` on."""

    source: int
    first: int
    num_sentences: int


Segment = Words | Exactly | Spans
Prompt = str | Sequence[int] | Sequence[ChatMessage]


class SamplingParams(msgspec.Struct, frozen=True, kw_only=True):
    """How tokens are drawn. `temperature=0` is greedy; all else holds at every position alike.

    Randomness is a counter generator keyed by (seed, position of the token): the same seed gives
    the same text whatever the batch, the speculation, or the number of times it was interrupted.
    `deadline_s` counts from the submission; 0 is over before the first step. No stop token and no
    stop string ends an answer within its first `min_tokens` tokens.
    `max_tokens=0` only computes the prompt's full blocks, so that a later request finds them: what
    a customer is still typing, at a low priority.

    Raises:
        InvalidRequest: a value is out of its range; the message names the field.
    """

    max_tokens: int = 256
    min_tokens: int = 0
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: dict[int, float] | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    ignore_eos: bool = False
    logprobs: int | None = None
    json_schema: str | None = None
    priority: int = 0
    deadline_s: float | None = None
    guide: tuple[Segment, ...] | None = None
    public_tokens: int = 0
    """Leading tokens of a prompt that are public, as `ChatMessage.public` says for messages."""
    pin: bool = False
    """Keep the prompt's full blocks in the cache; they give way to pins that are used later."""

    def __post_init__(self) -> None:
        for name in ("max_tokens", "min_tokens", "top_k", "priority", "seed", "logprobs"):
            if not isinstance(getattr(self, name), int | None):
                raise InvalidRequest(f"{name}: needs a whole number, not {getattr(self, name)!r}")
        if isinstance(self.stop, str):
            raise InvalidRequest("stop: needs a list of strings, not one string")
        if not isinstance(self.public_tokens, int):
            raise InvalidRequest(f"public_tokens: needs a whole number, not {self.public_tokens!r}")
        _check("public_tokens", self.public_tokens, 0, 1 << 30)
        _check("max_tokens", self.max_tokens, 0, 1 << 20)
        _check("min_tokens", self.min_tokens, 0, self.max_tokens)
        _check("temperature", self.temperature, 0.0, 100.0)
        _check("top_k", self.top_k, 0, 1 << 30)
        _check("top_p", self.top_p, 1e-6, 1.0)
        _check("min_p", self.min_p, 0.0, 1.0)
        _check("repetition_penalty", self.repetition_penalty, 0.01, 100.0)
        _check("presence_penalty", self.presence_penalty, -100.0, 100.0)
        _check("frequency_penalty", self.frequency_penalty, -100.0, 100.0)
        _check("priority", self.priority, -100, 100)
        if self.seed is not None:
            _check("seed", self.seed, -SEED_LIMIT, SEED_LIMIT - 1)
        if self.logprobs is not None:
            _check("logprobs", self.logprobs, 0, MAX_LOGPROBS)
        if self.deadline_s is not None:
            _check("deadline_s", self.deadline_s, 0.0, 86_400.0)
        if len(self.stop) > MAX_STOP_STRINGS:
            raise InvalidRequest(f"stop: at most {MAX_STOP_STRINGS} strings, not {len(self.stop)}")
        if any(not 0 < len(text) <= MAX_STOP_CHARS for text in self.stop):
            raise InvalidRequest(f"stop: each string has 1 to {MAX_STOP_CHARS} characters")
        for token_id, bias in (self.logit_bias or {}).items():
            _check(f"logit_bias[{token_id}]", bias, -1e4, 1e4)
        if self.json_schema is not None and self.guide is not None:
            raise InvalidRequest("json_schema: cannot be combined with a guide")
        self._check_guide()

    def _check_guide(self) -> None:
        if self.guide is None:
            return
        if not self.guide:
            raise InvalidRequest("guide: needs at least one segment")
        for index, segment in enumerate(self.guide):
            match segment:
                case Words():
                    _check(f"guide[{index}].max_tokens", segment.max_tokens, 1, 256)
                    _check(f"guide[{index}].names", len(segment.names or ()), 0, MAX_NAMES)
                case Exactly():
                    if not segment.text:
                        raise InvalidRequest(f"guide[{index}].text: is empty")
                case Spans():
                    _check_spans(f"guide[{index}]", segment)


class TokenLogprob(msgspec.Struct, frozen=True):
    """Natural-log probabilities at one position, of the model's own logits before processors.

    `spelled` are the bytes of its token and of those in `top`; none for special tokens, and nothing
    at all where the model has no tokenizer.
    """

    token_id: int
    logprob: float
    top: dict[int, float]
    spelled: dict[int, bytes] = {}


class TokenChunk(msgspec.Struct, frozen=True, kw_only=True):
    """What one step added to one request.

    `text` is new text only, whole characters, without special tokens; concatenating the chunks'
    texts gives the answer. `segment` is the guide's segment its tokens belong to; none spans two.
    `drafted_by` says of each token who had drafted it, names joined by a plus; None: nobody.
    `text_lens` are the characters of `text` that each token made showable.
    `choice` stands on the chunk that completes a `Spans` segment.
    """

    request_id: str
    token_ids: tuple[int, ...] = ()
    text: str = ""
    finish_reason: FinishReason | None = None
    num_prompt_tokens: int = 0
    num_cached_tokens: int = 0
    segment: int | None = None
    choice: SpanChoice | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    drafted_by: tuple[str | None, ...] = ()
    text_lens: tuple[int, ...] = ()
    error: str | None = None


class RequestOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A finished request, with the counts of what it cost.

    `choices` are those of its completed `Spans` segments, in order. `error` says what is behind the
    reasons `error` and, for a deadline, `abort`; tokens and text are then what there was.
    """

    token_ids: tuple[int, ...]
    text: str
    finish_reason: FinishReason
    logprobs: tuple[TokenLogprob, ...]
    num_prompt_tokens: int
    num_cached_tokens: int
    num_steps: int
    num_drafted_tokens: int
    num_accepted_tokens: int
    num_drafts: int
    """Steps that verified a draft."""
    choices: tuple[SpanChoice, ...] = ()
    error: str | None = None

    @property
    def mean_acceptance_length(self) -> float:
        """Tokens a verified draft gave on average, the target's own included; 1 without drafts."""
        return 1 + self.num_accepted_tokens / max(self.num_drafts, 1)


class EngineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine is running, for people, for the supervisor, and for who lays out prompts.

    `max_model_len` is the most tokens of prompt and answer together: the model's limit, or what
    the engine's blocks hold if that is less.
    """

    model: str
    speculator: str | None
    max_model_len: int
    fingerprint: str
    device: str
    dtype: str


def _check(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidRequest(f"{name}: needs a finite number, not {value!r}")
    if not low <= value <= high:
        raise InvalidRequest(f"{name}: {value} is outside {low:g} to {high:g}")


def _check_spans(name: str, spans: Spans) -> None:
    _check(f"{name}.max_sentences", spans.max_sentences, 1, 8)
    num = sum(len(source.sentences) for source in spans.sources)
    if not 1 <= num <= MAX_SPAN_SENTENCES:
        raise InvalidRequest(f"{name}.sources: {num} sentences are not 1 to {MAX_SPAN_SENTENCES}")
    for at, source in enumerate(spans.sources):
        if not all(source.sentences):
            raise InvalidRequest(f"{name}.sources[{at}]: has an empty sentence")
        num_runs = len(spans.runs(source))
        if source.priors and len(source.priors) != num_runs:
            raise InvalidRequest(
                f"{name}.sources[{at}].priors: {len(source.priors)} for {num_runs} runs"
            )
        for prior in source.priors:
            _check(f"{name}.sources[{at}].priors", prior, -1e4, 1e4)
    if len({bool(source.priors) for source in spans.sources if source.sentences}) > 1:
        raise InvalidRequest(f"{name}.sources: some have priors and some have none")
