import json
from pathlib import Path

import pytest

from inference import Engine, EngineConfig, FinishReason, InvalidRequest, SamplingParams

SCHEMA = {
    "type": "object",
    "required": ["intent", "priority", "labels"],
    "additionalProperties": False,
    "properties": {
        "intent": {"enum": ["return", "delivery", "other"]},
        "priority": {"type": "integer", "minimum": 1, "maximum": 4},
        "labels": {"type": "array", "items": {"enum": ["vip", "late"]}, "maxItems": 3},
    },
}


@pytest.fixture(scope="module")
def engine(tiny_target: Path) -> Engine:
    return Engine(EngineConfig(model=str(tiny_target), device="cpu", dtype="float32"))


@pytest.mark.parametrize("seed", range(6))
def test_an_answer_is_json_of_its_schema(engine: Engine, seed: int) -> None:
    params = SamplingParams(
        max_tokens=200, temperature=1.0, seed=seed, json_schema=json.dumps(SCHEMA)
    )

    out = engine.generate(["Triage: my parcel is late"], params)[0]

    assert out.finish_reason is FinishReason.STOP
    value = json.loads(out.text)
    assert set(value) == {"intent", "priority", "labels"}
    assert value["intent"] in ("return", "delivery", "other")
    assert value["priority"] in (1, 2, 3, 4)
    assert set(value["labels"]) <= {"vip", "late"} and len(value["labels"]) <= 3
    # Keys and punctuation leave no choice, so they were drafted and always right.
    assert out.num_accepted_tokens == out.num_drafted_tokens > 20


@pytest.mark.parametrize("schema", ["{", "[]", '{"type": "no such type"}', "7" * 70_000])
def test_what_is_no_schema_is_refused(engine: Engine, schema: str) -> None:
    with pytest.raises(InvalidRequest, match="json_schema"):
        engine.submit("r", "x", SamplingParams(json_schema=schema))
    assert not engine.has_work


def test_a_schema_and_a_guide_exclude_each_other() -> None:
    with pytest.raises(InvalidRequest, match="cannot be combined"):
        SamplingParams(json_schema="{}", guide=())
