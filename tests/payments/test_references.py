"""Whose news it is, and what payouts hold besides charges: refunds by webhook, disputes, fees of the account."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coverpay import books as proof
from coverpay.kernel.money import Money
from payments import accounts, attempts, inbound, references, refunds, sandbox_webhooks
from payments.gateways.base import DisputeNews, DisputeStatus, News, Outcome, Status
from payments.models import Dispute, InboundEvent, Payment, PayoutLine, Refund
from payments.settlement import PayoutDoesNotTie
from reconciliation.models import Break
from tests.payments.test_settlement import line, record, report
from tests.support import books, disputed
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def heard(house: House, event: str, said: dict[str, Any]) -> InboundEvent:
    body = json.dumps(said)
    headers = sandbox_webhooks.signed(house.account, event, body)
    stored = inbound.receive(account_id=house.account.id, headers=headers, body=body.encode())
    assert stored is not None
    inbound.process(stored.id)
    return InboundEvent.objects.get(pk=stored.id)


def test_a_webhook_about_a_refund_decides_the_refund(house: House) -> None:
    refund = disputed.unknown_refund(house)
    charge = {"reference": refund.id, "gateway_reference": "sbx_re_1", "status": "succeeded", "code": "",
              "amount": 1_000, "currency": "USD"}  # fmt: skip
    assert heard(house, "evt_1", {"charge": charge}).state == "processed"
    assert Refund.objects.get().state == "succeeded"
    assert heard(house, "evt_2", {"charge": {**charge, "reference": "rfd_" + "0" * 26}}).state == "quarantined"
    assert differences(house) == []


def test_a_dispute_told_before_the_outcome_waits_for_it(house: House) -> None:
    payment = books.paid(house, books.billed(house), "tok_timeout_taken")
    attempt = payment.attempts.get()
    said = {
        "reference": attempt.id,
        "gateway_reference": "sbx_dp_1",
        "status": "needs_response",
        "amount": 535_900,
        "currency": "USD",
        "reason": "fraudulent",
        "withdrawn": 1,
        "due_at": "2026-03-01T00:00:00+00:00",
    }
    assert heard(house, "evt_1", {"dispute": said}).state == "received"
    attempts.resolve(attempt_id=attempt.id, taken=True, reason="portal", actor=house.me)
    inbound.sweep()
    assert InboundEvent.objects.get().state == "processed"
    assert (Dispute.objects.get().state, Payment.objects.get().state) == ("needs_response", "disputed")


def test_news_names_an_attempt_by_our_reference_or_by_the_processors_number_at_one_account(house: House) -> None:
    attempt = books.paid(house, books.billed(house)).attempts.get()
    other = accounts.open_account(gateway="sandbox", merchant="other", bank_account_id=house.bank.id, actor=house.me)
    number = attempt.gateway_reference
    outcome = Outcome(Status.SUCCEEDED, number)
    assert references.subject_of(house.account.id, News(attempt.id, outcome)) == attempt.id
    assert references.subject_of(house.account.id, News("", outcome)) == attempt.id
    dispute = DisputeNews("", "dp_1", DisputeStatus.LOST, Money(1), gateway_reference=number)
    assert references.subject_of(house.account.id, dispute) == attempt.id
    for account, reference, named in (
        (other.id, attempt.id, number), (other.id, "", number), (house.account.id, "att_" + "0" * 26, number),
        (house.account.id, "", ""), (house.account.id, "pay_1", number),
    ):  # fmt: skip
        assert references.subject_of(account, News(reference, Outcome(Status.SUCCEEDED, named))) is None


def test_what_a_dispute_takes_and_what_the_account_costs_is_in_payouts(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    disputed.dispute_of(house, payment)
    attempt = payment.attempts.get().id
    record(house, report(line("charge", attempt, 535_900, 15_571), line("dispute", attempt, -535_900, 1_500)))
    record(house, report(line("fee", "", 0, 2_500), reference="SBX2"))
    assert list(PayoutLine.objects.order_by("id").values_list("kind", "our_reference", "fee_minor")) == [
        ("charge", attempt, 15_571), ("dispute", attempt, 1_500), ("fee", "", 2_500),
    ]  # fmt: skip
    assert not Break.objects.exists()
    found = books.trial_balance(house)
    assert found["processor_fees", house.account.id] == 19_571
    assert found["trust_cash", house.bank.id] == -19_571
    assert ("processor_clearing", house.account.id) not in found
    assert proof.check(house.operator.id) == []


def test_a_fee_that_moves_money_besides_and_a_dispute_of_nobody_are_not_taken_for_granted(house: House) -> None:
    with pytest.raises(PayoutDoesNotTie, match="moves money besides"):
        record(house, report(line("fee", "", 100, 2_500)))
    record(house, report(line("dispute", "att_" + "0" * 26, -1_000, 1_500), reference="SBX2"))
    assert Break.objects.get().kind == "payout_unknown_charge"


def test_a_refund_that_came_back_after_it_was_given_is_a_break(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    refund = refunds.request(payment_id=payment.id, reason="too much", amount_minor=1_000, actor=house.me)
    refunds.submit(refund.id)
    refunds.record_outcome(refund_id=refund.id, outcome=Outcome(Status.RETURNED, code="R02"), actor=house.me)
    assert Break.objects.get().kind == "gateway_contradicts"
