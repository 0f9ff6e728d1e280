"""Every refusal has the one shape, says which field, and is never a 500."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import HttpResponse
from django.test import RequestFactory
from django_fsm import TransitionNotAllowed

from compliance import identity
from coverpay.api import errors
from coverpay.api.errors import DomainErrorMiddleware
from coverpay.kernel.errors import Busy, DomainError, Forbidden, NotFound, RuleViolation
from tests.support import world
from tests.support.world import Api

pytestmark = pytest.mark.django_db

NEW = {"name": "importer", "scopes": ["policies.read"], "days": 10}


def _raised(monkeypatch: pytest.MonkeyPatch, error: Exception) -> HttpResponse:
    """Answer of a route whose command raises this."""

    def fail(**_: Any) -> None:
        raise error

    api = world.api(world.organization())
    monkeypatch.setattr(identity, "issue_api_key", fail)
    return api.post("api-keys", NEW)


def test_a_problem_names_itself_as_rfc_9457_asks() -> None:
    answer = world.api(world.organization()).get("api-keys/key_" + "0" * 26)
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem.pop("request_id") == answer["X-Request-ID"]
    assert problem == {
        "type": "urn:coverpay:problem:not_found",
        "title": "Not Found",
        "status": 404,
        "detail": f"No api key key_{'0' * 26}.",
        "code": "not_found",
        "field": "id",
    }


def test_what_a_rule_forbids_comes_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _raised(monkeypatch, RuleViolation("Too early.", citation="HRS §431:10-226.5", field="days"))
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, "rule_violation", "days")
    assert problem["citation"] == "HRS §431:10-226.5"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Busy("Wait."), 503, "busy"),
        (Forbidden("No."), 403, "forbidden"),
        (TransitionNotAllowed("no", object=None, method=None), 409, "illegal_transition"),
        (DomainError("Odd."), 400, "domain_error"),
    ],
)
def test_each_kind_of_refusal_has_its_status(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    answer = _raised(monkeypatch, error)
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)
    assert ("Retry-After" in answer) == (status == 503)


def test_a_race_for_a_unique_name_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    error, cause = IntegrityError("duplicate key"), Exception()
    cause.sqlstate = "23505"  # type: ignore[attr-defined]
    error.__cause__ = cause
    answer = _raised(monkeypatch, error)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")


def test_every_wrong_field_is_listed_with_its_code() -> None:
    answer = world.api(world.organization()).post("api-keys", {"name": "", "scopes": "all", "days": "soon"})
    assert answer.status_code == 422
    found = {(error["field"], error["code"]) for error in answer.json()["errors"]}
    assert found == {("name", "blank"), ("scopes", "not_a_list"), ("days", "invalid")}


def test_a_field_nobody_asked_for_is_refused_by_name() -> None:
    answer = world.api(world.organization()).post("api-keys", {**NEW, "organization": "org_x"})
    assert (answer.status_code, answer.json()["field"]) == (422, "organization")
    assert answer.json()["errors"][0]["code"] == "unknown_field"


@pytest.mark.parametrize("body", ["{", "[1]", '"x"', "null", "\x00", '{"a": NaN}', "{" * 2000])
def test_a_body_that_is_no_object_is_refused_not_a_fault(body: str) -> None:
    api = world.api(world.organization())
    headers = {"Idempotency-Key": "k"}
    answer = api.client.generic("POST", "/v1/api-keys", body, content_type="application/json", headers=headers)
    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"


def test_strangers_are_asked_for_a_key() -> None:
    answer = Api().get("policies")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="coverpay"'


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nowhere", 404, "not_found"),
        ("GET", "/v1/api-keys/key_nope", 404, "not_found"),
        ("GET", "/v1/api-keys/%00", 404, "not_found"),
        ("GET", "/v1/api-keys?limit=0", 422, "invalid"),
        ("GET", "/v1/api-keys?limit=x", 422, "invalid"),
        ("GET", "/v1/api-keys?after=x", 422, "invalid"),
        ("GET", "/v1/api-keys?stat=open", 422, "invalid"),
        ("GET", "/v1/events?type=%00", 422, "invalid"),
        ("DELETE", "/v1/api-keys", 405, "method_not_allowed"),
        ("POST", "/v1/event-types", 405, "method_not_allowed"),
        ("PUT", "/v1/api-keys", 405, "method_not_allowed"),
    ],
)
def test_odd_addresses_and_parameters_are_problems_too(method: str, path: str, status: int, code: str) -> None:
    answer = world.api(world.organization()).client.generic(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"


def test_a_body_larger_than_we_accept_is_a_413() -> None:
    api = world.api(world.organization())
    answer = api.post("api-keys", {**NEW, "name": "x" * 6_000_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_fault_of_ours_says_so_without_telling_how(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _raised(monkeypatch, RuntimeError("password=hunter2"))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.content.decode()


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("connection already closed")])
def test_a_database_that_is_away_is_a_503_that_may_be_sent_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    answer = _raised(monkeypatch, error)
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "5")


@pytest.mark.parametrize(
    ("error", "status"), [(NotFound("No such page."), 404), (Forbidden("Not <you>."), 403), (Busy("Later."), 503)]
)
def test_a_page_that_refuses_answers_with_an_error_page(error: DomainError, status: int) -> None:
    request = RequestFactory().get("/policies/")
    answer = DomainErrorMiddleware(lambda _: HttpResponse()).process_exception(request, error)
    assert answer is not None
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("text/html")
    assert "Not <you>" not in answer.content.decode()


def test_without_its_template_an_error_page_is_still_a_page(settings: Any) -> None:
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [], "APP_DIRS": False}]
    request = RequestFactory().get("/policies/")
    answer = DomainErrorMiddleware(lambda _: HttpResponse()).process_exception(request, NotFound("Gone <b>."))
    assert answer is not None
    assert (answer.status_code, "Gone &lt;b&gt;." in answer.content.decode()) == (404, True)


def test_errors_nobody_knows_are_left_to_be_faults() -> None:
    request = RequestFactory().get("/policies/")
    middleware = DomainErrorMiddleware(lambda _: HttpResponse())
    assert middleware.process_exception(request, ZeroDivisionError()) is None
    assert middleware.process_exception(request, IntegrityError("check")) is None
    assert errors.describe(KeyError("x")) is None


@pytest.mark.parametrize("given", ["x", "a b", "é" * 20, "a" * 65, "bad\nid-12345"])
def test_a_request_id_of_odd_shape_is_replaced(given: str) -> None:
    answer = Api().client.get("/healthz", HTTP_X_REQUEST_ID=given)
    assert answer["X-Request-ID"].startswith("req_")


def test_a_sane_request_id_is_carried_through() -> None:
    answer = Api().client.get("/v1/policies", HTTP_X_REQUEST_ID="trace-12345678")
    assert answer["X-Request-ID"] == answer.json()["request_id"] == "trace-12345678"
