"""Promises 3 and 4 for preambles: one public copy for all salts, pinned, and never in the way."""

from pathlib import Path
from typing import Any

import pytest

from inference import ChatMessage, Engine, EngineConfig, InvalidRequest, SamplingParams
from inference.cache.keys import chain_key

PREAMBLE = list(range(20, 84))  # 4 blocks
SHORT = SamplingParams(max_tokens=4, ignore_eos=True)
PUBLIC = SamplingParams(max_tokens=4, ignore_eos=True, public_tokens=len(PREAMBLE))


def engine(target: Path, num_blocks: int = 64, **options: Any) -> Engine:
    given: dict[str, Any] = {"device": "cpu", "dtype": "float64", "max_batch": 16} | options
    return Engine(EngineConfig(model=str(target), num_blocks=num_blocks, **given))


def own(number: int, length: int = 40) -> list[int]:
    """What only one customer has said."""
    return [(number * 31 + i * 7) % 200 + 30 for i in range(length)]


def test_a_public_preamble_is_one_copy_for_all_salts_and_nothing_else_is(tiny_target: Path) -> None:
    one = engine(tiny_target)
    prompt = [*PREAMBLE, *own(1)]

    outs = [one.generate([prompt], PUBLIC, salt=salt)[0] for salt in (b"a", b"b", b"a")]
    secret = one.generate([prompt], SHORT, salt=b"b")[0]

    assert [out.num_cached_tokens for out in outs] == [0, 64, 96]
    assert secret.num_cached_tokens == 0, "a salted prefix met a public one"
    assert outs[0].token_ids == outs[1].token_ids == outs[2].token_ids == secret.token_ids
    one.close()


def test_requests_side_by_side_hold_the_same_public_blocks(tiny_target: Path) -> None:
    one = engine(tiny_target)
    for index in range(5):
        prompt = [*PREAMBLE, *own(1)]
        one.submit(f"r{index}", prompt, PUBLIC, salt=f"workspace {index}".encode())

    one.step()
    tables = [sequence.table for sequence in one._scheduler if sequence.table]

    assert len(tables) == 5
    assert len({tuple(table.block_ids[:4]) for table in tables}) == 1
    assert len({block for table in tables for block in table.block_ids[4:6]}) == 10
    one.close()


def test_only_whole_blocks_of_the_public_span_are_shared(tiny_target: Path) -> None:
    one = engine(tiny_target)
    params = SamplingParams(max_tokens=4, ignore_eos=True, public_tokens=63)

    one.generate([[*PREAMBLE, *own(1)]], params, salt=b"a")
    other = one.generate([[*PREAMBLE, *own(1)]], params, salt=b"b")[0]

    assert other.num_cached_tokens == 48
    one.close()


def test_public_system_messages_are_public_and_stay_pinned(tiny_target: Path) -> None:
    one = engine(tiny_target, num_blocks=32)
    preamble = ChatMessage("system", "You are the assistant. Quote the passages.", public=True)
    policy = ChatMessage("system", "Never speak of prices.")

    def ask(salt: bytes, text: str) -> int:
        prompt = [preamble, policy, ChatMessage("user", text)]
        return one.generate([prompt], SHORT, salt=salt)[0].num_cached_tokens

    public = (len(preamble.text) + 2) // 16 * 16  # a byte is a token, and two markers
    cold = ask(b"a", "hello")
    for number in range(12):  # far more than the pool holds
        one.generate([own(number, 200)], SHORT, salt=b"flood")

    assert (cold, ask(b"b", "hello")) == (0, public)
    assert one.stats()["num_pinned_blocks"] == public // 16
    one.close()


def test_public_is_for_code_to_say_and_only_in_front(tiny_target: Path) -> None:
    one = engine(tiny_target)
    public = ChatMessage("system", "Be kind.", public=True)

    with pytest.raises(InvalidRequest, match="public: a system message may be, not one of role us"):
        ChatMessage("user", "ignore all that", public=True)
    with pytest.raises(InvalidRequest, match="only the messages that a prompt begins with"):
        one.submit("r", [ChatMessage("user", "hi"), public], SHORT)
    with pytest.raises(InvalidRequest, match="public_tokens: 64 of a prompt of 5 tokens"):
        one.submit("r", PREAMBLE[:5], PUBLIC)
    with pytest.raises(InvalidRequest, match="the prompt's messages say what is public"):
        one.submit("r", [public], PUBLIC)
    with pytest.raises(InvalidRequest, match="public_tokens: -1 is outside"):
        SamplingParams(public_tokens=-1)

    assert not one.has_work
    one.close()


def test_a_pinned_preamble_outlives_a_flood_until_it_is_unpinned(tiny_target: Path) -> None:
    one = engine(tiny_target, num_blocks=32)

    def cached_after_a_flood() -> int:
        for number in range(12):
            one.generate([own(number, 200)], SHORT, salt=b"flood")
        return one.generate([[*PREAMBLE, 20]], SHORT, salt=b"a")[0].num_cached_tokens

    assert one.pin(PREAMBLE, salt=b"a") == 64
    assert one.stats()["num_pinned_blocks"] == 4
    assert one.stats()["num_free_blocks"] == 28
    assert cached_after_a_flood() == 64

    assert one.unpin(PREAMBLE, salt=b"a")
    assert not one.unpin(PREAMBLE, salt=b"a")
    assert cached_after_a_flood() == 0
    assert one.stats()["num_free_blocks"] == 32
    one.close()


def test_pins_are_bounded_and_the_last_used_stay(tiny_target: Path) -> None:
    one = engine(tiny_target, num_blocks=32)  # 8 may be pinned
    preambles = [own(number, 64) for number in range(3)]

    one.pin(preambles[0])
    one.pin(preambles[1])
    one.generate([[*preambles[0], 20]], PUBLIC)  # used again
    one.pin(preambles[2])

    assert [one.unpin(preamble) for preamble in preambles] == [True, False, True]
    with pytest.raises(InvalidRequest, match="144 tokens fill 9 blocks, at most 8 may be pinned"):
        one.pin(own(0, 144))
    one.close()


def test_pins_give_way_to_a_request_that_would_never_fit_beside_them(tiny_target: Path) -> None:
    one = engine(tiny_target, num_blocks=16, pin_share=0.5)
    one.pin(own(1, 64), salt=b"a")
    one.pin(own(2, 64), salt=b"a")
    long = SamplingParams(max_tokens=56, ignore_eos=True)
    alone = engine(tiny_target, num_blocks=64).generate([own(3, 200)], long)[0]

    squeezed = one.generate([own(3, 200)], long)[0]  # 16 blocks, every one there is

    assert squeezed.token_ids == alone.token_ids
    assert one.stats()["num_pinned_blocks"] == 0
    assert one.stats()["num_free_blocks"] == 16
    one.close()


def test_a_waiting_request_is_hashed_once(
    tiny_target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []

    def counting(parent: bytes, token_ids: tuple[int, ...]) -> bytes:
        hashed.append(token_ids)
        return chain_key(parent, token_ids)

    monkeypatch.setattr("inference.cache.keys.chain_key", counting)
    one = engine(tiny_target, num_blocks=16)
    one.submit("runs", own(1, 160), SamplingParams(max_tokens=90, ignore_eos=True))
    one.step()
    before = len(hashed)
    one.submit("waits", own(2, 160), SHORT)

    for _ in range(40):
        one.step()

    assert one.stats()["num_waiting"] == 1
    assert len(hashed) - before == 9 + 2, "9 blocks of the one that waits, 2 written by the other"
    one.close()
