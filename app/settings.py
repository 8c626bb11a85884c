"""Settings: read once at start, from `careline.toml` and then `CARELINE_...`, frozen, complete.

Unknown keys in the file are errors. Every field stands in `docs/operations.md`.
"""

from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from app.errors import BadSettings
from app.outbound import read_networks

CONFIG_FILE = Path("careline.toml")
ENV_PREFIX = "CARELINE_"


class Settings(BaseSettings):
    """How this installation runs. Names ending in `_s` are seconds."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, toml_file=CONFIG_FILE
    )

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = Field(default=8000, ge=0, le=65535)
    """The port to listen on; 0 takes a free one."""
    data: Path = Path("data")
    """The folder of database, key, logs and sockets."""
    database_url: str | None = None
    """Absent: SQLite in the data folder. PostgreSQL: `postgresql+asyncpg://...`."""
    workers: int = Field(default=1, ge=1, le=64)
    """Web processes behind the one port; more than one need PostgreSQL."""
    worker: int = Field(default=0, ge=0)
    """Which of several web processes this is; their parent sets it."""
    listener_fd: int | None = None
    """The socket to listen on, open already; set by whoever starts this process."""
    cookie_secure: bool = False
    """Set it when Careline is served over https."""
    log_level: str = "info"
    """Of `logs/web.log`."""

    model: str | None = None
    """A folder or hub id; absent: the shipped model."""
    speculator: str = "auto"
    """`auto`, `ngram`, `suffix`, a folder or hub id, several with commas between; `none` for none.
    `auto` is `suffix`, with the shipped speculator where the model is the shipped one."""
    encoder: Path | None = None
    """The folder of a sentence encoder for the search; absent: the shipped one."""
    draft: str | None = None
    """A smaller model of the same tokenizer that drafts too, by folder or hub id."""
    verification: str = "match"
    """`rejection` draws a draft model's drafts: more are kept at high temperature."""
    num_blocks: int = Field(default=2048, ge=16)
    """Blocks of the engine's cache, 16 tokens each."""
    kv_dtype: str = "auto"
    """`int8` or `fp8` keeps the cache in about half the memory, `auto` as the model computes it."""
    pin_share: float = Field(default=0.25, ge=0, le=0.9)
    """The share of the cache that the product's own preambles may hold for good."""
    seed: int = 0
    """Of the engine; every answer has a seed of its own besides."""
    engine: str | None = None
    """Absent: start one. `unix:PATH`: a running one. `scripted:FILE`: answers from a file."""

    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    dtype: str = "auto"
    """`auto`, `bfloat16`, `float32` or `float64`."""
    quantization: str | None = None
    """`int8` or `fp8`: weights as bytes."""
    tensor_parallel: int = Field(default=1, ge=1)
    """Processes, and GPUs, that the model is divided over."""
    compile: bool = True
    """Build the CPU kernels at the first start, in the background."""
    max_batch: int = Field(default=64, ge=1)
    """Answers written at the same time; more wait."""
    max_waiting: int = Field(default=256, ge=1)
    """Answers that may wait for the engine; more are told to come again."""
    engine_start_timeout_s: float = Field(default=300.0, gt=0)
    engine_hang_timeout_s: float = Field(default=10.0, gt=0)
    """Without progress for so long the engine process is killed and started again."""
    engine_unavailable_after_s: float = Field(default=60.0, gt=0)
    """How long an answer waits for an engine to come back before a human takes over."""

    text_limit: int = Field(default=4_000, ge=1)
    """Characters of one message."""
    frame_limit_bytes: int = Field(default=65_536, ge=1_024)
    """Of one frame; a larger one closes the socket with 4413."""
    hello_timeout_s: float = Field(default=5.0, gt=0)
    """A socket that says nothing for so long is closed with 4408."""
    heartbeat_s: float = Field(default=25.0, gt=0)
    """Between two pings to a socket."""
    pong_timeout_s: float = Field(default=20.0, gt=0)
    """A socket that does not answer a ping for so long is gone."""
    queue_frames: int = Field(default=256, ge=8)
    """Frames that may wait for one reader."""
    queue_chars: int = Field(default=262_144, ge=1_024)
    """Characters of frames that may wait for one reader."""
    stall_timeout_s: float = Field(default=10.0, gt=0)
    """How long one frame may wait for a reader before the socket is given up."""
    delta_interval_s: float = Field(default=0.05, ge=0)
    """At least so long between two `answer.delta` frames of an answer."""
    replay_limit: int = Field(default=500, ge=1)
    """More missed events than this are answered with `reset`."""
    typing_interval_s: float = Field(default=1.0, ge=0)
    """At least so long between two equal `typing` frames that are passed on."""
    typing_ahead: int = Field(default=4, ge=0)
    """Prompts of customers who are still typing, computed at a time; 0: widgets send no drafts."""
    draft_interval_s: float = Field(default=0.6, gt=0)
    """At least so long between two `draft` frames of a widget."""
    frames_per_s: float = Field(default=50.0, gt=0)
    """Of one socket in the long run; more closes it with 4429."""
    frames_burst: int = Field(default=200, ge=1)
    """Frames of one socket at once."""
    messages_per_s: float = Field(default=5.0, gt=0)
    """Of one socket in the long run; more is answered `rate_limited`."""
    messages_burst: int = Field(default=30, ge=1)
    """Messages of one socket at once."""

    api_per_s: float = Field(default=20.0, gt=0)
    """Requests of one API key in the long run; more is answered 429."""
    api_burst: int = Field(default=200, ge=1)
    """Requests of one API key at once."""

    file_limit_bytes: int = Field(default=10_485_760, ge=1_024)
    """Of one file that is sent in a conversation."""
    files_per_h: int = Field(default=30, ge=1)
    """Files that one session may upload within an hour."""
    file_timeout_s: float = Field(default=120.0, gt=0)
    """A file that takes longer to arrive is given up."""

    visitor_days: int = Field(default=30, ge=1)
    """A widget's session lives so long after its last message."""
    sign_in_days: int = Field(default=7, ge=1)
    """An agent stays signed in."""
    sign_in_failures: int = Field(default=20, ge=1)
    """Bad sign-ins of one address or account within the window; then 429."""
    sign_in_window_s: float = Field(default=900.0, gt=0)
    """How long a bad sign-in counts."""
    reopen_days: int = Field(default=7, ge=0)
    """A resolved conversation reopens when the customer writes within so many days."""
    allowed_networks: str = ""
    """Private networks that webhooks and connectors may reach, such as `10.1.0.0/16`, with commas
    between; absent: the internet only."""
    job_poll_s: float = Field(default=5.0, gt=0)
    """At least so often a process looks for timers that others have set."""
    job_lease_s: float = Field(default=60.0, gt=0)
    """What a process that died was doing is done by another after so long."""
    presence_interval_s: float = Field(default=30.0, gt=0)
    """Between two notes of which agents are there."""
    answer_timeout_s: float = Field(default=60.0, gt=0)
    """An answer that takes longer is finished with quotes alone; without any a human takes over."""
    merge_after_s: float = Field(default=0.8, ge=0)
    """A customer who wrote while the bot did is answered when they have been quiet for so long."""
    shutdown_grace_s: float = Field(default=10.0, ge=0)
    """What is still running when the stop comes may take so long."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line before environment before file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @field_validator("allowed_networks")
    @classmethod
    def _are_networks(cls, written: str) -> str:
        read_networks(written)
        return written

    @property
    def database(self) -> str:
        """The URL of the store."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data / 'careline.db'}"

    @property
    def run_dir(self) -> Path:
        """Sockets and process ids."""
        return self.data / "run"

    @property
    def cache_dir(self) -> Path:
        """What the engine may compute again if it is lost."""
        return self.data / "cache"

    @property
    def log_dir(self) -> Path:
        """Where the engine process writes what it has to say."""
        return self.data / "logs"


def read_settings(**given: object) -> Settings:
    """Settings with what the command line gave on top; `None` means not given.

    Raises:
        BadSettings: a value does not fit or a key is unknown.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**chosen)  # type: ignore[arg-type]  # checked by pydantic itself
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
        )
        raise BadSettings(f"The settings do not fit: {told}.") from error
    except ValueError as error:
        raise BadSettings(f"{CONFIG_FILE} cannot be read: {error}.") from error
