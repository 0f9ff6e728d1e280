"""Autopay by a kept method: it takes a lasting mandate, falls back when the first is gone, and is shared by workers."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from compliance.models import AuditEntry, EventRecord
from coverpay.kernel import actors, clock
from coverpay.kernel.errors import Invalid
from payments import accounts, attempts, autopay, autopay_runs, mandates, methods
from payments.methods import MethodNotUsable
from payments.models import AchEntry, Attempt, Autopay, Payment, PaymentMethod, PaymentPart
from tests.support import books, paying
from tests.support.books import House
from tests.support.database import at_once

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 2, 2)
WORKER = actors.system("worker")


def card_of(house: House, invoice: Any, token: str = "tok_ok", **changes: Any) -> PaymentMethod:
    """A card of the invoice's insured with a standing mandate."""
    card = paying.card(house, invoice.policy.insured, token=token, **changes)
    paying.allow(house, card)
    return card


def enrolled(house: House, **more: Any) -> Any:
    """An invoice due 2026-01-31 of a policy whose card is enrolled."""
    invoice = books.billed(house)
    autopay.enrol(policy_id=invoice.policy_id, payment_method_id=card_of(house, invoice).id, actor=house.me, **more)
    return invoice


def test_an_enrolled_card_is_charged_where_its_token_is_with_all_that_is_told(house: House) -> None:
    invoice = enrolled(house)
    done = autopay.collect_due(house.operator.id, TODAY)
    payment = Payment.objects.get()
    part, attempt = PaymentPart.objects.get(), Attempt.objects.get()
    assert (done.amount_minor, payment.initiator, payment.method, payment.token) == (535_900, "autopay", "card", "")
    assert (part.payment_id, part.invoice_id, part.amount_minor, part.live) == (payment.id, invoice.id, 535_900, True)
    assert (attempt.account_id, attempt.routing["account"]) == (house.account.id, house.account.id)
    assert AuditEntry.objects.get(action="payment.create").after["payment_method"] == payment.payment_method_id
    assert EventRecord.objects.get(type="payment.created").data["payment"] == payment.id
    attempts.submit(attempt.id)
    payment.refresh_from_db()
    assert payment.state == "succeeded"
    assert len(books.charges(house)) == 1


def test_a_method_without_a_lasting_mandate_is_not_enrolled(house: House) -> None:
    policy = books.bound(house)
    card = paying.card(house, policy.insured)
    for _ in range(2):
        with pytest.raises(MethodNotUsable) as refused:
            autopay.enrol(policy_id=policy.id, payment_method_id=card.id, actor=house.me)
        assert (refused.value.extra["why"], refused.value.field) == ("no_mandate", "payment_method")
        paying.allow(house, card, recurring=False, policy_id=policy.id)
    assert not Autopay.objects.exists()


def test_an_account_that_is_still_being_validated_is_enrolled_and_collected_when_it_is(house: House) -> None:
    invoice = books.billed(house)
    account = paying.mandated(house, invoice.policy)
    autopay.enrol(policy_id=invoice.policy_id, payment_method_id=account.id, actor=house.me)
    failures = autopay.collect_due(house.operator.id, TODAY).failures
    assert [(failed[0], failed[1]) for failed in failures] == [(invoice.id, "method_not_usable")]
    assert not Payment.objects.exists()


def test_the_fallback_is_charged_once_when_the_first_has_expired(house: House) -> None:
    invoice = books.billed(house)
    first = card_of(house, invoice, exp_month=2, exp_year=2026)
    second = card_of(house, invoice, "tok_decline_do_not_honor")
    autopay.enrol(policy_id=invoice.policy_id, payment_method_id=first.id, fallback_id=second.id, actor=house.me)
    with clock.frozen(dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)):
        autopay.collect_due(house.operator.id, dt.date(2026, 3, 2))
        payment = Payment.objects.get()
        assert payment.payment_method_id == second.id
        attempts.submit(payment.attempts.get().id)
        assert Payment.objects.get().state == "failed"
        assert autopay.collect_due(house.operator.id, dt.date(2026, 3, 3)).payments == []


def test_a_blocked_method_hands_over_to_its_fallback(house: House) -> None:
    invoice = books.billed(house)
    first, second = card_of(house, invoice), card_of(house, invoice, "tok_other")
    autopay.enrol(policy_id=invoice.policy_id, payment_method_id=first.id, fallback_id=second.id, actor=house.me)
    methods.remove(payment_method_id=first.id, actor=house.me)
    assert Autopay.objects.get(ended_at__isnull=True).payment_method_id == second.id
    methods.remove(payment_method_id=second.id, actor=house.me)
    assert not Autopay.objects.filter(ended_at__isnull=True).exists()


def test_a_fallback_is_another_method_that_may_be_charged(house: House) -> None:
    invoice = books.billed(house)
    card, bare = card_of(house, invoice), paying.card(house, invoice.policy.insured, token="tok_other")
    for fallback, error in ((card, Invalid), (bare, MethodNotUsable)):
        with pytest.raises(error) as refused:
            autopay.enrol(
                policy_id=invoice.policy_id, payment_method_id=card.id, fallback_id=fallback.id, actor=house.me
            )
        assert refused.value.field == "fallback"


def test_a_revoked_mandate_stops_collecting(house: House) -> None:
    enrolled(house)
    mandates.revoke(
        mandate_id=mandates.standing_of(PaymentMethod.objects.get()).get().id, reason="asked", actor=house.me
    )
    assert [row[1] for row in autopay.collect_due(house.operator.id, TODAY).failures] == ["method_not_usable"]


def test_chunks_go_on_where_the_one_before_ended(house: House) -> None:
    invoices = [enrolled(house) for _ in range(3)]
    plan = {"organization_id": house.operator.id, "on": TODAY, "limit": 2, "actor": WORKER}
    first = autopay_runs.plan_due(**plan)
    second = autopay_runs.plan_due(**plan, after=first.after)
    third = autopay_runs.plan_due(**plan, after=second.after)
    assert (len(first.payments), len(second.payments), third.payments, third.over) == (2, 1, [], True)
    assert set(PaymentPart.objects.values_list("invoice_id", flat=True)) == {invoice.id for invoice in invoices}


@pytest.mark.django_db(transaction=True)
def test_workers_share_a_date_and_each_invoice_is_charged_once(house: House) -> None:
    for _ in range(7):
        enrolled(house)
    done = at_once(*[lambda: autopay.collect_due(house.operator.id, TODAY, chunk=2)] * 3)
    assert sum(len(part.payments) for part in done) == Payment.objects.count() == 7
    assert Payment.objects.values("invoice").distinct().count() == 7
    assert [failure for part in done for failure in part.failures] == []


def test_a_bank_account_is_debited_by_the_next_file_as_its_mandate_says(house: House) -> None:
    sender = paying.ach_account(house)
    rules = [{"when": {"method": ["ach"]}, "gateway": "nacha"}]
    accounts.publish_routing(rules=rules, effective_from=TODAY, actor=house.me)
    invoice = books.billed(house)
    account = paying.mandated(house, invoice.policy, given="paper", evidence="folder 7")
    autopay.enrol(policy_id=invoice.policy_id, payment_method_id=account.id, actor=house.me)
    assert len(autopay.collect_due(house.operator.id, TODAY).payments) == 1
    attempt = Attempt.objects.get()
    attempts.submit(attempt.id)
    entry = AchEntry.objects.get()
    assert (entry.account_id, entry.reference, entry.payment_method_id) == (sender.id, attempt.id, account.id)
    assert (entry.sec_code, entry.transaction_code, entry.amount_minor) == ("PPD", "27", 535_900)
    attempt.refresh_from_db()
    assert attempt.state == "pending"
