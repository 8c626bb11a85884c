"""The draft model against fresh forwards of itself, whatever happens to its blocks."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inference import Engine, EngineConfig, SamplingParams
from inference.cache.storage import allocate_cache
from inference.errors import ModelLoadError
from inference.model.decoder import DecoderInputs
from inference.model.language_model import LanguageModel
from inference.model.native_decoder import NativeModel
from inference.model.spans import Span, lay_out
from inference.speculation import draft_model
from inference.speculation.base import Draft, DraftRequest, TargetFacts
from inference.speculation.budget import EveryNode
from inference.speculation.draft_blocks import Ledger, Track
from inference.speculation.draft_model import DraftModelSpeculator, DraftShape, load, matches
from kernels.native.attention import NativeKernels
from kernels.native.build import build, cache_folder
from tests.tiny_models import save_tiny_llama

CPU, DTYPE = torch.device("cpu"), torch.float64
VOCAB, BLOCK = 266, 16
RNG = random.Random(5)
# Random weights are sure of nothing.
SHAPE = DraftShape(least_survival=0.0)
TEXT = [RNG.randrange(10, VOCAB) for _ in range(200)]


def facts(num_blocks: int = 64) -> TargetFacts:
    def nothing(_: torch.Tensor) -> torch.Tensor:
        raise AssertionError("a draft model needs nothing of the target")

    return TargetFacts(VOCAB, 64, 2, 512, num_blocks, BLOCK, DTYPE, CPU, nothing, nothing)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One layer, other weights than the target's."""
    return save_tiny_llama(tmp_path_factory.mktemp("tiny") / "draft", seed=9, num_layers=1)


@pytest.fixture(scope="session")
def kernels() -> NativeKernels:
    library = build(cache_folder())  # kept, for it takes its time
    assert library is not None, "the tests need a C++ compiler: install g++"
    return NativeKernels(library, num_threads=2)


@pytest.fixture
def speculator(small: Path) -> DraftModelSpeculator:
    return load(small, facts(), SHAPE)


def request(
    token_ids: Sequence[int], block_ids: Sequence[int], room: int = 8, name: str = "r"
) -> DraftRequest:
    return DraftRequest(name, b"", token_ids, room, block_ids)


def fresh(
    model: LanguageModel, token_ids: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:  # [L, 2, n, G, D], [n, V]
    """Keys, values and logits of a text computed at once in a cache of its own."""
    blocks = list(range(-(-len(token_ids) // BLOCK)))
    cache = allocate_cache(model.config, len(blocks), BLOCK, DTYPE, CPU)
    with torch.inference_mode():
        hidden = model.forward(lay_out([Span.chain(token_ids, 0, blocks)], BLOCK, CPU), cache)
        return cache.flatten(2, 3)[:, :, : len(token_ids)], model.logits(hidden)


def paths(draft: Draft) -> list[list[int]]:
    """The tokens that lead to each node."""
    found: list[list[int]] = []
    for token_id, parent in zip(draft.token_ids, draft.parents, strict=True):
        found.append([*(found[parent] if parent >= 0 else []), token_id])
    return found


def test_scores_are_the_models_own_probabilities(speculator: DraftModelSpeculator) -> None:
    text, other = TEXT[:37], TEXT[60:75]
    requests = [request(text, range(10, 14)), request(other, range(20, 22), name="other")]

    drafts = speculator.propose(requests)

    for draft, asked in zip(drafts, requests, strict=True):
        assert 0 < len(draft) <= 8
        assert max(map(len, paths(draft))) > 1
        for path, score in zip(paths(draft), draft.scores, strict=True):
            _, logits = fresh(speculator.runner.model, [*asked.token_ids, *path])
            shares = logits[len(asked.token_ids) + len(path) - 2].softmax(-1)
            assert score == pytest.approx(shares[path[-1]].item(), abs=1e-9)
            assert (shares > score + 1e-9).sum() < 3, "one of the three likeliest"


def test_a_draft_goes_on_from_what_was_accepted(speculator: DraftModelSpeculator) -> None:
    text, blocks = TEXT[:30], range(4)
    first = speculator.propose([request(text, blocks)])[0]
    longest = max(paths(first), key=len)

    for accepted in ([], longest[:1], longest, [*longest, 11]):
        known = [*text, *accepted, 200]
        again = speculator.propose([request(known, blocks)])[0]
        cold = load_again(speculator).propose([request(known, blocks)])[0]
        assert again.token_ids == cold.token_ids and again.parents == cold.parents
        assert again.scores == pytest.approx(cold.scores, abs=1e-9)


def load_again(speculator: DraftModelSpeculator) -> DraftModelSpeculator:
    """The same with an empty cache."""
    return load(speculator.runner.folder, facts(), SHAPE)


def test_a_long_prompt_is_caught_up_in_parts_and_holds_up_nobody(
    speculator: DraftModelSpeculator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_model, "MAX_CATCH_UP_ROWS", 40)
    long, short = request(TEXT[:100], range(8)), request(TEXT[:20], range(8, 12), name="short")

    drafts = [speculator.propose([long, short]) for _ in range(4)]

    assert [bool(draft) for draft, _ in drafts] == [False, False, False, True]
    assert all(draft for _, draft in drafts)
    cold = load_again(speculator)
    monkeypatch.setattr(draft_model, "MAX_CATCH_UP_ROWS", 512)
    assert drafts[-1][0].token_ids == cold.propose([long])[0].token_ids


def test_shared_blocks_are_computed_once(
    speculator: DraftModelSpeculator, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    forward = speculator.runner.model.forward

    def counted(inputs: DecoderInputs, cache: torch.Tensor) -> torch.Tensor:
        rows.append(len(inputs.token_ids))
        hidden: torch.Tensor = forward(inputs, cache)
        return hidden

    monkeypatch.setattr(speculator.runner.model, "forward", counted)
    texts = [[*TEXT[:32], *TEXT[100 + 9 * i : 108 + 9 * i]] for i in range(3)]
    requests = [request(texts[i], [0, 1, 2 + i], 1, str(i)) for i in range(3)]

    together = speculator.propose(requests)

    assert rows == [32 + 3 * 8]
    alone = [load_again(speculator).propose([one])[0] for one in requests]
    assert [draft.token_ids for draft in together] == [draft.token_ids for draft in alone]


def test_a_text_beyond_the_models_length_is_not_drafted_for(tmp_path: Path) -> None:
    short = load(save_tiny_llama(tmp_path / "short", max_positions=40), facts(), SHAPE)

    depths = [
        max(map(len, paths(short.propose([request(TEXT[:size], range(8))])[0])), default=0)
        for size in (38, 39, 40, 41)
    ]

    assert depths[2:] == [1, 0] and depths[0] <= 3 and depths[1] <= 2


def test_what_is_no_number_spoils_nobody_else(small: Path) -> None:
    spoilt = load(small, facts(), SHAPE)
    spoilt.runner.model._embedding[77] = float("nan")  # type: ignore[attr-defined]
    bad, good = [*TEXT[:20], 77, 30], [one for one in TEXT[:50] if one != 77]

    drafts = spoilt.propose([request(bad, range(4), name="bad"), request(good, range(4, 9))])

    assert not drafts[0] and drafts[1]
    assert not spoilt.propose([request([*bad, 31], range(4), name="bad")])[0]
    spoilt.forget("bad")
    later = spoilt.propose([request(good, range(4), name="its blocks")])[0]
    assert later.scores == pytest.approx(drafts[1].scores, abs=1e-9)


def test_the_kernels_draft_the_same(
    speculator: DraftModelSpeculator, small: Path, kernels: NativeKernels
) -> None:
    packed = load(small, replace(facts(), native=lambda: kernels), SHAPE)
    requests = [request(TEXT[:37], range(10, 14)), request(TEXT[60:75], range(20, 22), name="two")]

    begun = packed.propose(requests)
    packed.runner.finish_packing()
    known = [[*TEXT[:37], begun[0].token_ids[0]], [*TEXT[60:75], 99]]
    longer = [replace(one, token_ids=ids) for one, ids in zip(requests, known, strict=True)]
    drafts = packed.propose(longer)

    assert isinstance(packed.runner.model, NativeModel)
    for draft, expected in zip(drafts, speculator.propose(longer), strict=True):
        assert draft.token_ids == expected.token_ids
        assert draft.scores == pytest.approx(expected.scores, abs=1e-9)


def test_another_vocabulary_is_refused_with_both_sizes(tmp_path: Path) -> None:
    other = save_tiny_llama(tmp_path / "other", vocab_padding=200)
    padded = save_tiny_llama(tmp_path / "padded", vocab_padding=14)

    with pytest.raises(ModelLoadError, match=r"466.*266"):
        load(other, facts())
    draft = load(padded, facts()).propose([request(TEXT[:30], range(4))])[0]
    assert draft and max(draft.token_ids) < VOCAB
    narrow = replace(facts(), vocab_size=VOCAB + 20)
    assert not load(padded, narrow).propose([request([20, VOCAB + 15], range(4))])[0]


def test_a_causal_model_is_known_by_its_architecture() -> None:
    assert matches(Path(), {"architectures": ["LlamaForCausalLM"]})
    assert matches(Path(), {"architectures": ["GPT2LMHeadModel"]})
    assert not matches(Path(), {"architectures": ["MLPSpeculatorPreTrainedModel"]})
    assert not matches(Path(), {"medusa_num_heads": 4})


def held(ledger: Ledger, token_ids: list[int], blocks: list[int], salt: bytes, public: int) -> int:
    return Track(ledger, salt, public).num_held(token_ids, blocks)


def test_equal_text_is_another_workspaces_only_where_it_is_public() -> None:
    ledger = Ledger(8, 4)
    text = list(range(12))

    Track(ledger, b"a", 1).write(text, 0, [3, 4, 5])

    assert held(ledger, text, [3, 4, 5], b"a", 1) == 12
    assert held(ledger, text, [3, 4, 5], b"b", 1) == 4
    assert held(ledger, text, [3, 4, 5], b"a", 0) == 0
    assert held(ledger, [*text[:5], 99, *text[6:]], [3, 4, 5], b"a", 1) == 5
    assert held(ledger, text, [3, 5, 4], b"a", 1) == 4


def test_an_exchanged_or_overwritten_block_is_no_longer_believed() -> None:
    ledger = Ledger(8, 4)
    text, track = list(range(10)), Track(ledger, b"", 0)

    assert track.num_held(text, [0, 1, 2]) == 0
    track.write(text, 0, [0, 1, 2])
    assert track.num_held(text, [0, 1, 2]) == 10
    assert track.num_held(text, [0, 5, 2]) == 4
    track.write(text, 4, [0, 5, 2])
    assert track.num_held(text, [0, 5, 2]) == 10
    Track(ledger, b"", 0).write([9, 9, 9, 9], 0, [0])
    assert track.num_held(text, [0, 5, 2]) == 0


class Traffic:
    """Requests of two workspaces in a tiny pool; what the draft model believes is looked at."""

    def __init__(self, target: Path, speculator: DraftModelSpeculator, num_blocks: int) -> None:
        self.dice = random.Random(1)
        self.speculator = speculator
        config = EngineConfig(
            model=str(target), device="cpu", dtype="float64", num_blocks=num_blocks, max_batch=4
        )
        self.engine = Engine(config, [speculator], EveryNode([speculator.name]))
        self.blocks: dict[str, list[int]] = {}
        self.num_checked = self.num_exchanged = 0

    def submit(self, number: int) -> None:
        """One request, or two that say the same."""
        dice = self.dice
        prompt = TEXT[: dice.choice([5, 20, 33, 48, 70])] + TEXT[150 : 150 + dice.choice([0, 3])]
        params = SamplingParams(max_tokens=24, temperature=dice.choice([0.0, 1.0]), seed=number)
        salt = dice.choice([b"a", b"a", b"b"])
        for twin in range(dice.choice([1, 2])):
            self.engine.submit(f"{number}.{twin}", prompt, params, salt=salt)

    def check(self) -> None:
        speculator = self.speculator
        for one in self.engine._scheduler:
            if one.table is None or one.request_id not in speculator._tracks:
                self.blocks.pop(one.request_id, None)
                continue
            now, before = one.table.block_ids, self.blocks.get(one.request_id, [])
            self.num_exchanged += any(a != b for a, b in zip(now, before, strict=False))
            self.blocks[one.request_id] = list(now)
            ids = one.token_ids[: one.table.capacity]
            num_held = held(speculator._ledger, ids, now, one.salt, 0)
            self.num_checked += num_held
            believed = speculator.runner.cache.flatten(2, 3)[:, :, one.table.slots(0, num_held)]
            own, _ = fresh(speculator.runner.model, ids)
            torch.testing.assert_close(believed, own[:, :, :num_held])


def test_its_cache_is_right_whatever_became_of_the_blocks(tiny_target: Path, small: Path) -> None:
    """Prefix hits, exchanges, preemptions, aborts, two workspaces."""
    shape = DraftShape(max_depth=4, least_survival=0.0)
    speculator = load(small, facts(num_blocks=11), shape)
    traffic = Traffic(tiny_target, speculator, 11)

    for number in range(16):
        traffic.submit(number)
        for _ in range(traffic.dice.randrange(6)):
            traffic.engine.step()
        traffic.check()
        if traffic.dice.random() < 0.2:
            traffic.engine.abort(f"{traffic.dice.randrange(number + 1)}.0")

    stats = traffic.engine.stats()
    assert traffic.num_checked > 1_000 and traffic.num_exchanged > 0
    assert stats["num_preemptions"] > 0 and stats["prefix_hit_tokens"] > 0
    while traffic.engine.has_work:
        traffic.engine.step()
    assert not speculator._tracks, "what was kept of ended requests"


def test_a_model_that_is_the_target_is_always_accepted(tiny_target: Path) -> None:
    own = load(tiny_target, facts(), DraftShape(num_children=1, least_survival=0.0))
    config = EngineConfig(model=str(tiny_target), device="cpu", dtype="float64", num_blocks=64)
    engine = Engine(config, [own], EveryNode([own.name]))
    prompts = [TEXT[:40], TEXT[:40], TEXT[7:90]]

    outputs = engine.generate(prompts, SamplingParams(max_tokens=60, ignore_eos=True))

    for output in outputs:
        assert output.num_accepted_tokens == output.num_drafted_tokens > 30
