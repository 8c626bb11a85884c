"""Promise 1 over blocks of bytes: what is stored does not depend on how it came to be computed."""

from pathlib import Path
from typing import Any

import pytest

from inference import Engine, EngineConfig, InvalidConfig, SamplingParams
from kernels.packed_rows import as_stored

KINDS = ("int8", "fp8")

PROMPTS = [
    [(number * 31 + i * 7) % 90 + 30 for i in range(50 + 20 * number)] for number in range(4)
]
PREAMBLE = [20 + i % 9 for i in range(70)]
SAMPLED = [
    SamplingParams(max_tokens=40, ignore_eos=True, temperature=0.9 * (number % 2), seed=number)
    for number in range(4)
]


def engine(target: Path, **options: Any) -> Engine:
    given: dict[str, Any] = {
        "device": "cpu", "dtype": "float64", "num_blocks": 128, "max_batch": 8, "kv_dtype": "int8"
    }  # fmt: skip
    made = Engine(EngineConfig(model=str(target), **(given | options)))
    made.finish_compiling()
    return made


def answers(one: Engine, salt: bytes = b"") -> list[tuple[int, ...]]:
    prompts = [[*PREAMBLE, *prompt] for prompt in PROMPTS]
    return [out.token_ids for out in one.generate(prompts, SAMPLED, salt=salt)]


@pytest.mark.parametrize(
    "path",
    [
        {},
        {"kv_dtype": "fp8"},
        {"dtype": "float32", "compile": True},
        {"dtype": "float32", "compile": True, "quantization": "int8"},
    ],
    ids=["torch", "torch with e4m3", "C++", "C++ with int8 weights"],
)
def test_text_is_the_same_alone_together_drafted_cold_warm_and_preempted(
    path: dict[str, Any], tiny_target: Path
) -> None:
    plain = engine(tiny_target, **path)
    prompts = [[*PREAMBLE, *prompt] for prompt in PROMPTS]
    pairs = zip(prompts, SAMPLED, strict=True)
    alone = [plain.generate([prompt], params)[0].token_ids for prompt, params in pairs]

    assert answers(plain) == alone, "with a warm prefix, together"
    assert answers(plain, b"cold") == alone
    assert answers(engine(tiny_target, **path, speculator="ngram")) == alone
    assert answers(engine(tiny_target, **path, max_step_tokens=11)) == alone, "in small chunks"
    squeezed = engine(tiny_target, **path, num_blocks=14)
    assert answers(squeezed) == alone
    assert squeezed.stats()["num_preemptions"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_of_bytes_are_restored_as_they_were(
    kind: str, tiny_target: Path, tmp_path: Path
) -> None:
    public = SamplingParams(max_tokens=20, ignore_eos=True, public_tokens=len(PREAMBLE))
    one = engine(tiny_target, cache_dir=str(tmp_path), kv_dtype=kind)
    first = one.generate([[*PREAMBLE, *PROMPTS[0]]], public)[0]
    one.close()

    again = engine(tiny_target, cache_dir=str(tmp_path), kv_dtype=kind).generate(
        [[*PREAMBLE, *PROMPTS[0]]], public
    )
    other = engine(tiny_target, cache_dir=str(tmp_path), kv_dtype="auto")

    assert again[0].token_ids == first.token_ids
    assert again[0].num_cached_tokens == 64
    assert other.stats()["num_cached_blocks"] == 0


@pytest.mark.parametrize("kind, most", [("int8", 0.3), ("fp8", 0.6)])  # e4m3 has 4 bits a number
def test_logprobs_stay_near_those_of_whole_numbers(
    kind: str, most: float, tiny_target: Path
) -> None:
    params = SamplingParams(max_tokens=1, ignore_eos=True, logprobs=1)
    packed, plain = (engine(tiny_target, kv_dtype=one) for one in (kind, "auto"))

    differences = [
        abs(ours.logprobs[0].logprob - theirs.logprobs[0].logprob)
        for ours, theirs in zip(
            packed.generate(PROMPTS, params), plain.generate(PROMPTS, params), strict=True
        )
        if ours.token_ids == theirs.token_ids
    ]

    assert len(differences) >= 3
    assert 0 < max(differences) < most


def test_the_same_blocks_take_little_more_than_a_byte_an_element(tiny_target: Path) -> None:
    sizes = {
        (dtype, kv): engine(tiny_target, dtype=dtype, kv_dtype=kv).stats()["cache_size_bytes"]
        for dtype in ("float32", "bfloat16")
        for kv in ("auto", *KINDS)
    }

    # Heads of 16 elements, and a scale of 4 bytes with each.
    assert len({sizes[dtype, kv] for dtype in ("float32", "bfloat16") for kv in KINDS}) == 1
    assert sizes["float32", "auto"] / sizes["float32", "int8"] == 64 / 20
    assert sizes["bfloat16", "auto"] / sizes["bfloat16", "int8"] == 32 / 20


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_that_is_none_ends_its_request_alone(kind: str, tiny_target: Path) -> None:
    one = engine(tiny_target, kv_dtype=kind)
    one.submit("sound", PROMPTS[0], SAMPLED[0])
    one.step()
    one.submit("poisoned", PROMPTS[1], SAMPLED[1])
    one.step()
    held = [sequence for sequence in one._scheduler if sequence.request_id == "poisoned"]
    assert held[0].table is not None
    as_stored(one._runner.cache)[
        :, :, held[0].table.block_ids[0]
    ] = -1  # as a float32, a scale of NaN

    chunks = []
    while one.has_work:
        chunks += one.step()

    ends = {one.request_id: str(one.finish_reason) for one in chunks if one.finish_reason}
    assert ends == {"sound": "length", "poisoned": "error"}


@pytest.mark.parametrize(
    "options, why",
    [
        ({"kv_dtype": "int4"}, "kv_dtype: 'int4' is none of auto, int8, fp8"),
        ({"quantization": "int3"}, "quantization: 'int3' is none of int8, fp8"),
    ],
)
def test_what_cannot_be_is_refused(tiny_target: Path, options: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidConfig, match=why):
        engine(tiny_target, **options)
