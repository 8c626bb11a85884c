"""Nothing a client may send breaks the API: schemathesis makes requests of its description.

Cases that fit the description and cases that do not, on rows that are there; the seeds are fixed.
What is asked of the engine is told that there is none, which is no failure of the route.
"""

import asyncio
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from app.api.description import describe
from app.api.limits import Limits
from app.api.scopes import Scope
from tests.api_client import Api, make_key
from tests.api_seed import seed
from tests.conftest import Served
from tests.patience import PATIENCE_S

NUM_CASES = 6
ASKS_THE_ENGINE = ("/v1/answers", "/v1/chat/completions", "/v1/responses", "/v1/triage")
OPERATIONS = [
    found.ok()
    for found in schemathesis.openapi.from_dict(describe()).get_all_operations()
    if isinstance(found, Ok)
]


@pytest.fixture
def store() -> str:
    return "sqlite"


@pytest.mark.parametrize("mode", GenerationMode)
async def test_no_request_is_a_server_error(served: Served, mode: GenerationMode) -> None:
    served.parts.api_limits = Limits(per_s=100_000, burst=100_000)
    ids = await seed(Api(served.parts, served.shop), served.shop)
    key = await make_key(served.parts, served.shop, Scope.ADMIN)
    failures: list[str] = []
    statuses: Counter[int] = Counter()

    def run() -> None:
        for operation in OPERATIONS:
            failures.extend(_try(operation, mode, served.http_url, key, ids, statuses))

    await asyncio.to_thread(run)

    assert failures == []
    assert len(OPERATIONS) == sum(len(methods) for methods in describe()["paths"].values())
    assert statuses.total() > NUM_CASES * len(OPERATIONS) / 3
    assert statuses[422] > 10
    assert mode is not GenerationMode.POSITIVE or statuses[200] > 10
    assert served.parts.database.is_sqlite
    await served.parts.database.ping()


def _try(
    operation: Any,
    mode: GenerationMode,
    url: str,
    key: str,
    ids: dict[str, str],
    statuses: Counter[int],
) -> list[str]:
    failures: list[str] = []

    @settings(
        max_examples=NUM_CASES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Any) -> None:
        named = {name: ids[name] for name in case.path_parameters or {} if name in ids}
        case.path_parameters = dict(case.path_parameters or {}) | named
        answer = case.call(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE_S
        )
        statuses[answer.status_code] += 1
        if answer.status_code >= 500 and not _is_engine_missing(case.path, answer.status_code):
            failures.append(f"{operation.label}: {answer.status_code} {answer.text} {case.body!r}")

    try:
        attempt()
    except Unsatisfiable:  # nothing about this operation can be wrong
        assert not operation.body and not operation.query
    return failures


def _is_engine_missing(path: str, status: int) -> bool:
    asks = path.startswith(ASKS_THE_ENGINE) or path.endswith("/suggest")
    return status == 503 and asks
