"""Autopay: invoices are charged when they fall due, each once, whoever asks again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing import invoices
from compliance.models import EventRecord
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.card_numbers import CardNumberRefused
from coverpay.kernel.errors import Forbidden, NotFound
from payments import attempts, autopay, collection, routing
from payments.models import Autopay, Payment
from payments.routing import NoRoute
from tests.support import books, world
from tests.support.books import House
from tests.support.database import at_once

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 2, 2)


def enrolled(house: House, token: str = "tok_ok", **changes: Any) -> Any:
    """An invoice due 2026-01-31 of a policy with autopay."""
    invoice = books.billed(house, **changes)
    autopay.enrol(policy_id=invoice.policy_id, method="card", token=token, actor=house.me)
    return invoice


def test_what_is_due_is_planned_once_for_all_that_is_open(house: House) -> None:
    invoice = enrolled(house)
    books.billed(house)  # not enrolled
    done = autopay.collect_due(house.operator.id, TODAY)
    payment = Payment.objects.get()
    assert (done.payments, done.amount_minor, done.failures) == ([payment.id], 535_900, [])
    assert (payment.invoice_id, payment.token, payment.method) == (invoice.id, "tok_ok", "card")
    assert autopay.collect_due(house.operator.id, TODAY).payments == []


def test_nothing_is_charged_before_its_due_date_or_for_another_organization(house: House) -> None:
    enrolled(house)
    assert autopay.collect_due(house.operator.id, dt.date(2026, 1, 30)).payments == []
    assert autopay.collect_due(house.carrier.id, TODAY).payments == []


def test_a_declined_charge_is_not_tried_again_until_another_method_is_enrolled(house: House) -> None:
    invoice = enrolled(house, "tok_decline_expired_card")
    autopay.collect_due(house.operator.id, TODAY)
    payment = Payment.objects.get()
    attempts.submit(payment.attempts.get().id)
    assert Payment.objects.get().state == "failed"
    assert autopay.collect_due(house.operator.id, TODAY + dt.timedelta(days=30)).payments == []
    autopay.enrol(policy_id=invoice.policy_id, method="card", token="tok_ok", actor=house.me)
    assert len(autopay.collect_due(house.operator.id, TODAY).payments) == 1


def test_an_invoice_someone_pays_by_hand_is_left_alone(house: House) -> None:
    invoice = enrolled(house)
    books.collecting(house, invoice, "tok_pending_ok")
    assert autopay.collect_due(house.operator.id, TODAY).payments == []
    books.paid(house, enrolled(house), "tok_ok")
    assert autopay.collect_due(house.operator.id, TODAY).payments == []


def test_each_invoice_of_a_policy_is_charged_on_its_own(house: House) -> None:
    invoice = enrolled(house)
    with clock.frozen(dt.datetime(2026, 8, 1, tzinfo=dt.UTC)):
        invoices.issue(policy_id=invoice.policy_id, actor=house.me)
        done = autopay.collect_due(house.operator.id, dt.date(2026, 8, 1))
    assert (len(done.payments), done.amount_minor) == (2, 1_071_800)


def test_what_cannot_be_routed_is_reported_and_the_others_go_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = enrolled(house), enrolled(house, "tok_of_another_day")
    real = routing.choose

    def choose(rules: Any, table: str, request: Any, candidates: Any) -> Any:
        if request.reference not in Payment.objects.values_list("id", flat=True) and first.id in asked:
            raise NoRoute("No way there.")
        return real(rules, table, request, candidates)

    asked: list[str] = []
    open_minor_of = collection.open_minor_of

    def watched(invoices: Any) -> Any:
        asked[:] = [invoice.id for invoice in invoices][:1]
        return open_minor_of(invoices)

    monkeypatch.setattr(collection, "open_minor_of", watched)
    monkeypatch.setattr(routing, "choose", choose)
    done = autopay.collect_due(house.operator.id, TODAY, chunk=1)
    assert done.failures == [(first.id, "no_route", "No way there.")]
    assert Payment.objects.get().invoice_id == second.id


def test_one_method_a_policy_and_the_same_again_is_the_one_that_stands(house: House) -> None:
    policy = books.bound(house)
    first = autopay.enrol(policy_id=policy.id, method="card", token="tok_ok", actor=house.me)
    assert autopay.enrol(policy_id=policy.id, method="card", token=" tok_ok ", actor=house.me).id == first.id
    second = autopay.enrol(policy_id=policy.id, method="ach", token="tok_ok", actor=house.me)
    assert [row.id for row in Autopay.objects.filter(ended_at=None)] == [second.id]
    told = EventRecord.objects.filter(type__startswith="autopay.").order_by("id").values_list("type", flat=True)
    assert list(told) == ["autopay.enrolled", "autopay.ended", "autopay.enrolled"]


def test_an_ended_autopay_collects_nothing_and_ends_once(house: House) -> None:
    invoice = enrolled(house)
    standing = Autopay.objects.get(policy_id=invoice.policy_id)
    autopay.end(autopay_id=standing.id, reason="asked to", actor=house.me)
    assert autopay.collect_due(house.operator.id, TODAY).payments == []
    with pytest.raises(autopay.AutopayEnded):
        autopay.end(autopay_id=standing.id, reason="again", actor=house.me)


def test_a_card_number_is_refused_and_kept_nowhere(house: House) -> None:
    policy = books.bound(house)
    with pytest.raises(CardNumberRefused):
        autopay.enrol(policy_id=policy.id, method="card", token="4242 4242 4242 4242", actor=house.me)
    assert not Autopay.objects.exists()


def test_enrolling_takes_the_permission_and_the_own_policy(house: House) -> None:
    policy = books.bound(house)
    for organization, permissions, error in (
        (house.operator.id, frozenset({Permission.PAYMENTS_READ}), Forbidden),
        (house.carrier.id, frozenset(Permission), NotFound),
    ):
        with pytest.raises(error):
            actor = Actor("user", "u", organization, permissions)
            autopay.enrol(policy_id=policy.id, method="card", token="tok_ok", actor=actor)


def test_the_api_enrols_lists_and_ends(house: House) -> None:
    policy = books.bound(house)
    api = world.api(house.operator)
    made = api.post("autopays", {"policy": policy.id, "method": "ach", "token": "tok_ok"})
    assert made.status_code == 201, made.content
    assert "token" not in made.json()
    assert [row["id"] for row in api.get("autopays", policy=policy.id).json()["data"]] == [made.json()["id"]]
    ended = api.post(f"autopays/{made.json()['id']}/end", {"reason": "moved"})
    assert (ended.status_code, bool(ended.json()["ended_at"])) == (200, True)
    refused = api.post("autopays", {"policy": policy.id, "method": "card", "token": "4242424242424242"})
    assert (refused.status_code, refused.json()["code"]) == (422, "card_number_refused")


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_charge_once(house: House) -> None:
    enrolled(house)
    at_once(*[lambda: autopay.collect_due(house.operator.id, TODAY)] * 4)
    assert Payment.objects.count() == 1
