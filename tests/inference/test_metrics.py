"""What an engine counts: exact on the real one, and times that add up."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from inference import Engine, EngineConfig, FinishReason, Histogram, SamplingParams
from inference.metrics import EngineMetrics, Timeline
from tests.engine_processes import full_text, quick_settings, running, write_script

pytestmark = pytest.mark.anyio

PROMPTS = ["a cat sat on a mat", "What is your refund policy?" * 3, "x"]
MAX_STEP_COST_S = 20e-6


@dataclass
class Asked:
    """A request as the metrics see it, with times a test chooses."""

    num_prompt: int = 10
    num_cached: int = 0
    timeline: Timeline = field(default_factory=lambda: Timeline(arrived_s=0.0))


@pytest.fixture(scope="module")
def engine(tiny_target: Path) -> Iterator[Engine]:
    made = Engine(EngineConfig(model=str(tiny_target), dtype="float64", num_blocks=64))
    yield made
    made.close()


def count(histogram: Histogram) -> int:
    return sum(histogram.counts)


def test_tokens_and_reasons_are_counted_exactly(tiny_target: Path) -> None:
    engine = Engine(EngineConfig(model=str(tiny_target), dtype="float64", num_blocks=64))
    greedy = SamplingParams(max_tokens=12, ignore_eos=True)
    cold = engine.generate(PROMPTS, greedy)
    warm = engine.generate(PROMPTS, greedy)
    third = cold[0].token_ids[2]
    stopped = engine.generate(PROMPTS[:1], SamplingParams(max_tokens=12, stop_token_ids=(third,)))
    outputs = [*cold, *warm, *stopped]
    engine.submit("aborted", PROMPTS[0], greedy)
    engine.step()
    engine.abort("aborted")
    engine.step()

    values = engine.metrics().values
    num_prompt = sum(one.num_prompt_tokens for one in outputs)
    assert [one.num_prompt_tokens for one in cold] == [len(one) for one in PROMPTS]
    assert values["num_prompt_tokens"] == num_prompt + len(PROMPTS[0])
    assert values["num_cached_prompt_tokens"] == (
        sum(one.num_cached_tokens for one in outputs) + stopped[0].num_cached_tokens
    )
    assert values["num_cached_prompt_tokens"] > 0
    assert values["num_generated_tokens"] == sum(len(one.token_ids) for one in outputs) + 1
    assert {key: values[key] for key in values if key.startswith("finished.")} == {
        "finished.length": 6,
        "finished.stop": 1,
        "finished.abort": 1,
        "finished.error": 0,
    }
    assert values | engine.stats() == values
    engine.close()


def test_times_add_up(engine: Engine) -> None:
    before = engine.metrics()
    outputs = engine.generate(PROMPTS, SamplingParams(max_tokens=9, ignore_eos=True))
    after = engine.metrics()

    def gained(name: str) -> tuple[int, float]:
        old, new = before.histograms[name], after.histograms[name]
        return count(new) - count(old), new.total - old.total

    num_tokens = sum(len(one.token_ids) for one in outputs)
    queue, prefill, first = gained("queue_s"), gained("prefill_s"), gained("first_token_s")
    decode, inter, whole = gained("decode_s"), gained("inter_token_s"), gained("request_s")
    assert queue[0] == prefill[0] == first[0] == decode[0] == whole[0] == len(PROMPTS)
    assert inter[0] == num_tokens - len(PROMPTS)
    assert queue[1] + prefill[1] == pytest.approx(first[1])
    assert inter[1] == pytest.approx(decode[1])
    assert first[1] + decode[1] <= whole[1]
    num_steps = after.values["num_steps"] - before.values["num_steps"]
    assert gained("step_s")[0] == gained("step_rows")[0] == num_steps
    num_rows = sum(one.num_prompt_tokens + len(one.token_ids) - 1 for one in outputs)
    num_cached = sum(one.num_cached_tokens for one in outputs)
    assert gained("step_rows")[1] == num_rows - num_cached
    assert gained("output_tokens") == (len(PROMPTS), num_tokens)


def test_who_comes_later_queues_longer(tiny_target: Path) -> None:
    engine = Engine(
        EngineConfig(model=str(tiny_target), dtype="float64", num_blocks=64, max_batch=1)
    )
    for number in range(3):
        engine.submit(f"r{number}", PROMPTS[0], SamplingParams(max_tokens=4, ignore_eos=True))
    assert engine.stats()["num_waiting"] == 3
    totals = [0.0]
    while engine.has_work:
        engine.step()
        total = engine.metrics().histograms["queue_s"].total
        if total > totals[-1]:
            totals.append(total)

    waited = [later - earlier for earlier, later in itertools.pairwise(totals)]
    assert len(waited) == 3
    assert waited == sorted(waited)
    engine.close()


def test_a_prompt_of_which_only_blocks_are_wanted_has_no_first_token(engine: Engine) -> None:
    before = engine.metrics()
    engine.generate(["a sentence that is still being typed"], SamplingParams(max_tokens=0))
    after = engine.metrics()

    def gained(name: str) -> float:
        return after.values[name] - before.values[name]

    assert gained("num_prompt_tokens") == len("a sentence that is still being typed")
    assert gained("num_generated_tokens") == 0
    assert count(after.histograms["first_token_s"]) == count(before.histograms["first_token_s"])
    assert count(after.histograms["prefill_s"]) == count(before.histograms["prefill_s"]) + 1


def test_a_request_that_ends_in_the_queue_has_queued(engine: Engine) -> None:
    before = engine.metrics()
    engine.submit("late", PROMPTS[0], SamplingParams(), arrived_s=time.monotonic() - 7)
    engine.abort("late")
    engine.step()
    after = engine.metrics()

    assert after.values["num_prompt_tokens"] == before.values["num_prompt_tokens"]
    assert after.values["finished.abort"] == before.values["finished.abort"] + 1
    queued = after.histograms["queue_s"].total - before.histograms["queue_s"].total
    assert 7 <= queued < 60


def test_drafts_are_counted_by_place_and_by_request(tiny_target: Path) -> None:
    engine = Engine(
        EngineConfig(model=str(tiny_target), dtype="float64", num_blocks=64, speculator="ngram")
    )
    of_two = SamplingParams(max_tokens=96, ignore_eos=True, logit_bias={97: 1e3, 98: 1e3})
    outputs = engine.generate(["Two letters only: "], of_two)
    snapshot = engine.metrics()

    values = snapshot.values
    by_place = [values[key] for key in values if key.startswith("accepted.position")]
    assert values["num_drafts"] == outputs[0].num_drafts > 0
    assert sum(by_place) == values["num_accepted_tokens"] == outputs[0].num_accepted_tokens > 0
    assert by_place == sorted(by_place, reverse=True)
    length = snapshot.histograms["acceptance_length"]
    assert (count(length), length.total) == (1, outputs[0].mean_acceptance_length)
    expected = 1 + outputs[0].num_accepted_tokens / outputs[0].num_drafts
    assert outputs[0].mean_acceptance_length == expected
    engine.close()


def test_a_steps_time_is_spread_over_its_tokens() -> None:
    metrics, request = EngineMetrics(), Asked()
    request.timeline.started_s = 0.25
    metrics.gained(request, 3, now_s=1.0)
    metrics.gained(request, 4, now_s=2.0)
    metrics.gained(request, 1, now_s=7.0)
    metrics.ended(request, FinishReason.LENGTH, now_s=9.0)

    told = metrics.histograms()
    inter = told["inter_token_s"]
    at = dict(zip((*inter.bounds, None), inter.counts, strict=True))
    assert (at[1e-4], at[0.25], at[5.0], count(inter)) == (2, 4, 1, 7)
    assert inter.total == told["decode_s"].total == 6.0
    assert told["queue_s"].total == 0.25
    assert told["prefill_s"].total == 0.75
    assert told["first_token_s"].total == 1.0
    assert told["request_s"].total == 9.0


def test_a_value_at_a_bound_lies_below_it_and_the_highest_above_all() -> None:
    metrics = EngineMetrics()
    metrics.stepped(1e-3, 4096)
    metrics.stepped(1e-3 + 1e-9, 4097)

    step, rows = metrics.histograms()["step_s"], metrics.histograms()["step_rows"]
    at = step.bounds.index(1e-3)
    assert step.counts[at : at + 2] == (1, 1)
    assert rows.counts[-2:] == (1, 1)


def test_counting_costs_next_to_nothing() -> None:
    metrics, running = EngineMetrics(), [Asked() for _ in range(8)]

    def step_cost_s() -> float:
        began_s = time.perf_counter()
        for request in running:
            metrics.drafted(request.timeline, 2)
            metrics.gained(request, 3, time.monotonic())
        metrics.stepped(time.perf_counter() - began_s, 32)
        return time.perf_counter() - began_s

    assert min(step_cost_s() for _ in range(500)) < MAX_STEP_COST_S


async def test_a_process_tells_its_figures_and_whom_it_refused(tmp_path: Path) -> None:
    config = write_script(tmp_path / "script", {"match": "hello", "chunks": ["Good ", "day."]})
    async with running(quick_settings(config), tmp_path) as supervisor:
        client = supervisor.client
        await full_text(client, "hello you", SamplingParams())
        await full_text(client, "hello", SamplingParams(max_tokens=1))
        with pytest.raises(Exception, match="no line"):
            await full_text(client, "something else", SamplingParams())
        told = await client.metrics()

    assert told.values["num_prompt_tokens"] == 3
    assert told.values["num_generated_tokens"] == 3
    assert told.values["finished.stop"] == told.values["finished.length"] == 1
    assert told.values["refused.invalid_request"] == 1
    assert count(told.histograms["first_token_s"]) == 2
    assert told.histograms["inter_token_s"].total == pytest.approx(
        told.histograms["decode_s"].total
    )
