"""EngineConfig: everything one engine is built from, checked at birth."""

from dataclasses import dataclass
from pathlib import Path

from inference.errors import InvalidConfig

DTYPES = ("auto", "bfloat16", "float32", "float64")
INT8, FP8 = "int8", "fp8"
QUANTIZATIONS = (INT8, FP8)
KV_DTYPES = ("auto", INT8, FP8)
MATCH, REJECTION = "match", "rejection"
NGRAM, SUFFIX = "ngram", "suffix"
SPECULATORS = (NGRAM, SUFFIX)
"""Those that need no weights; any other is a folder or a hub id."""


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """The settings of an engine; every field is also an option of `careline serve`.

    Raises:
        InvalidConfig: a value is out of its range; the message names the field.
    """

    model: str
    """A folder in Hugging Face layout, or a hub id where the network allows."""
    speculator: str | tuple[str, ...] | list[str] | None = None
    """None, "ngram", "suffix", a folder or hub id, or a list of these whose drafts are merged."""
    device: str = "auto"
    dtype: str = "auto"
    """"auto" is bfloat16 where the machine multiplies it in hardware or our kernels will, else
    float32."""
    quantization: str | None = None
    """"int8" or "fp8" keeps each output's weights as bytes and one scale."""
    tensor_parallel: int = 1
    """Processes that a model is divided over, each with a device of its own where it is a GPU."""
    peer_timeout_s: float = 30.0
    """How long the processes of a divided model wait for one another within a step."""
    num_blocks: int = 2048
    block_size: int = 16
    max_batch: int = 64
    """Requests that run at the same time; more wait."""
    max_step_tokens: int = 512
    """Token rows of one step: decodes and drafts first, then chunks of prompts."""
    max_waiting: int = 256
    max_corpus_tokens: int = 1 << 17
    """What each workspace's texts may hold that "suffix" drafts from; older ones are forgotten."""
    max_draft_tokens: int = 15
    """Drafted tokens per request and step; 0 for none. Of what a constraint leaves no choice about
    more, where few are served."""
    max_rounds: int = 16
    """Most tokens that each request gets from one call where nothing is drafted, nobody waits and
    the kernels are C++; 1 for no more than one. What is asked of the engine meanwhile waits."""
    max_rounds_s: float = 0.008
    """No further round is begun that would end later than this."""
    verification: str = MATCH
    """"match": a draft is kept where it is the token that the target draws there, so a seed gives
    the same text with and without speculation. "rejection", for one draft model: drafts are drawn
    from its law and kept as often as the target's allows. At high temperature more of them are
    kept; answers follow the target's law as exactly, but which one a seed gives depends on how much
    was drafted when, so it may change with the load, a resumption or the machine."""
    compile: bool = False
    """Build the CPU kernels in the background and change over to them when they are ready."""
    seed: int = 0
    pin_share: float = 0.25
    """At most this share of the blocks is pinned: preambles stay in the cache, used or not."""

    kv_dtype: str = "auto"
    """"int8" or "fp8" (e4m3) keeps keys and values as bytes with a scale for each head of each
    token, in about half the memory of bfloat16; "auto" keeps them as the model computes them."""
    cache_dir: str | None = None
    """Where pinned public preambles are kept for the next start; None: nowhere."""

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise InvalidConfig(f"dtype: {self.dtype!r} is none of {', '.join(DTYPES)}")
        if self.verification not in (MATCH, REJECTION):
            raise InvalidConfig(
                f"verification: {self.verification!r} is none of {MATCH}, {REJECTION}"
            )
        if self.kv_dtype not in KV_DTYPES:
            known = ", ".join(KV_DTYPES)
            raise InvalidConfig(f"kv_dtype: {self.kv_dtype!r} is none of {known}")
        if self.quantization not in (None, *QUANTIZATIONS):
            known = ", ".join(QUANTIZATIONS)
            raise InvalidConfig(f"quantization: {self.quantization!r} is none of {known}")
        for name, low, high in (
            ("num_blocks", 1, 1 << 24),
            ("block_size", 1, 256),
            ("max_batch", 1, 4096),
            ("max_step_tokens", 1, 1 << 20),
            ("max_waiting", 1, 1 << 20),
            ("max_draft_tokens", 0, 62),
            ("max_rounds", 1, 256),
            ("max_rounds_s", 0.0, 60.0),
            ("max_corpus_tokens", 1, 1 << 30),
            ("pin_share", 0.0, 0.9),
            ("tensor_parallel", 1, 64),
            ("peer_timeout_s", 0.1, 3600.0),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidConfig(f"{name}: {value} is outside {low} to {high}")
        if self.max_step_tokens < self.max_batch:
            raise InvalidConfig(
                f"max_step_tokens: {self.max_step_tokens} is below max_batch {self.max_batch}, "
                "some running request would never get a token"
            )
        for name in self.speculators:
            if name not in SPECULATORS and "/" not in name and not Path(name).is_dir():
                raise InvalidConfig(
                    f"speculator: {name!r} is not known; known: {', '.join(SPECULATORS)}, "
                    "a folder, or a hub id of the form owner/name"
                )

    @property
    def max_pinned_blocks(self) -> int:
        """Blocks that may be pinned."""
        return int(self.num_blocks * self.pin_share)

    @property
    def speculators(self) -> tuple[str, ...]:
        """The speculators by name, in order; empty for none."""
        if self.speculator is None:
            return ()
        return (self.speculator,) if isinstance(self.speculator, str) else tuple(self.speculator)
