"""A POST acts once: replayed, refused for another body, taken over after a crash, never carried out twice."""

from __future__ import annotations

import base64
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.client import encode_multipart

from compliance import identity
from compliance.models import ApiKey
from compliance.permissions import Permission
from coverpay.api import claims
from coverpay.api.models import IdempotentRequest
from coverpay.kernel import clock
from coverpay.kernel.errors import Busy
from tests.support import world
from tests.support.world import Api

pytestmark = pytest.mark.django_db

NEW = {"name": "once", "scopes": ["policies.read"], "days": 10}


def _made() -> int:
    return ApiKey.objects.filter(name="once").count()


@pytest.fixture
def api() -> Api:
    return world.api(world.organization())


def test_the_same_request_again_gets_the_first_answer_and_does_nothing(api: Api) -> None:
    first = api.post("api-keys", NEW, key="k1")
    again = api.post("api-keys", NEW, key="k1")
    assert (first.status_code, again.status_code, _made()) == (201, 201, 1)
    assert (first.content, first["Content-Type"]) == (again.content, again["Content-Type"])
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")


def test_a_secret_in_a_kept_answer_is_sealed(api: Api) -> None:
    token = api.post("api-keys", NEW, key="k1").json()["token"]
    row = IdempotentRequest.objects.get(key="k1")
    assert token not in str(vars(row))
    assert row.body_sealed.startswith("v1.")


@pytest.mark.parametrize("change", [{"name": "twice"}, {"days": 11}])
def test_the_same_key_with_another_body_is_refused(api: Api, change: dict[str, Any]) -> None:
    api.post("api-keys", NEW, key="k1")
    other = api.post("api-keys", {**NEW, **change}, key="k1")
    assert (other.status_code, other.json()["code"], _made()) == (409, "idempotency_key_reused", 1)


def test_the_same_key_at_another_address_is_refused(api: Api) -> None:
    api.post("api-keys", NEW, key="k1")
    assert api.post("webhook-endpoints", NEW, key="k1").json()["code"] == "idempotency_key_reused"
    assert api.post("api-keys?x=1", NEW, key="k1").json()["code"] == "idempotency_key_reused"


def test_two_holders_may_choose_the_same_key(api: Api) -> None:
    other = world.api(world.organization())
    assert [api.post("api-keys", NEW, key="k1").status_code, other.post("api-keys", NEW, key="k1").status_code] == [
        201,
        201,
    ]


def test_a_refusal_is_kept_and_replayed_too(api: Api) -> None:
    first = api.post("api-keys", {**NEW, "days": 9999}, key="k1")
    again = api.post("api-keys", {**NEW, "days": 9999}, key="k1")
    assert (first.status_code, again.content, again["Idempotency-Replayed"]) == (422, first.content, "true")
    assert again["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("error", [Busy("Wait."), RuntimeError("boom")])
def test_after_busy_or_a_fault_the_same_key_works(api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(**_: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(identity, "issue_api_key", fail)
        assert api.post("api-keys", NEW, key="k1").status_code in (500, 503)
    assert not IdempotentRequest.objects.exists()
    assert (api.post("api-keys", NEW, key="k1").status_code, _made()) == (201, 1)


@pytest.mark.parametrize("key", [None, "", "x" * 256, "tab\there", "naïve"])
def test_a_missing_or_odd_key_is_refused_by_the_name_of_the_header(api: Api, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = api.client.post("/v1/api-keys", NEW, format="json", headers=headers)
    assert (answer.status_code, answer.json()["field"], _made()) == (400, "Idempotency-Key", 0)


def test_requests_of_strangers_are_never_kept() -> None:
    assert Api().post("api-keys", NEW, key="k1").status_code == 401
    assert Api("key_x.y").post("api-keys", NEW, key="k1").status_code == 401
    assert not IdempotentRequest.objects.exists()


def test_a_claim_in_progress_answers_409_and_when_to_ask_again(api: Api) -> None:
    api.post("api-keys", NEW, key="k1")
    IdempotentRequest.objects.update(answered_at=None, carried_out_at=None)
    answer = api.post("api-keys", NEW, key="k1")
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (409, "request_in_progress", "1")


def test_a_claim_whose_process_died_before_acting_is_taken_over_after_the_lease(api: Api, settings: Any) -> None:
    api.post("api-keys", {**NEW, "days": 9999}, key="k1")
    IdempotentRequest.objects.update(answered_at=None)
    with clock.frozen(clock.now() + dt.timedelta(seconds=settings.IDEMPOTENCY_LEASE_SECONDS + 1)):
        answer = api.post("api-keys", {**NEW, "days": 9999}, key="k1")
    assert (answer.status_code, answer.get("Idempotency-Replayed")) == (422, None)
    assert IdempotentRequest.objects.get().answered_at is not None


def test_what_was_carried_out_before_the_process_died_is_never_carried_out_again(api: Api) -> None:
    key_id = api.post("api-keys", NEW, key="k1").json()["id"]
    IdempotentRequest.objects.update(answered_at=None)
    with clock.frozen(clock.now() + dt.timedelta(hours=1)):
        answer = api.post("api-keys", NEW, key="k1")
    assert (answer.status_code, answer.json()["code"], _made()) == (409, "answer_lost", 1)
    assert answer.json()["object_id"] == key_id


def test_an_answer_nobody_can_unseal_any_more_is_lost_and_nothing_is_done_again(api: Api, settings: Any) -> None:
    key_id = api.post("api-keys", NEW, key="k1").json()["id"]
    settings.VAULT_KEYS = [base64.b64encode(b"k" * 32).decode()]
    answer = api.post("api-keys", NEW, key="k1")
    assert (answer.json()["code"], answer.json()["object_id"], _made()) == ("answer_lost", key_id, 1)


def test_a_fault_after_the_command_committed_does_not_give_the_key_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("compliance.api.IssuedKeyShown.to_representation", lambda *_: 1 / 0)
        assert api.post("api-keys", NEW, key="k1").status_code == 500
    assert (api.post("api-keys", NEW, key="k1").json()["code"], _made()) == ("request_in_progress", 1)


def test_a_process_that_lost_its_claim_commits_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = claims.claim

    def slow(**request: str) -> Any:
        mine = claim(**request)
        IdempotentRequest.objects.update(claim_token="someone else")
        return mine

    monkeypatch.setattr(claims, "claim", slow)
    answer = api.post("api-keys", NEW, key="k1")
    assert (answer.status_code, answer.json()["code"], _made()) == (409, "request_taken_over", 0)
    assert IdempotentRequest.objects.get().answered_at is None


def test_old_keys_are_forgotten_young_ones_kept(api: Api, settings: Any) -> None:
    api.post("api-keys", NEW, key="old")
    with clock.frozen(clock.now() + dt.timedelta(days=settings.IDEMPOTENCY_KEEP_DAYS, seconds=1)):
        api.post("api-keys", {**NEW, "name": "other"}, key="young")
        assert claims.forget_old() == 1
    assert IdempotentRequest.objects.get().key == "young"


def _upload(api: Api, boundary: str, content: bytes) -> Any:
    file = SimpleUploadedFile("book.csv", content, content_type="text/csv")
    body = encode_multipart(boundary, {"file": file})
    return api.client.generic(
        "POST",
        "/v1/policy-imports",
        body,
        content_type=f"multipart/form-data; boundary={boundary}",
        headers={"Idempotency-Key": "k1"},
    )


def test_a_file_sent_again_with_another_boundary_is_the_same_request(api: Api) -> None:
    first = _upload(api, "one", b"a,b\n1,2\n")
    again = _upload(api, "two", b"a,b\n1,2\n")
    other = _upload(api, "two", b"a,b\n1,3\n")
    assert first.status_code < 500
    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    assert other.json()["code"] == "idempotency_key_reused"


@pytest.mark.django_db(transaction=True)
def test_eight_threads_with_one_key_carry_it_out_once() -> None:
    token = world.token(world.organization(), Permission.ACCESS_WRITE, Permission.POLICIES_READ)

    def send(_: int) -> tuple[int, bytes]:
        try:
            answer = Api(token).post("api-keys", NEW, key="k1")
            return answer.status_code, answer.content
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert _made() == 1
    assert {status for status, _ in answers} <= {201, 409}
    assert len({body for status, body in answers if status == 201}) == 1
    assert send(0)[0] == 201
