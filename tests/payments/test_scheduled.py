"""Scheduled payments: charged once on their day, taken back in time, and refused for good with the reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from compliance.models import EventRecord
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import DomainError, Forbidden, IllegalTransition, Invalid, NotFound
from payments import attempts, methods, scheduled
from payments.collection import AmountAboveOpen, NothingOwed
from payments.methods import MethodNotUsable
from payments.models import Payment, PaymentMethod, ScheduledPayment
from payments.scheduled import AlreadyScheduled
from tests.support import books, paying
from tests.support.books import House
from tests.support.database import at_once

pytestmark = pytest.mark.django_db
DAY = dt.date(2026, 2, 10)


def card_for(house: House, invoice: Any, **changes: Any) -> PaymentMethod:
    card = paying.card(house, invoice.policy.insured, **changes)
    paying.allow(house, card)
    return card


def planned(house: House, **changes: Any) -> ScheduledPayment:
    """The first invoice of a new policy, scheduled for 2026-02-10."""
    invoice = changes.pop("invoice", None) or books.billed(house)
    card = changes.pop("card", None) or card_for(house, invoice)
    asked = {"invoice_id": invoice.id, "payment_method_id": card.id, "collect_on": DAY, "actor": house.me}
    return scheduled.schedule(**{**asked, **changes})


def on(house: House, day: dt.date = DAY) -> int:
    with clock.frozen(dt.datetime.combine(day, dt.time(12), dt.UTC)):
        return scheduled.collect_due(house.operator.id, day)


def test_it_is_charged_once_on_its_day_for_all_that_is_open(house: House) -> None:
    row = planned(house)
    assert on(house, dt.date(2026, 2, 9)) == 0
    assert (on(house), on(house)) == (1, 0)
    row.refresh_from_db()
    payment = Payment.objects.get()
    assert (row.state, row.payment_id, payment.amount_minor) == ("collected", payment.id, 535_900)
    assert (payment.initiator, payment.payment_method_id) == ("schedule", row.payment_method_id)
    told = EventRecord.objects.filter(type__startswith="scheduled_payment.").order_by("id")
    assert [event.type for event in told] == ["scheduled_payment.planned", "scheduled_payment.collected"]


def test_a_part_is_charged_and_no_more_than_is_still_open(house: House) -> None:
    invoice = books.billed(house)
    planned(house, invoice=invoice, amount_minor=100_000)
    books.paid(house, invoice, amount_minor=500_000)  # 35,900 are left
    assert on(house) == 1
    assert Payment.objects.get(initiator="schedule").amount_minor == 35_900


def test_what_is_paid_by_the_day_is_refused_with_the_reason(house: House) -> None:
    row = planned(house)
    books.paid(house, row.invoice)
    assert on(house) == 0
    row.refresh_from_db()
    assert row.state == "refused" and row.result.startswith("nothing_owed: ")


def test_a_method_that_is_gone_by_the_day_is_refused_and_the_others_go_on(house: House) -> None:
    first, second = planned(house), planned(house)
    methods.remove(payment_method_id=first.payment_method_id, actor=house.me)
    assert on(house) == 1
    first.refresh_from_db()
    assert first.state == "refused" and first.result.startswith("method_not_usable: ")
    assert Payment.objects.get().invoice_id == second.invoice_id


def test_it_waits_while_another_payment_is_on_its_way(house: House) -> None:
    row = planned(house)
    books.collecting(house, row.invoice, "tok_decline_do_not_honor")
    assert on(house) == 0
    attempts.sweep()
    assert on(house, DAY + dt.timedelta(days=1)) == 1


def test_one_an_invoice_and_the_same_again_is_the_one_that_stands(house: House) -> None:
    row = planned(house)
    same = {"invoice": row.invoice, "card": row.payment_method}
    assert planned(house, **same).id == row.id
    with pytest.raises(AlreadyScheduled):
        planned(house, **same, collect_on=dt.date(2026, 2, 11))
    scheduled.withdraw(scheduled_id=row.id, reason="pays by check", actor=house.me)
    assert planned(house, **same, collect_on=dt.date(2026, 2, 11)).id != row.id
    with pytest.raises(IllegalTransition):
        scheduled.withdraw(scheduled_id=row.id, reason="again", actor=house.me)
    assert on(house) == 0


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"collect_on": dt.date(2026, 2, 1)}, Invalid, "collect_on"),
        ({"collect_on": dt.date(2027, 2, 4)}, Invalid, "collect_on"),
        ({"amount_minor": 0}, Invalid, "amount_minor"),
        ({"amount_minor": 535_901}, AmountAboveOpen, "amount_minor"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(house: House, changes: Any, error: Any, field: str) -> None:
    with pytest.raises(error) as refused:
        planned(house, **changes)
    assert refused.value.field == field
    assert not ScheduledPayment.objects.exists()


def test_what_is_paid_or_expires_before_the_day_is_not_scheduled(house: House) -> None:
    invoice = books.billed(house)
    card = card_for(house, invoice, exp_month=1, exp_year=2026)
    with pytest.raises(MethodNotUsable):
        planned(house, invoice=invoice, card=card)
    books.paid(house, invoice)
    with pytest.raises(NothingOwed):
        planned(house, invoice=invoice)


def test_scheduling_takes_the_permission_and_the_own_invoice(house: House) -> None:
    row = planned(house)
    cases: list[tuple[str, frozenset[Permission], type[DomainError]]] = [
        (house.operator.id, frozenset({Permission.PAYMENTS_READ}), Forbidden),
        (house.carrier.id, frozenset(Permission), NotFound),
    ]
    for organization, permissions, error in cases:
        with pytest.raises(error):
            scheduled.withdraw(scheduled_id=row.id, reason="x", actor=Actor("user", "u", organization, permissions))


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_charge_once(house: House) -> None:
    planned(house)
    with clock.frozen(dt.datetime(2026, 2, 10, 12, tzinfo=dt.UTC)):
        at_once(*[lambda: scheduled.collect_due(house.operator.id, DAY)] * 3)
    assert Payment.objects.count() == 1
