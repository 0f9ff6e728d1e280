"""Disputes: money withdrawn and won back to the cent, news of every order, and an answer that is sent once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.models import Invoice
from compliance.models import EventRecord
from coverpay import books as proof
from coverpay.kernel import clock
from coverpay.kernel.errors import DomainError
from coverpay.kernel.money import Money
from payments import attempts, disputes, inbound, refunds, settlement
from payments.disputes import DisputeNotOpen
from payments.gateways.base import DisputeNews, DisputeStatus, NotSent
from payments.gateways.sandbox import Sandbox
from payments.models import Attempt, Dispute, InboundEvent, Payment, PayoutLine, Refund
from payments.refunds import NotRefundable
from reconciliation.models import Break
from tests.payments.test_parts import together
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
NEEDS, REVIEW, WON, LOST = DisputeStatus
EVIDENCE = {"explanation": "Cover was in force.\nThe insured drove on it.", "customer_name": "Aloha Foods"}


def tell(house: House, payment: Payment, status: DisputeStatus, **more: Any) -> Dispute | None:
    attempt = payment.attempts.get()
    said = {"amount": Money(attempt.taken_minor or attempt.amount_minor), "withdrawn": status is not WON, **more}
    news = DisputeNews(attempt.id, said.pop("dispute", "dp_1"), status, **said)
    return disputes.record_news(attempt_id=attempt.id, news=news, actor=house.me)


def stands(payment: Payment) -> tuple[str, str]:
    return Payment.objects.get(pk=payment.id).state, Dispute.objects.get().state


def ties(house: House) -> bool:
    return differences(house) == [] and proof.check(house.operator.id) == []


def test_withdrawn_money_reopens_the_invoice_and_what_is_won_covers_it_again(house: House) -> None:
    invoice = books.billed(house)
    payment = books.paid(house, invoice)
    paid = books.trial_balance(house)
    tell(house, payment, NEEDS)
    assert stands(payment) == ("disputed", "needs_response")
    assert Invoice.objects.get(pk=invoice.id).state == "open"
    assert books.balance(house, "processor_clearing") == 0
    assert ties(house)
    tell(house, payment, WON)
    assert stands(payment) == ("succeeded", "won")
    assert Invoice.objects.get(pk=invoice.id).state == "paid"
    assert books.trial_balance(house) == paid
    assert ties(house)


def test_what_is_lost_is_the_payors_for_good(house: House) -> None:
    payment = together(house, books.billed(house), books.billed(house), surcharge=10_000)
    for status in (NEEDS, REVIEW, LOST, LOST):
        tell(house, payment, status)
    assert stands(payment) == ("returned", "lost")
    assert set(Invoice.objects.values_list("state", flat=True)) == {"open"}
    assert ("fee_in_trust", house.operator.id) not in books.trial_balance(house)
    told = EventRecord.objects.filter(type__startswith="dispute.").order_by("id").values_list("type", flat=True)
    assert list(told) == ["dispute.opened", "dispute.withdrawn", "dispute.answered", "dispute.lost"]
    assert ties(house)


@pytest.mark.parametrize(
    ("news", "ends"),
    [((WON, NEEDS, REVIEW), ("succeeded", "won")), ((LOST, REVIEW, NEEDS, LOST), ("returned", "lost")),
     ((NEEDS, WON, NEEDS, WON), ("succeeded", "won")), ((REVIEW, NEEDS), ("disputed", "under_review")),
     ((NEEDS, WON, LOST), ("returned", "lost"))],
)  # fmt: skip
def test_repeated_and_out_of_order_news_is_harmless(
    house: House, news: tuple[DisputeStatus, ...], ends: tuple[str, str]
) -> None:
    payment = books.paid(house, books.billed(house))
    for status in news:
        tell(house, payment, status)
        assert ties(house)
    assert stands(payment) == ends
    assert not Break.objects.exists()


def test_won_after_it_was_lost_for_good_is_a_break(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    for status in (NEEDS, LOST, WON, WON):
        tell(house, payment, status)
    assert stands(payment) == ("returned", "lost")
    assert Break.objects.get().kind == "gateway_contradicts"
    assert ties(house)


def test_more_evidence_wanted_by_a_later_day_opens_it_again(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    first, later = clock.now() + dt.timedelta(days=7), clock.now() + dt.timedelta(days=30)
    tell(house, payment, NEEDS, evidence_due_at=first)
    tell(house, payment, REVIEW, evidence_due_at=first)
    tell(house, payment, NEEDS, evidence_due_at=later)
    assert (Dispute.objects.get().state, Dispute.objects.get().evidence_due_at) == ("needs_response", later)


def test_a_dispute_of_a_part_takes_that_part_and_the_payment_stands(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    tell(house, payment, NEEDS, amount=Money(100_000))
    assert stands(payment) == ("succeeded", "needs_response")
    assert books.balance(house, "premium_receivable") == 100_000
    assert refunds.refundable_minor(Payment.objects.get()) == 435_900
    assert ties(house)
    tell(house, payment, LOST, amount=Money(100_000))
    assert stands(payment) == ("succeeded", "lost")
    assert ties(house)


def test_an_inquiry_takes_no_money(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    tell(house, payment, NEEDS, withdrawn=False)
    assert stands(payment) == ("succeeded", "needs_response")
    assert books.balance(house, "premium_receivable") == 0
    assert ties(house)


def test_another_amount_than_before_is_a_break_and_changes_nothing(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    tell(house, payment, NEEDS)
    for _ in range(2):
        tell(house, payment, LOST, amount=Money(1))
    assert stands(payment) == ("disputed", "needs_response")
    assert Break.objects.get().kind == "gateway_amount"


def test_a_dispute_after_all_was_refunded_leaves_a_break_over_what_left_twice(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    refunds.submit(refunds.request(payment_id=payment.id, reason="agreed", actor=house.me).id)
    tell(house, payment, NEEDS)
    assert stands(payment) == ("refunded", "needs_response")
    assert Break.objects.get().difference_minor == -535_900
    assert books.balance(house, "unapplied_cash") == 535_900  # the payor owes it
    assert ties(house)


def test_a_disputed_payment_is_not_refunded_and_one_not_sent_yet_is_withdrawn(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    refund = refunds.request(payment_id=payment.id, reason="agreed", actor=house.me)
    tell(house, payment, NEEDS)
    refunds.submit(refund.id)
    assert Refund.objects.get().state == "declined"
    with pytest.raises(NotRefundable):
        refunds.request(payment_id=payment.id, reason="agreed", actor=house.me)
    assert ties(house)


def test_a_dispute_of_a_charge_nobody_knows_of_yet_waits_for_it(house: House) -> None:
    payment = books.paid(house, books.billed(house), "tok_timeout_taken")
    assert tell(house, payment, NEEDS) is None
    attempts.resolve(attempt_id=payment.attempts.get().id, taken=True, reason="portal", actor=house.me)
    assert tell(house, payment, NEEDS) is not None
    assert stands(payment) == ("disputed", "needs_response")


def hear_all(house: House) -> None:
    for headers, body in books.webhooks(house):
        inbound.receive(account_id=house.account.id, headers=headers, body=body)
    inbound.sweep()


def test_a_dispute_is_told_answered_won_and_paid_out(house: House, sandbox: Sandbox) -> None:
    payment = books.paid(house, books.billed(house), "tok_dispute_won")
    merchant = house.account.merchant
    sandbox.finish_pending(merchant)
    hear_all(house)
    assert stands(payment) == ("disputed", "needs_response")
    dispute = Dispute.objects.get()
    disputes.contest(dispute_id=dispute.id, evidence=EVIDENCE, actor=house.me)
    assert disputes.sweep() == 1
    assert disputes.sweep() == 0
    assert stands(payment) == ("disputed", "under_review")
    books.pay_out(house)
    sandbox.finish_pending(merchant)
    hear_all(house)
    assert stands(payment) == ("succeeded", "won")
    assert not InboundEvent.objects.exclude(state="processed").exists()
    books.pay_out(house)
    settlement.import_payouts(account_id=house.account.id, since=books.SINCE, actor=house.me)
    lines = PayoutLine.objects.order_by("id").values_list("kind", "gross_minor", "fee_minor")
    assert list(lines) == [
        ("charge", 535_900, 15_571), ("dispute", -535_900, 1_500), ("dispute_won", 535_900, 0),
    ]  # fmt: skip
    assert not Break.objects.exists()
    assert books.balance(house, "processor_clearing") == 0
    assert ties(house)


def test_giving_in_loses(house: House, sandbox: Sandbox) -> None:
    payment = books.paid(house, books.billed(house), "tok_dispute_lost")
    sandbox.finish_pending(house.account.merchant)
    hear_all(house)
    disputes.accept(dispute_id=Dispute.objects.get().id, reason="the insured is right", actor=house.me)
    disputes.sweep()
    hear_all(house)
    assert stands(payment) == ("returned", "lost")
    assert ties(house)


def test_an_answer_that_did_not_reach_the_processor_is_sent_again(
    house: House, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.paid(house, books.billed(house), "tok_dispute_won")
    sandbox.finish_pending(house.account.merchant)
    hear_all(house)
    disputes.contest(dispute_id=Dispute.objects.get().id, evidence=EVIDENCE, actor=house.me)
    with monkeypatch.context() as away:
        away.setattr(Sandbox, "contest", lambda *_, **__: (_ for _ in ()).throw(NotSent("refused")))
        disputes.sweep()
    assert Dispute.objects.get().evidence_sent_at is None
    clock.advance(dt.timedelta(minutes=2))
    disputes.sweep()
    assert Dispute.objects.get().state == "under_review"


@pytest.mark.parametrize(
    ("evidence", "code"),
    [({}, "invalid"), ({"explanation": "  "}, "invalid"), ({"excuse": "x"}, "invalid"),
     ({"explanation": "a\x00"}, "bad_text"), ({"explanation": "card 4242 4242 4242 4242"}, "card_number_refused")],
)  # fmt: skip
def test_evidence_that_cannot_be_sent_is_refused(house: House, evidence: dict[str, str], code: str) -> None:
    tell(house, books.paid(house, books.billed(house)), NEEDS)
    with pytest.raises(DomainError) as refused:
        disputes.contest(dispute_id=Dispute.objects.get().id, evidence=evidence, actor=house.me)
    assert (refused.value.code, refused.value.field) == (code, "evidence")


def test_an_answer_is_given_once_and_only_in_time(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    tell(house, payment, NEEDS, evidence_due_at=clock.now() + dt.timedelta(days=7))
    dispute = Dispute.objects.get()
    disputes.contest(dispute_id=dispute.id, evidence=EVIDENCE, actor=house.me)
    with pytest.raises(DisputeNotOpen, match="being answered"):
        disputes.accept(dispute_id=dispute.id, reason="no", actor=house.me)
    second = tell(house, books.paid(house, books.billed(house)), NEEDS, evidence_due_at=clock.now())
    assert second is not None
    clock.advance(dt.timedelta(seconds=1))
    with pytest.raises(DisputeNotOpen, match="due by"):
        disputes.contest(dispute_id=second.id, evidence=EVIDENCE, actor=house.me)
    assert Attempt.objects.count() == 2
