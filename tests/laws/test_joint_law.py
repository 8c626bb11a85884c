"""What is sampled follows the target: the joint law of the next tokens, against brute force.

The truth is built apart from the engine: transformers' model in float64, and penalties, temperature
and grammar written out once more, over every continuation of a vocabulary of 16.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

from inference import Engine, EngineConfig, SamplingParams
from inference.speculation.base import Speculator
from inference.speculation.budget import EveryNode
from tests.laws.planted import Blind

TOKENS = ["<|end|>", *"0123456789", "[", "]", ",", "-", "."]
VOCAB, END, LENGTH, NUM_DRAWS = len(TOKENS), 0, 3, 1200
PROMPT = [3, 9, 9, 12, 4, 1, 7]
# The 99.9 % point of the normal distribution.
Z = 3.09
VALUES = [12, 17, 105, 3, 30, 39, 1, 174]
KINDS = {
    "plain": SamplingParams(max_tokens=LENGTH, temperature=1.0, ignore_eos=True),
    "penalised": SamplingParams(
        max_tokens=LENGTH,
        temperature=0.8,
        ignore_eos=True,
        repetition_penalty=1.6,
        presence_penalty=0.7,
        frequency_penalty=0.5,
        logit_bias={5: 1.0, 9: -0.8},
    ),
    "grammar": SamplingParams(
        max_tokens=LENGTH,
        temperature=1.2,
        repetition_penalty=1.3,
        json_schema=json.dumps({"enum": VALUES}),
    ),
}
Law = dict[tuple[int, ...], float]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sixteen")
    tokenizer = Tokenizer(models.BPE(vocab={one: at for at, one in enumerate(TOKENS)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(TOKENS[END], special=True)])
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=48,
        max_position_embeddings=64,
        initializer_range=0.25,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def logits(target: Path) -> dict[tuple[int, ...], torch.Tensor]:
    """The model's own logits behind every continuation of up to two tokens."""
    model = LlamaForCausalLM.from_pretrained(target, dtype=torch.float64)
    known: dict[tuple[int, ...], torch.Tensor] = {}
    with torch.inference_mode():
        for length in range(LENGTH):
            paths = list(product(range(VOCAB), repeat=length))
            ids = torch.tensor([[*PROMPT, *path] for path in paths])
            known.update(zip(paths, model(ids).logits[:, -1], strict=True))
    return known


def law_of(logits: dict[tuple[int, ...], torch.Tensor], params: SamplingParams) -> Law:
    """The probability of every answer of up to `LENGTH` tokens."""
    law: Law = {}

    def extend(path: tuple[int, ...], chance: float) -> None:
        allowed = _allowed(path, params)
        if len(path) == LENGTH or not allowed:
            law[path] = chance
            return
        values = logits[path].clone()
        for token_id in {*PROMPT, *path}:
            factor = params.repetition_penalty
            values[token_id] /= factor if values[token_id] > 0 else 1 / factor
        for token_id, count in Counter(path).items():
            values[token_id] -= params.presence_penalty + count * params.frequency_penalty
        for token_id, bias in (params.logit_bias or {}).items():
            values[token_id] += bias
        weights = {one: float(torch.exp(values[one] / params.temperature)) for one in allowed}
        for token_id, weight in weights.items():
            extend((*path, token_id), chance * weight / sum(weights.values()))

    extend((), 1.0)
    return law


def _allowed(path: tuple[int, ...], params: SamplingParams) -> list[int]:
    if params.json_schema is None:
        return list(range(VOCAB))
    if path[-1:] == (END,):
        return []
    text = "".join(TOKENS[one] for one in path)
    values = [str(value) for value in VALUES]
    following = [
        at for at in range(1, VOCAB) if any(v.startswith(text + TOKENS[at]) for v in values)
    ]
    return [*following, END] if text in values and following else following


def statistic(drawn: Sequence[tuple[int, ...]], law: Law) -> tuple[float, float]:
    """Pearson's chi-square over answers expected 5 times or more, and its 99.9 % point.

    The rest is one class; the point is Wilson and Hilferty's (1931).
    """
    counts = Counter(drawn)
    assert set(counts) <= set(law), "an answer that cannot be"
    total = len(drawn)
    common = [answer for answer, chance in law.items() if chance * total >= 5]
    rest = 1.0 - sum(law[answer] for answer in common)
    cells = [(counts[answer], law[answer] * total) for answer in common]
    if rest * total > 1:
        cells.append((total - sum(count for count, _ in cells), rest * total))
    free = len(cells) - 1
    point = free * (1 - 2 / (9 * free) + Z * (2 / (9 * free)) ** 0.5) ** 3
    return sum((count - expected) ** 2 / expected for count, expected in cells), point


def draws(target: Path, params: SamplingParams, speculator: Speculator) -> list[tuple[int, ...]]:
    config = EngineConfig(model=str(target), device="cpu", dtype="float64", num_blocks=256)
    one = Engine(config, [speculator], EveryNode([speculator.name]))
    drawn: list[tuple[int, ...]] = []
    for first in range(0, NUM_DRAWS, 60):
        seeded = [_seeded(params, seed) for seed in range(first, first + 60)]
        drawn += [out.token_ids for out in one.generate([PROMPT] * 60, seeded)]
    assert one.stats()["num_accepted_tokens"] > NUM_DRAWS / 60
    one.close()
    return drawn


def _seeded(params: SamplingParams, seed: int) -> SamplingParams:
    fields = {name: getattr(params, name) for name in params.__struct_fields__}
    return SamplingParams(**(fields | {"seed": seed}))


SPECULATORS: dict[str, Callable[[], Speculator]] = {
    "chain": lambda: Blind(VOCAB, widths=(1, 1)),
    "tree": lambda: Blind(VOCAB, widths=(4, 2)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("speculator", SPECULATORS)
def test_answers_follow_the_joint_law_of_the_target(
    target: Path,
    logits: dict[tuple[int, ...], torch.Tensor],
    kind: str,
    speculator: str,
) -> None:
    drawn = draws(target, KINDS[kind], SPECULATORS[speculator]())

    found, point = statistic(drawn, law_of(logits, KINDS[kind]))

    assert found < point


def test_another_law_would_be_noticed(
    target: Path, logits: dict[tuple[int, ...], torch.Tensor]
) -> None:
    drawn = draws(target, KINDS["plain"], SPECULATORS["tree"]())
    warmer = SamplingParams(max_tokens=LENGTH, temperature=1.3, ignore_eos=True)

    found, point = statistic(drawn, law_of(logits, warmer))

    assert found > point
