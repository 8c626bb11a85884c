"""The description of the API says what the routes do, and stands in the repository as it is."""

import json
from pathlib import Path
from typing import Any

from app.api.description import describe

FILE = Path(__file__).parents[3] / "docs" / "openapi.json"
OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    (f"{method.upper()} {path}", operation)
    for path, methods in describe()["paths"].items()
    for method, operation in methods.items()
]


def test_the_file_is_what_the_routes_say() -> None:
    known = json.loads(FILE.read_text(encoding="utf-8"))

    assert known == json.loads(json.dumps(describe())), "run: careline openapi docs/openapi.json"


def test_every_operation_says_what_it_does_and_who_may() -> None:
    assert describe()["openapi"] == "3.1.0"
    for name, operation in OPERATIONS:
        assert operation["summary"], name
        assert len(operation["description"]) > 10, name
        if "/inbound/" not in name:
            assert "Scope: `" in operation["description"], name
            assert operation["security"] == [{"ApiKey": []}], name


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, operation in OPERATIONS]

    assert sorted({one for one in names if names.count(one) > 1}) == []


def test_bodies_come_with_an_example_that_fits() -> None:
    schemas = describe()["components"]["schemas"]
    for name, operation in OPERATIONS:
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is None or not operation["requestBody"].get("required"):
            continue
        reference = body["schema"].get("$ref", "").rpartition("/")[2]
        shown = schemas.get(reference, {})
        has_fields = any("examples" in one for one in shown.get("properties", {}).values())
        assert "examples" in shown or has_fields or "examples" in body, name
