"""The OpenAPI document says what the API does, for every route."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from coverpay.api import schema
from tests.support import routes


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return schema.document()


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, operation) for path, ways in document["paths"].items() for method, operation in ways.items()]


def test_it_is_valid_openapi_without_a_warning(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))


def test_every_method_of_every_api_route_is_in_it(document: dict[str, Any]) -> None:
    known = sum(len(route.methods) for route in routes.every() if route.is_api)
    assert len(_operations(document)) == known > 60


def test_every_post_asks_for_an_idempotency_key_and_nothing_else_does(document: dict[str, Any]) -> None:
    for path, method, operation in _operations(document):
        headers = [part["name"] for part in operation.get("parameters", []) if part["in"] == "header"]
        assert headers == (["Idempotency-Key"] if method == "post" else []), f"{method} {path}"


def test_every_operation_tells_its_problems_and_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in _operations(document)]
    assert len(names) == len(set(names))
    for path, _, operation in _operations(document):
        problems = {
            status
            for status, answer in operation["responses"].items()
            if "application/problem+json" in answer.get("content", {})
        }
        assert {"401", "403"} <= problems
        assert ("404" in problems) == ("{id}" in path)


def test_it_is_served_as_json_and_kept_as_yaml(document: dict[str, Any]) -> None:
    answer = Client().get("/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")
    assert yaml.safe_load(schema.render())["paths"].keys() == answer.json()["paths"].keys() == document["paths"].keys()


def test_its_page_is_served_by_us_alone() -> None:
    answer = Client().get("/v1/docs/")
    policy = answer["Content-Security-Policy"]
    assert answer.status_code == 200
    assert "https://" not in answer.content.decode().replace("https://spec.openapis.org", "")
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in Client().get("/healthz")["Content-Security-Policy"]
