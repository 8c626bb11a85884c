"""/metrics: what Prometheus reads, with an engine and without one, and what operators read."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from app.engine_metrics import EngineReading
from app.engines import Engine as AppEngine
from app.metrics import Metrics
from inference import Engine, EngineConfig, MetricsSnapshot, SamplingParams
from tests.conftest import Served
from tests.engine_processes import full_text, quick_settings, running, write_script
from tests.patience import PATIENCE_S
from tests.tiny_models import save_tiny_llama

on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
PROMPTS = ["a cat sat on a mat", "What is your refund policy?"]
OF_ONE_LETTER = SamplingParams(max_tokens=40, ignore_eos=True, logit_bias={97: 1e3})


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> MetricsSnapshot:
    """Of a real engine that has answered, cold and warm, with speculation."""
    model = save_tiny_llama(tmp_path_factory.mktemp("metrics") / "target")
    engine = Engine(
        EngineConfig(model=str(model), dtype="float64", num_blocks=64, speculator="ngram")
    )
    engine.generate(PROMPTS, OF_ONE_LETTER)
    engine.generate(PROMPTS, OF_ONE_LETTER)
    engine.close()
    return engine.metrics()


def exposed(text: str) -> dict[str, Metric]:
    """Families by the name an operator asks for, without the times at which they were made."""
    return {
        f"{one.name}_total" if one.type == "counter" else one.name: one
        for one in text_string_to_metric_families(text)
        if not one.name.endswith("_created")
    }


async def told(reading: EngineReading | None) -> dict[str, Metric]:
    metrics = Metrics()
    metrics.engine.reading = reading
    return exposed((await metrics.expose()).decode())


def documented() -> set[str]:
    text = OPERATIONS.read_text(encoding="utf-8").split("\n## Metrics\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([^`{]+)", text, flags=re.MULTILINE))


def value(family: Metric, suffix: str = "", **labels: str) -> float:
    [found] = [
        one.value
        for one in family.samples
        if one.name == family.name + suffix and labels.items() <= one.labels.items()
    ]
    return found


async def scraped(served: Served) -> dict[str, Metric]:
    async with httpx.AsyncClient(base_url=served.http_url, timeout=PATIENCE_S) as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200
    return exposed(answer.text)


@asynccontextmanager
async def scripted_engine(served: Served, folder: Path) -> AsyncIterator[AppEngine]:
    """A running engine process that answers "hello", known to the application."""
    config = write_script(folder / "script", {"match": "hello", "chunks": ["Good ", "day."]})
    async with running(quick_settings(config), folder) as supervisor:
        engine = AppEngine(supervisor.client, supervisor.gave_up, supervisor.restarts)
        served.parts.engine = engine
        yield engine


async def test_a_real_engines_counts_arrive_whole(snapshot: MetricsSnapshot) -> None:
    families = await told(EngineReading("tiny", snapshot))

    num_prompt = 2 * sum(len(one) for one in PROMPTS)
    assert value(families["vllm:prompt_tokens_total"], "_total", model_name="tiny") == num_prompt
    assert value(families["vllm:generation_tokens_total"], "_total") == 4 * 40
    assert value(families["vllm:prompt_tokens_cached_total"], "_total") == 2 * 16
    assert value(families["vllm:prefix_cache_hits_total"], "_total") == 2 * 16
    assert value(families["vllm:prefix_cache_queries_total"], "_total") == num_prompt
    reasons = families["vllm:request_success_total"]
    assert value(reasons, "_total", finished_reason="length") == 4
    assert value(reasons, "_total", finished_reason="error") == 0
    drafted = value(families["vllm:spec_decode_num_draft_tokens_total"], "_total")
    accepted = value(families["vllm:spec_decode_num_accepted_tokens_total"], "_total")
    by_position = families["vllm:spec_decode_num_accepted_tokens_per_pos_total"].samples
    assert 0 < accepted <= drafted
    assert sum(one.value for one in by_position) == accepted
    positions = [one.labels["position"] for one in by_position]
    assert positions == [str(number) for number in range(len(positions))]
    assert value(families["vllm:kv_cache_usage_perc"]) == 0
    pages = families["care_kv_pages"]
    assert value(pages, state="free") == 64
    assert value(pages, state="cached") > 0


async def test_buckets_are_cumulative_and_end_at_the_count(snapshot: MetricsSnapshot) -> None:
    families = await told(EngineReading("tiny", snapshot))
    histograms = [one for one in families.values() if one.type == "histogram"]
    of_engine = [one for one in histograms if one.samples and "model_name" in one.samples[0].labels]

    assert len(of_engine) == len(snapshot.histograms)
    for family in of_engine:
        buckets = [one for one in family.samples if one.name.endswith("_bucket")]
        counts = [one.value for one in buckets]
        assert counts == sorted(counts)
        assert buckets[-1].labels["le"] == "+Inf"
        assert counts[-1] == value(family, "_count")
    first = families["vllm:time_to_first_token_seconds"]
    assert value(first, "_count") == 4
    assert value(first, "_sum") > 0
    between = families["vllm:inter_token_latency_seconds"]
    assert value(between, "_count") == 4 * 40 - 4


async def test_the_operators_list_is_what_is_exposed(snapshot: MetricsSnapshot) -> None:
    assert documented() == (await told(EngineReading("tiny", snapshot))).keys()


async def test_each_speculator_has_its_own_figures(snapshot: MetricsSnapshot) -> None:
    values = snapshot.values | {
        "spec.mlp.drafts": 4,
        "spec.mlp.draft_s": 0.25,
        "spec.mlp.depth1.drafted": 7,
        "spec.mlp.depth1.accepted": 5,
        "spec.my-heads.v2.depth11.drafted": 3,
    }
    families = await told(EngineReading("tiny", MetricsSnapshot(values, snapshot.histograms)))

    drafted = families["care_spec_drafted_tokens_total"]
    assert value(drafted, "_total", speculator="mlp", depth="1") == 7
    assert value(drafted, "_total", speculator="my-heads.v2", depth="11") == 3
    accepted = families["care_spec_accepted_tokens_total"]
    assert value(accepted, "_total", speculator="mlp", depth="1") == 5
    assert value(families["care_spec_drafts_total"], "_total", speculator="mlp") == 4
    assert value(families["care_spec_draft_seconds_total"], "_total", speculator="mlp") == 0.25


@on_sqlite
async def test_without_an_engine_the_rest_is_told(served: Served) -> None:
    families = await scraped(served)

    assert value(families["care_engine_up"]) == 0
    assert not [name for name in families if name.startswith("vllm:")]
    assert value(families["process_resident_memory_bytes"]) > 0


@on_sqlite
async def test_an_engines_coming_going_and_coming_back_is_seen(
    served: Served, tmp_path: Path
) -> None:
    async with scripted_engine(served, tmp_path / "engine") as engine:
        await full_text(engine.client, "hello", SamplingParams())
        answering = await scraped(served)
        supervisor_gone = engine.restarts.get("killed", 0)

    gone = await scraped(served)

    assert supervisor_gone == 0
    assert value(answering["care_engine_up"]) == 1
    success = answering["vllm:request_success_total"]
    assert value(success, "_total", finished_reason="stop", model_name="scripted:script") == 1
    assert value(answering["vllm:time_to_first_token_seconds"], "_count") == 1
    assert value(gone["care_engine_up"]) == 0
    assert not [name for name in gone if name.startswith("vllm:")]
