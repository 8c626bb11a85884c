"""Public preambles over the socket: shared across salts, and there from the first request on."""

import contextlib
from pathlib import Path

from inference import (
    ChatMessage,
    Engine,
    EngineConfig,
    EngineSupervisor,
    SamplingParams,
)
from tests.engine_processes import quick_settings, running

OLD, NEW = (
    ChatMessage("system", f"You help the customers of many shops. {ending}", public=True)
    for ending in ("Be polite, and quote.", "Say where it stands.")
)
POLICY = ChatMessage("system", "This shop sells paint.")
QUESTION = ChatMessage("user", "My order 4711 is late, what now?")
PARAMS = SamplingParams(max_tokens=2, ignore_eos=True)


def num_public(preamble: ChatMessage) -> int:
    """A byte is a token, and there are two markers; whole blocks only."""
    return (len(preamble.text) + 2) // 16 * 16


async def num_cached(engine: EngineSupervisor, salt: bytes, preamble: ChatMessage) -> int:
    """Of the prompt of a new answer."""
    stream = engine.client.stream([preamble, POLICY, QUESTION], PARAMS, salt=salt)
    async with contextlib.aclosing(stream) as chunks:
        return (await anext(chunks)).num_cached_tokens


async def test_an_engine_process_begins_with_those_of_the_last_run(
    tiny_target: Path, tmp_path: Path
) -> None:
    config = EngineConfig(
        model=str(tiny_target), dtype="float32", num_blocks=64, cache_dir=str(tmp_path / "cache")
    )
    before = Engine(config)
    before.generate([[OLD, POLICY, QUESTION]], PARAMS, salt=b"a")
    before.close()

    async with running(quick_settings(config), tmp_path) as engine:
        known = await num_cached(engine, b"a", OLD)
        unknown = await num_cached(engine, b"a", NEW)
        of_others = await num_cached(engine, b"b", NEW)
        own = await num_cached(engine, b"a", NEW)

    assert known == num_public(OLD)
    assert unknown == 32, "what both preambles begin with"
    assert of_others == num_public(NEW) < own
