"""Paying through the API, at once and again: one charge, whatever the callers do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from payments.gateways.sandbox import Sandbox
from payments.models import Attempt, Payment
from tests.support import books, world
from tests.support.books import House
from tests.support.database import at_once
from tests.support.world import Api


def _send(token: str, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
    answer = Api(token).post("payments", body, key=key)
    return answer.status_code, json.loads(answer.content)


@pytest.mark.django_db(transaction=True)
def test_eight_callers_paying_one_invoice_at_once_make_one_live_charge(house: House, sandbox: Sandbox) -> None:
    invoice, token = books.billed(house), world.token(house.operator)
    body = {"invoice": invoice.id, "method": "card", "token": "tok_ok"}
    answers = at_once(*[lambda number=number: _send(token, body, f"caller {number}") for number in range(8)])
    assert sorted(status for status, _ in answers) == [201] + [409] * 7
    assert {problem["code"] for status, problem in answers if status == 409} == {"payment_in_progress"}
    assert {problem["payment"] for status, problem in answers if status == 409} == {Payment.objects.get().id}
    assert Attempt.objects.filter(state__in=Attempt.LIVE).count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_caller_sending_one_request_eight_times_at_once_pays_once(house: House, sandbox: Sandbox) -> None:
    invoice, token = books.billed(house), world.token(house.operator)
    body = {"invoice": invoice.id, "method": "card", "token": "tok_ok"}
    answers = at_once(*[lambda: _send(token, body, "the same")] * 8)
    assert Payment.objects.count() == 1
    assert {found["code"] for status, found in answers if status == 409} <= {"request_in_progress"}
    assert {found["id"] for status, found in answers if status == 201} == {Payment.objects.get().id}
