"""Heads learn, resume where they stopped, and are measured as the engine would find them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from inference.speculation.mlp_format import load_mlp_speculator
from inference.training.layout import Example, Role
from inference.training.model import CareModel, ModelShape
from inference.training.speculator.base_model import BaseModel
from inference.training.speculator.conversations import Asked
from inference.training.speculator.draft import gained_by
from inference.training.speculator.heads import Heads, HeadShape, MlpHeads, build_heads
from inference.training.speculator.loss import Sampler, head_losses
from inference.training.speculator.measure import Tree, chain, gained
from inference.training.speculator.own_text import GREEDY, Writer
from inference.training.speculator.publish import publish
from inference.training.speculator.recipe import TRUTH, Budget, Phase
from inference.training.speculator.trainer import HeadTrainer
from inference.training.speculator.windows import TextStore, Windows, Written, cut, in_order

MLP = HeadShape("mlp", num_heads=3, base_size=8, inner_size=16, vocab_size=40)
MEDUSA = HeadShape("medusa", num_heads=3, base_size=8, inner_size=16, vocab_size=40)
NUM_STEPS = 6


class Counting:
    """A source in which every token is the one before it plus one."""

    def batch(self, step: int) -> Windows:
        generator = torch.Generator().manual_seed(step)
        first = torch.randint(0, 30, (32, 1), generator=generator)
        states = torch.randn(32, 8, generator=generator)
        return Windows(states, first + torch.arange(4), torch.ones(32, 3, dtype=torch.bool))


def trainer(run: Path, shape: HeadShape = MLP, sampler: Sampler | None = None) -> HeadTrainer:
    torch.manual_seed(1)
    budget = Budget(NUM_STEPS * 32)
    return HeadTrainer(build_heads(shape), TRUTH, budget, run, sampler)


def losses_of(run: Path) -> list[list[float]]:
    lines = (run / "truth-history.jsonl").read_text().splitlines()
    return [json.loads(line)["head_losses"] for line in lines]


def test_the_loss_of_an_mlp_speculator_falls_on_every_head(tmp_path: Path) -> None:
    one = trainer(tmp_path)

    losses = [one.step(Counting().batch(step), 3e-2) for step in range(40)]

    assert all(last < first - 1.0 for first, last in zip(losses[0], losses[-1], strict=True))


def test_a_resumed_run_repeats_the_losses_of_an_uninterrupted_one(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    held_out = Counting().batch(99)
    sampler = Sampler(torch.arange(8), 40, 10)

    trainer(whole, sampler=sampler).train(Counting(), held_out, lambda _: None, lambda: False)
    cut_off = trainer(parts, sampler=sampler)
    cut_off.train(Counting(), held_out, lambda _: None, lambda: cut_off.num_steps == 2)
    going_on = trainer(parts, sampler=sampler)
    assert going_on.resume()
    going_on.train(Counting(), held_out, lambda _: None, lambda: False)

    assert losses_of(parts) == losses_of(whole)
    assert len(losses_of(whole)) == NUM_STEPS


def test_minutes_end_a_phase_and_bend_its_rate() -> None:
    budget = Budget(10**9, minutes=2.0).part(0.5)
    phase = Phase("own", 0.5, peak_rate=1.0, final_share=0.1, warmup_share=0.2)

    assert budget.done(5, elapsed_s=30.0) == 0.5
    assert budget.done(5, elapsed_s=60.0) >= 1
    assert phase.rate(0.0) == 0.0
    assert phase.rate(0.1) == pytest.approx(0.75)  # parabola: 1 - (1/2)^2
    assert phase.rate(0.2) == 1.0
    assert phase.rate(1.0) == pytest.approx(0.1)


@pytest.mark.parametrize("shape", [MLP, MEDUSA], ids=["mlp", "medusa"])
def test_a_sample_that_holds_the_whole_vocabulary_changes_no_loss(shape: HeadShape) -> None:
    torch.manual_seed(2)
    heads, windows = build_heads(shape), Counting().batch(0)
    sampler = Sampler(torch.arange(5), 40, num_rest=40)

    everything = sampler.candidates(windows.token_ids[:, 1:], step=0)

    assert everything.token_ids.tolist() == list(range(40))
    for sampled, full in zip(
        head_losses(heads, windows, everything), head_losses(heads, windows, None), strict=True
    ):
        torch.testing.assert_close(sampled, full)


def test_a_sampled_sum_is_right_on_average() -> None:
    logits = torch.linspace(-2, 2, 40).double()
    sampler = Sampler(torch.arange(4), 40, num_rest=6)

    sums = [
        float((logits[one.token_ids] + one.bonus).exp().sum())
        for one in (sampler.candidates(torch.tensor([7]), step) for step in range(1500))
    ]

    assert np.mean(sums) == pytest.approx(float(logits.exp().sum()), rel=0.02)


def test_windows_begin_at_the_answer_and_end_with_it() -> None:
    ids = torch.tensor([[5, 6, 7, 8, 9, 3, 4]])
    learned = torch.tensor([[False, False, True, True, True, False, False]])
    states = torch.arange(7.0).view(1, 7, 1)

    windows = cut(states, ids, learned, num_heads=3)

    assert windows.states[:, 0].tolist() == [1, 2]
    assert windows.token_ids.tolist() == [[7, 8, 9, 3], [8, 9, 3, 4]]
    assert windows.is_target.tolist() == [[True, True, False], [True, False, False]]


def test_an_order_visits_everything_once_an_epoch() -> None:
    places = np.concatenate([in_order(10, start, 4) for start in range(0, 20, 4)])

    assert sorted(places[:10]) == sorted(places[10:]) == list(range(10))
    assert places[:10].tolist() != places[10:].tolist()


class Oracle(Heads):
    """Knows that every token is the one before it plus one, and ranks it second."""

    def advance(
        self, head: int, carried: torch.Tensor, token_ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return carried, token_ids[:, None].float()

    def logits(self, head: int, features: torch.Tensor) -> torch.Tensor:
        ids = torch.arange(self.shape.vocab_size)
        wanted = (ids == features + 1).float()
        return wanted + 2.0 * (ids == 0)


def test_a_tree_finds_what_a_chain_misses() -> None:
    states, ids = torch.zeros(9, 8), torch.arange(1, 10)[:, None] + torch.arange(4)
    text = Windows(states, ids, ids[:, 1:] <= 10)

    missed = gained(Oracle(MLP), [text], chain(3))
    found = gained(Oracle(MLP), [text, text], Tree((2, 2, 2), 8))

    assert (missed.num_steps, missed.tokens_per_step) == (9, 1.0)
    assert missed.acceptance == (0.0, 0.0, 0.0)
    assert (found.num_tokens, found.num_steps) == (18, 6)  # 4 + 4 + 1 tokens, twice
    assert found.acceptance == (1.0, 1.0, 1.0)


def test_texts_walk_side_by_side_each_at_its_own_pace() -> None:
    steady = torch.arange(1, 10)[:, None] + torch.arange(4)
    erratic = torch.tensor([[1, 2, 3, 30], [2, 3, 30, 31], [3, 30, 31, 0], [30, 31, 0, 0]])
    texts = [
        Windows(torch.zeros(len(ids), 8), ids, ids[:, 1:] > 0) for ids in (steady[:6], erratic)
    ]

    one = gained(Oracle(MLP), texts, Tree((2, 2, 2), 8))

    # 4 and 2 tokens of the first; 1 and 2 guessed and 30 drawn of the second, then 31
    assert (one.num_tokens, one.num_steps) == (10, 4)
    assert one.reached == (4, 3, 2)
    assert one.accepted == (4, 3, 1)


def test_a_draft_model_that_is_the_base_guesses_all_of_its_greedy_text() -> None:
    torch.manual_seed(5)
    model = CareModel(ModelShape(64, 1, 1, 1, 64, vocab_size=300))
    ids = [3, 40, 50, 0, 4]
    for _ in range(12):
        ids.append(int(model.logits(model(torch.tensor([ids])))[0, -1].argmax()))
    right = Example(ids, [False] * 5 + [True] * 12)
    wrong = Example([*ids[:8], (ids[8] + 1) % 300, *ids[9:]], right.learned)

    assert gained_by(model, [right]).num_steps == 3  # 11 tokens behind the first, 5 a step
    assert gained_by(model, [right]).acceptance == (1.0, 1.0, 1.0, 1.0)
    assert gained_by(model, [wrong]).num_steps >= 3
    assert gained_by(model, [wrong]).acceptance[2] < 1.0


def test_published_heads_are_the_trained_ones(tmp_path: Path) -> None:
    torch.manual_seed(3)
    heads = build_heads(MLP).bfloat16().float()
    assert isinstance(heads, MlpHeads)
    publish(heads, Path("base"), tmp_path)
    weights, config = load_mlp_speculator(tmp_path)

    state_weight = 0.5 ** (0.5 / 3)
    share = ((1 - state_weight**2) * 16 / 2) ** 0.5 / state_weight
    windows = Counting().batch(0)
    state = windows.states.double()
    state = state / (state.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() / 2**0.5
    for head, features in enumerate(heads.features(windows.states, windows.token_ids[:, :-1])):
        token = weights.embeddings[head].double()[windows.token_ids[:, head]]
        state = state @ weights.projections[head].double().T + share * token
        state = state / (state.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()
        state = state * weights.scales[head].double() + weights.shifts[head].double()
        state = torch.nn.functional.gelu(state)
        wanted = state @ weights.heads[head].double().T
        got = heads.logits(head, features).double()
        torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-4)
    assert config.scale_input


def test_the_base_writes_and_its_states_are_kept(
    base: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    writer = Writer(base, "cpu", max_prompt=64, max_answer=6)
    prompt = (Role.CUSTOMER.value, 20, 21, 22, 0, Role.ASSISTANT.value)
    asked = [Asked("test", prompt), Asked("test", prompt[:1] + prompt[2:])]

    first = writer.write(asked, 0, GREEDY)
    again = writer.write(asked, 2, GREEDY)  # now the prompts are in the cache
    writer.close()

    model = BaseModel(base, torch.device("cpu"))
    for one, other in zip(first, again, strict=True):
        assert one.answer == other.answer
        ids = torch.tensor([[*one.prompt, *one.answer]])
        wanted = model.states(ids)[0, len(one.prompt) - 1 : -1]
        torch.testing.assert_close(one.states, wanted, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(other.states, wanted, atol=1e-4, rtol=1e-4)


def test_a_store_drops_what_a_cut_off_run_left(tmp_path: Path) -> None:
    def text(first: int) -> Written:
        answer = tuple(range(first, first + 4))
        return Written("test", (3, 4), answer, torch.full((4, 8), float(first)))

    store = TextStore(tmp_path / "own", width=8, num_heads=2)
    store.append([text(10), text(20)])
    for path in tmp_path.glob("own.*"):
        if path.suffix != ".json":
            path.write_bytes(path.read_bytes() + b"half a batch")

    found = TextStore(tmp_path / "own", width=8, num_heads=2)
    found.append([text(30)])

    assert (found.num_texts, found.num_windows) == (3, 9)
    texts = found.texts(torch.device("cpu"))
    assert [one.states[0, 0].item() for one in texts] == [10, 20, 30]
    assert texts[2].token_ids.tolist() == [[30, 31, 32], [31, 32, 33], [32, 33, 1]]
    assert [example.ids for example in found.examples()][2] == [3, 4, 30, 31, 32, 33]
