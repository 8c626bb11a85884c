"""The state of one request inside the engine, from submission to its last token."""

from dataclasses import dataclass, field

from inference.cache.block_table import BlockTable
from inference.cache.keys import Prefix
from inference.constraints.base import NOTHING_AHEAD, Ahead, Constraint, State
from inference.metrics import Timeline
from inference.request import BACKGROUND_PRIORITY, SamplingParams, SpanChoice, TokenLogprob
from inference.sampling import needs_shaping
from inference.text import AnswerText


@dataclass(eq=False)
class Sequence:
    """Tokens, blocks and counters of one request.

    `token_ids` is prompt and output; the keys and values of its first `num_computed` tokens are in
    the cache. While it decodes, exactly the last token is not yet computed.
    """

    request_id: str
    params: SamplingParams
    token_ids: list[int]
    num_prompt: int
    salt: bytes
    seed: int
    arrival: int
    text: AnswerText
    constraint: Constraint | None
    stop_ids: frozenset[int]
    max_output: int
    deadline: float | None
    num_public: int = 0
    """Leading tokens of the prompt that are the product's own, the same for every workspace."""
    prefix: Prefix | None = None
    constraint_state: State = None
    table: BlockTable | None = None
    num_computed: int = 0
    num_cached: int = 0
    num_steps: int = 0
    num_drafted: int = 0
    num_accepted: int = 0
    logprobs: list[TokenLogprob] = field(default_factory=list)
    timeline: Timeline = field(default_factory=Timeline)
    is_plain: bool = field(init=False)
    """Whether its tokens are the best ones by the model's own logits."""

    def __post_init__(self) -> None:
        self._is_shaped = needs_shaping(self.params)
        is_free = self.constraint is None and not self._is_shaped
        self.is_plain = self.params.temperature == 0 and is_free
        if self.constraint is not None:
            self.constraint_state = self.constraint.start

    @property
    def num_output(self) -> int:
        """Tokens generated so far, resumed ones included."""
        return len(self.token_ids) - self.num_prompt

    @property
    def ahead(self) -> Ahead | None:
        """Which tokens may come in the next places; None where any may, none known where more than
        logits and the tokens before decide."""
        if self._is_shaped or self.params.logprobs is not None:
            return NOTHING_AHEAD
        return None if self.constraint is None else self.constraint.ahead(self.constraint_state)

    @property
    def num_wanted(self) -> int:
        """Known tokens that are to be computed: all, or the full blocks if nothing is to follow."""
        if self.max_output or self.table is None:
            return len(self.token_ids)
        return len(self.token_ids) // self.table.block_size * self.table.block_size

    @property
    def num_uncomputed(self) -> int:
        """Wanted tokens whose keys and values are not in the cache."""
        return self.num_wanted - self.num_computed

    @property
    def is_prefilled(self) -> bool:
        """Whether a request that asked for no tokens has all it wanted."""
        return self.max_output == 0 and self.num_uncomputed <= 0

    @property
    def is_ahead(self) -> bool:
        """Whether it only computes a prompt before its time, for when nobody else wants a step."""
        return self.params.max_tokens == 0 and self.params.priority < 0

    @property
    def is_background(self) -> bool:
        """Whether nobody waits for it, so that it gives way to all who are waited for."""
        return self.params.priority <= BACKGROUND_PRIORITY

    @property
    def rank(self) -> tuple[int, int]:
        """Who goes first: higher priority, then earlier arrival."""
        return -self.params.priority, self.arrival

    @property
    def segment(self) -> int | None:
        """The constraint's segment that the next token belongs to, where there is one."""
        if self.constraint is None or self.constraint.is_done(self.constraint_state):
            return None
        return self.constraint.segment(self.constraint_state)

    @property
    def choice(self) -> SpanChoice | None:
        """What was chosen in the segment that the last token completed."""
        return None if self.constraint is None else self.constraint.choice(self.constraint_state)
