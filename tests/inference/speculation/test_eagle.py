from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from inference.speculation import eagle
from inference.speculation.base import Draft, DraftRequest, Features, Outcome, TargetFacts
from inference.speculation.eagle import CHILDREN, DEPTH, EagleSpeculator
from inference.speculation.eagle_tree import BEAM
from tests.inference.speculation.eagle_truth import GROUPS, HEAD_DIM, HEADS, PublishedHead, Truth
from tests.inference.speculation.heads import VOCAB, WIDTH, facts, paths_of

RANDOM = torch.Generator().manual_seed(8)
SIZE = 4  # of blocks
NUM_LAYERS = 6


@dataclass
class Request:
    """A request as the target would run it: its tokens, and the states it would compute."""

    name: str
    token_ids: list[int]
    block_ids: list[int]
    states: torch.Tensor  # [T, W]
    aux: torch.Tensor  # [T, 3 W]

    def outcome(self, start: int, stop: int, num_tokens: int, first_row: int = 0) -> Outcome:
        rows = tuple(range(first_row, first_row + stop - start))
        ids = self.token_ids[:num_tokens]
        return Outcome(self.name, b"", ids, self.block_ids, start, rows, Draft(), 0)

    def asked(self, num_tokens: int, room: int) -> DraftRequest:
        return DraftRequest(self.name, b"", self.token_ids[:num_tokens], room, self.block_ids)


def new_request(name: str, length: int, block_ids: list[int]) -> Request:
    return Request(
        name,
        torch.randint(VOCAB, (length,), generator=RANDOM).tolist(),
        block_ids,
        torch.randn(length, WIDTH, generator=RANDOM, dtype=torch.float64),
        torch.randn(length, 3 * WIDTH, generator=RANDOM, dtype=torch.float64),
    )


def observe(speculator: EagleSpeculator, *steps: tuple[Request, int, int, int]) -> None:
    """One step: rows start..stop of each of these requests, of which it knows so many tokens."""
    outcomes, states, aux, first_row = [], [], [], 1
    for one, start, stop, num_tokens in steps:
        outcomes.append(one.outcome(start, stop, num_tokens, first_row))
        states.append(one.states[start:stop])
        aux.append(one.aux[start:stop])
        first_row += stop - start
    stray = torch.full((1, WIDTH), 1e3, dtype=torch.float64)  # a row that was not kept
    speculator.observe(
        outcomes, Features(torch.cat([stray, *states]), torch.cat([stray.repeat(1, 3), *aux]))
    )


NodeProbs = dict[tuple[int, ...], float]


def expected_tree(
    truth: Truth, one: Request, num_tokens: int, room: int, is_third: bool, base: int = 0
) -> NodeProbs:
    """EAGLE 2's tree from whole passes of the truth: each node's conditional probability.

    Of the known tokens, only pairs from position `base` on are seen.
    """
    known = range(base, num_tokens - 1)
    target = truth.read_target(one.aux if is_third else one.states)[base : num_tokens - 1]
    ids = one.token_ids[base + 1 : num_tokens]

    def behind(path: tuple[int, ...]) -> torch.Tensor:
        """Log-probabilities behind a path, each of its states guessed from the one before."""
        states = target
        for depth in range(len(path) + 1):
            total = len(known) + depth
            guessed = truth.next_states(
                [*ids, *path[:depth]],
                states,
                list(range(base, base + total)),
                torch.ones(total, total, dtype=torch.bool).tril(),
            )
            states = torch.cat([states, truth.read_own(guessed[-1:])])
        return truth.log_probs(guessed[-1:])[0]

    totals: dict[tuple[int, ...], float] = {}
    shares: NodeProbs = {}
    level: list[tuple[int, ...]] = [()]
    num_read = 0
    for _ in range(DEPTH):
        found = []
        for path in level:
            best = behind(path).topk(min(CHILDREN, VOCAB // 2))
            for token_id, log_prob in zip(best.indices.tolist(), best.values, strict=True):
                child = (*path, token_id)
                found.append(child)
                totals[child] = totals.get(path, 0.0) + float(log_prob)
                shares[child] = float(log_prob.exp())
        best_nodes = sorted(totals, key=totals.__getitem__, reverse=True)
        useful = [path for path in best_nodes[: room - 1] if path in found]
        level = useful[: min(BEAM, room - num_read)]
        num_read += len(level)
        if not level:
            break
    kept = sorted(totals, key=totals.__getitem__, reverse=True)[:room]
    return {path: shares[path] for path in kept}


def as_eagle_1(head: PublishedHead) -> None:
    """EAGLE 1 as its authors publish it: a bias in fc, everything else the target's."""


def without_bias(head: PublishedHead) -> None:
    del head.tensors["fc.bias"]


def with_own_embedding(head: PublishedHead) -> None:
    head.draw("embed_tokens.weight", VOCAB, head.width)


def with_hass_norms(head: PublishedHead) -> None:
    head.draw("embedding_layernorm.weight", WIDTH)
    head.draw("hidden_states_layernorm.weight", WIDTH)


def with_attention_biases(head: PublishedHead) -> None:
    layer = "midlayer" if head.is_third else "layers.0"
    for name, rows in (("q", HEADS), ("k", GROUPS), ("v", GROUPS)):
        head.draw(f"{layer}.self_attn.{name}_proj.bias", rows * HEAD_DIM)


def with_normed_residual(head: PublishedHead) -> None:
    head.config["norm_before_residual"] = True


def with_normed_output(head: PublishedHead) -> None:
    head.config |= {"norm_output": True, "norm_before_fc": True}
    head.draw("input_norm.weight", 3 * WIDTH)


def with_norms_before_fc(head: PublishedHead) -> None:
    for place in range(3):
        head.draw(f"fc_norm.{place}.weight", WIDTH)


def with_qwen_norms(head: PublishedHead) -> None:
    for name in "qk":
        head.draw(f"midlayer.self_attn.{name}_norm.weight", HEAD_DIM)


def with_the_whole_vocabulary(head: PublishedHead) -> None:
    del head.tensors["d2t"]
    head.draw("lm_head.weight", VOCAB, WIDTH)


def with_the_targets_head(head: PublishedHead) -> None:
    for name in ("d2t", "t2d", "lm_head.weight"):
        del head.tensors[name]


VARIANTS = [
    (False, as_eagle_1),
    (False, without_bias),
    (False, with_own_embedding),
    (False, with_hass_norms),
    (False, with_attention_biases),
    (True, with_own_embedding),
    (True, with_attention_biases),
    (True, with_normed_residual),
    (True, with_normed_output),
    (True, with_norms_before_fc),
    (True, with_qwen_norms),
    (True, with_the_whole_vocabulary),
    (True, with_the_targets_head),
]


def build(head: PublishedHead, folder: Path) -> tuple[EagleSpeculator, Truth]:
    known: TargetFacts = facts(num_layers=NUM_LAYERS, block_size=SIZE)
    return eagle.load(head.save(folder), known), Truth(head, known)


@pytest.mark.parametrize(
    "is_third, change", VARIANTS, ids=lambda one: str(getattr(one, "__name__", one))
)
def test_drafts_are_those_of_the_published_forward(
    tmp_path: Path, is_third: bool, change: Callable[[PublishedHead], None]
) -> None:
    head = PublishedHead(is_third)
    change(head)
    speculator, truth = build(head, tmp_path)
    first = new_request("first", 24, [5, 2, 9, 11, 0, 7])
    second = new_request("second", 24, [1, 3, 8, 4, 6, 10])
    # Prompts of 11 and 6 in chunks, then steps that accept some drafts, both in one batch.
    observe(speculator, (first, 0, 7, 11))
    observe(speculator, (first, 7, 11, 12), (second, 0, 6, 7))
    observe(speculator, (second, 6, 9, 10), (first, 11, 12, 13))

    drafts = speculator.propose([second.asked(10, 9), first.asked(13, 5)])
    again = speculator.propose([first.asked(13, 12), second.asked(10, 1)])

    for one, known, room, draft in (
        (second, 10, 9, drafts[0]),
        (first, 13, 5, drafts[1]),
        (first, 13, 12, again[0]),  # drafting leaves no trace in the entries of known tokens
        (second, 10, 1, again[1]),
    ):
        expected = expected_tree(truth, one, known, room, is_third)
        assert paths_of(draft) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("is_third", [False, True])
def test_a_shared_prefix_brings_its_entries(tmp_path: Path, is_third: bool) -> None:
    speculator, truth = build(PublishedHead(is_third), tmp_path)
    first = new_request("first", 24, [5, 2, 9, 11])
    observe(speculator, (first, 0, 10, 11))
    speculator.forget("first")
    second = new_request("second", 24, [5, 2, 7, 3, 8])
    for one, two in ((first.states, second.states), (first.aux, second.aux)):
        two[:8] = one[:8]
    second.token_ids[:9] = first.token_ids[:9]

    observe(speculator, (second, 8, 12, 13))
    draft = speculator.propose([second.asked(13, 6)])[0]

    expected = expected_tree(truth, second, 13, 6, is_third)
    assert paths_of(draft) == pytest.approx(expected, abs=1e-9)


def test_a_prefix_that_ends_with_its_prompt_is_completed_by_the_next(tmp_path: Path) -> None:
    speculator, truth = build(PublishedHead(True), tmp_path)
    preamble = new_request("preamble", 24, [5, 2, 9, 11])
    observe(speculator, (preamble, 0, 8, 8))  # nothing was to be generated
    speculator.forget("preamble")
    for name, tail in (("a", 3), ("b", 6)):
        one = new_request(name, 24, [5, 2, tail, tail + 1])
        one.states[:8], one.aux[:8] = preamble.states[:8], preamble.aux[:8]
        one.token_ids[:8] = preamble.token_ids[:8]
        one.token_ids[8] = 17

        observe(speculator, (one, 8, 10, 11))
        draft = speculator.propose([one.asked(11, 6)])[0]

        expected = expected_tree(truth, one, 11, 6, is_third=True)
        assert paths_of(draft) == pytest.approx(expected, abs=1e-9)


def test_where_entries_are_missing_the_head_looks_back_less_far(tmp_path: Path) -> None:
    speculator, truth = build(PublishedHead(False), tmp_path)
    first = new_request("first", 24, [7, 2, 9, 11])
    observe(speculator, (first, 0, 12, 13))
    # The same text but for its first block, which this head has never seen.
    second = new_request("second", 24, [5, 2, 9, 3, 1, 0])
    second.states[4:12], second.token_ids[4:13] = first.states[4:12], first.token_ids[4:13]

    observe(speculator, (second, 12, 15, 16))
    draft = speculator.propose([second.asked(16, 4)])[0]

    expected = expected_tree(truth, second, 16, 4, False, base=4)
    assert paths_of(draft) == pytest.approx(expected, abs=1e-9)


def test_a_preempted_request_begins_anew_in_other_blocks(tmp_path: Path) -> None:
    speculator, truth = build(PublishedHead(False), tmp_path)
    one = new_request("one", 24, [5, 2, 9, 3])
    observe(speculator, (one, 0, 9, 10))
    speculator.forget("one")
    assert speculator.propose([one.asked(10, 4)]) == [Draft()]
    one.block_ids[:] = [8, 1, 5, 2]

    observe(speculator, (one, 0, 6, 10))
    assert speculator.propose([one.asked(10, 4)]) == [Draft()]
    observe(speculator, (one, 6, 10, 11))
    draft = speculator.propose([one.asked(11, 4)])[0]

    expected = expected_tree(truth, one, 11, 4, False)
    assert paths_of(draft) == pytest.approx(expected, abs=1e-9)


def test_drafting_writes_only_into_the_slots_reserved_for_it(tmp_path: Path) -> None:
    speculator, _ = build(PublishedHead(True), tmp_path)
    one = new_request("one", 24, [5, 2, 9, 11])
    observe(speculator, (one, 0, 6, 7))
    before = speculator._model._cache.clone()

    speculator.propose([one.asked(7, 5)])

    changed = (speculator._model._cache != before).flatten(3).any(-1).any(0).nonzero().tolist()
    allowed = [[one.block_ids[place // SIZE], place % SIZE] for place in range(6, 12)]
    assert [slot for slot in changed if slot not in allowed] == []
    assert changed
    # With fewer slots than wanted it reads fewer nodes, and drafts all the same.
    one.block_ids[2:] = []
    assert len(speculator.propose([one.asked(7, 5)])[0]) == 5
