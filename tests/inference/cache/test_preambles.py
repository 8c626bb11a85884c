"""Preambles on disk: there at the next start, and never believed when anything is wrong."""

import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from inference import Engine, EngineConfig, RequestOutput, SamplingParams
from inference.cache.preamble_file import MAGIC, Header
from inference.cache.preambles import FILE_NAME
from inference.cache.stamp import weights_digest
from inference.cache.storage import read_blocks, write_blocks
from tests.tiny_models import save_tiny_llama

PREAMBLE = [20 + i % 200 for i in range(100)]  # 6 blocks and 4 tokens
SECRET = [230 - i for i in range(64)]
PUBLIC = SamplingParams(max_tokens=6, ignore_eos=True, public_tokens=len(PREAMBLE))


def engine(target: Path, folder: Path | None, **options: Any) -> Engine:
    given: dict[str, Any] = {"dtype": "float64", "num_blocks": 64, "device": "cpu"} | options
    return Engine(
        EngineConfig(model=str(target), cache_dir=None if folder is None else str(folder), **given)
    )


def ask(one: Engine, salt: bytes = b"a") -> RequestOutput:
    return one.generate([[*PREAMBLE, *SECRET]], PUBLIC, salt=salt)[0]


def header(path: Path) -> Header:
    content = path.read_bytes()
    start = len(MAGIC) + 8
    size = int.from_bytes(content[len(MAGIC) : start], "big")
    return msgspec.json.decode(content[start : start + size], type=Header)


@pytest.fixture
def filled(tiny_target: Path, tmp_path: Path) -> Path:
    """A folder with the preamble of an engine that has ended."""
    one = engine(tiny_target, tmp_path)
    ask(one)
    one.close()
    return tmp_path


def test_the_first_request_after_a_start_finds_the_preamble(
    tiny_target: Path, filled: Path
) -> None:
    cold = engine(tiny_target, None)
    warm = engine(tiny_target, filled)

    expected, first = ask(cold), ask(warm, salt=b"another")

    assert (expected.num_cached_tokens, first.num_cached_tokens) == (0, 96)
    assert first.token_ids == expected.token_ids
    assert warm.stats()["num_pinned_blocks"] == 6
    cold.close()
    warm.close()


def test_only_public_blocks_are_written_for_this_user_alone(
    tiny_target: Path, tmp_path: Path
) -> None:
    one = engine(tiny_target, tmp_path)
    one.pin(SECRET, salt=b"a")
    one.generate([[*PREAMBLE, *SECRET]], PUBLIC, salt=b"a")
    one.pin([*PREAMBLE[:64], *SECRET], salt=b"b")
    one.close()
    path = tmp_path / FILE_NAME

    written = header(path)

    assert [list(pin.token_ids) for pin in written.pins] == [PREAMBLE[:96]]
    assert len(written.keys) == 6
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [FILE_NAME]


def test_nothing_is_written_where_nothing_is_public(tiny_target: Path, tmp_path: Path) -> None:
    one = engine(tiny_target, tmp_path / "none")
    one.pin(SECRET, salt=b"a")
    one.generate([SECRET], SamplingParams(max_tokens=2), salt=b"a")
    one.close()

    assert not (tmp_path / "none").exists()


def test_a_new_preamble_is_written_while_the_engine_runs(tiny_target: Path, tmp_path: Path) -> None:
    killed = engine(tiny_target, tmp_path)
    ask(killed)
    assert killed._preambles.writer is not None
    killed._preambles.writer.join()

    after = engine(tiny_target, tmp_path)  # `killed` was never closed

    assert ask(after).num_cached_tokens == 96
    after.close()
    killed.close()


def test_a_preamble_that_a_run_did_not_use_is_not_written_again(
    tiny_target: Path, filled: Path
) -> None:
    idle = engine(tiny_target, filled)
    idle.close()  # nobody came, so nothing is known of what is used
    assert len(header(filled / FILE_NAME).pins) == 1
    changed = engine(tiny_target, filled)
    changed.generate([SECRET], SamplingParams(max_tokens=2, public_tokens=64))
    assert changed.stats()["num_pinned_blocks"] == 10
    changed.close()

    assert [list(pin.token_ids) for pin in header(filled / FILE_NAME).pins] == [SECRET]


def test_preambles_with_a_common_beginning_share_its_blocks(
    tiny_target: Path, tmp_path: Path
) -> None:
    one = engine(tiny_target, tmp_path)
    for ending in (SECRET, SECRET[::-1]):
        prompt = [*PREAMBLE[:64], *ending]
        one.generate([prompt], SamplingParams(max_tokens=2, public_tokens=len(prompt)))
    one.close()

    again = engine(tiny_target, tmp_path)

    assert len(header(tmp_path / FILE_NAME).keys) == 4 + 4 + 4
    assert again.stats()["num_pinned_blocks"] == 12
    again.close()


def damage(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return spoil


def flip(place: float) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        at = int(place * (len(content) - 1))
        return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]

    return change


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(share * len(content))]


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


SPOILERS = [
    *(damage(flip(place)) for place in (0.0, 0.001, 0.01, 0.3, 0.7, 0.9999, 1.0)),
    *(damage(cut(share)) for share in (0.0, 0.0002, 0.5, 0.9999)),
    damage(lambda content: content + b"\0"),
    damage(lambda content: os.urandom(len(content))),
    lambda path: path.chmod(0o620),
    link,
]


@pytest.mark.parametrize("spoil", SPOILERS, ids=range(len(SPOILERS)))
def test_a_spoilt_file_costs_a_cold_start_and_one_line(
    tiny_target: Path, filled: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], None]
) -> None:
    spoil(filled / FILE_NAME)

    with caplog.at_level(logging.WARNING, "inference"):
        one = engine(tiny_target, filled)

    assert [record.message for record in caplog.records] == ["saved preambles are not used"]
    assert one.stats()["num_cached_blocks"] == 0
    assert one.stats()["num_free_blocks"] == 64
    assert ask(one).num_cached_tokens == 0
    one.close()
    assert ask(engine(tiny_target, filled)).num_cached_tokens == 96, "the next run wrote it anew"


@pytest.mark.parametrize("options", [{"dtype": "float32"}, {"block_size": 8}])
def test_blocks_of_other_settings_are_not_used(
    tiny_target: Path, filled: Path, options: dict[str, Any]
) -> None:
    one = engine(tiny_target, filled, **options)

    assert one.stats()["num_cached_blocks"] == 0
    one.close()


def test_blocks_of_another_model_are_not_used(filled: Path, tmp_path: Path) -> None:
    other = engine(save_tiny_llama(tmp_path / "other", seed=1), filled)

    assert other.stats()["num_cached_blocks"] == 0
    other.close()


def test_a_fine_tuned_copy_is_another_model(tiny_target: Path, tmp_path: Path) -> None:
    copy = save_tiny_llama(tmp_path / "copy")
    assert weights_digest(copy) == weights_digest(tiny_target)
    weights = load_file(copy / "model.safetensors")
    weights["model.layers.1.self_attn.q_proj.weight"] += 1e-3

    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})

    assert weights_digest(copy) != weights_digest(tiny_target)


def test_a_smaller_pool_pins_what_it_may(tiny_target: Path, filled: Path) -> None:
    one = engine(tiny_target, filled, num_blocks=16)  # 4 may be pinned

    assert one.stats()["num_pinned_blocks"] == 4
    assert one.stats()["num_free_blocks"] == 12
    assert ask(one).num_cached_tokens == 96
    one.close()


def test_a_folder_that_cannot_be_written_is_a_log_line(
    tiny_target: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    one = engine(tiny_target, tmp_path / "taken")
    ask(one)

    one.close()

    assert "preambles cannot be saved" in [record.message for record in caplog.records]


def test_blocks_are_written_as_they_were_read() -> None:
    generator = torch.Generator().manual_seed(0)
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.int8):
        cache = (torch.randn(3, 2, 7, 4, 2, 8, generator=generator) * 40).to(dtype)
        other = torch.zeros_like(cache)

        write_blocks(other, [0, 6, 3], read_blocks(cache, [5, 1, 2]))

        torch.testing.assert_close(other[:, :, [0, 6, 3]], cache[:, :, [5, 1, 2]], rtol=0, atol=0)
        assert not other[:, :, [1, 2, 4, 5]].any()
