"""Refunds: a payment given back whole, once, whatever happens on the way."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.models import Invoice
from compliance.models import EventRecord
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, IllegalTransition, Invalid, NotFound
from coverpay.kernel.money import Money
from payments import attempts, refunds
from payments.errands import SCHEDULE
from payments.gateways.base import NotSent, Outcome, RefundOrder, Status
from payments.gateways.sandbox import Sandbox
from payments.models import Payment, Refund
from payments.refunds import NotRefundable
from reconciliation.models import Break
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
GIVEN = Outcome(Status.SUCCEEDED, "sbx_re_1", amount=Money(535_900))
BACK = Outcome(Status.RETURNED, "sbx_ch_1", "R01", amount=Money(535_900))


@pytest.fixture
def payment(house: House) -> Payment:
    return books.paid(house, books.billed(house))


def asked(house: House, payment: Payment) -> Refund:
    return refunds.request(payment_id=payment.id, reason="wrong policy", actor=house.me)


def fresh(refund: Refund) -> tuple[str, str]:
    found = Refund.objects.select_related("payment").get(pk=refund.id)
    return found.state, found.payment.state


def later(hours: float = 1) -> None:
    clock.advance(dt.timedelta(hours=hours))
    refunds.sweep()


def test_a_refund_restores_every_balance_and_reopens_the_invoice(house: House) -> None:
    invoice = books.billed(house)
    before = books.trial_balance(house)
    refund = asked(house, books.paid(house, invoice))
    assert books.trial_balance(house) != before  # asking moves nothing yet
    refunds.sweep()
    assert fresh(refund) == ("succeeded", "refunded")
    assert books.trial_balance(house) == before
    assert Invoice.objects.get(pk=invoice.id).state == "open"
    assert EventRecord.objects.filter(type="payment.refunded").count() == 1
    assert differences(house) == []


def test_a_payment_is_refunded_once_and_only_after_it_succeeded(house: House, payment: Payment) -> None:
    refund = asked(house, payment)
    with pytest.raises(NotRefundable, match="on its way"):
        asked(house, payment)
    refunds.sweep()
    for other in (payment, books.paid(house, books.billed(house), "tok_decline_expired_card"),
                  books.paid(house, books.billed(house), "tok_pending_ok")):  # fmt: skip
        with pytest.raises(NotRefundable) as refused:
            asked(house, other)
        assert refused.value.field == "payment"
    assert Refund.objects.get().id == refund.id


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201, "a\x00"])
def test_a_refund_takes_a_reason(house: House, payment: Payment, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        refunds.request(payment_id=payment.id, reason=reason, actor=house.me)
    assert refused.value.field == "reason"


def test_refunding_takes_the_permission_and_the_own_payment(house: House, payment: Payment) -> None:
    for actor, error in (
        (Actor("user", "u", house.operator.id, frozenset({Permission.PAYMENTS_READ})), Forbidden),
        (Actor("user", "u", house.carrier.id, frozenset(Permission)), NotFound),
    ):
        with pytest.raises(error):
            refunds.request(payment_id=payment.id, reason="x", actor=actor)


def test_a_worker_that_died_after_giving_back_is_found_by_the_sweep(
    house: House, payment: Payment, sandbox: Sandbox
) -> None:
    refund = asked(house, payment)
    order, _ = refunds._begin(refund_id=refund.id, actor=attempts.SWEEPER)
    assert order is not None
    sandbox.refund(order)
    later()
    assert fresh(refund) == ("succeeded", "refunded")


def test_a_worker_that_died_before_sending_is_found_too(house: House, payment: Payment) -> None:
    refund = asked(house, payment)
    refunds._begin(refund_id=refund.id, actor=attempts.SWEEPER)
    later()
    assert fresh(refund) == ("planned", "succeeded")
    later()
    assert fresh(refund) == ("succeeded", "refunded")
    assert refunds.sweep() == 0


def test_an_unreachable_gateway_is_tried_again_and_given_up_and_the_payment_stands(
    house: House, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: Sandbox, order: RefundOrder) -> Outcome:
        raise NotSent("refused")

    monkeypatch.setattr(Sandbox, "refund", away)
    refund = asked(house, payment)
    for _ in range(SCHEDULE.submits):
        later(24)
    assert fresh(refund) == ("declined", "succeeded")
    assert Refund.objects.get(pk=refund.id).outcome_code == "gateway_unreachable"
    monkeypatch.undo()
    assert asked(house, payment).state == "planned"


def test_a_refund_nobody_answers_for_is_asked_about_less_and_less_often_and_then_by_a_person(
    house: House, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sandbox, "refund", lambda *_: Outcome(Status.UNKNOWN, code="timeout"))
    monkeypatch.setattr(Sandbox, "fetch", lambda *_: Outcome(Status.UNKNOWN))
    refund = asked(house, payment)
    asked_at = set()
    for _ in range(7 * 24):
        later()
        asked_at.add(Refund.objects.get(pk=refund.id).next_check_at)
    assert fresh(refund) == ("unknown", "succeeded")
    left = Refund.objects.get(pk=refund.id)
    assert (left.check_count, left.next_check_at) == (len(SCHEDULE.checks) + 1, None)
    assert len(asked_at) == 1 + len(SCHEDULE.checks) + 1  # sent, asked in ever longer turns, given up
    told = EventRecord.objects.filter(type="refund.needs_review")
    assert [event.data["refund"] for event in told] == [refund.id]


def test_a_refund_that_the_processor_calls_pending_is_waited_for(
    house: House, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sandbox, "refund", lambda *_: Outcome(Status.UNKNOWN, code="timeout"))
    monkeypatch.setattr(Sandbox, "fetch", lambda *_: Outcome(Status.PENDING))
    refund = asked(house, payment)
    for _ in range(30):
        later(13)
    assert fresh(refund) == ("unknown", "succeeded")
    assert Refund.objects.get(pk=refund.id).next_check_at is not None
    monkeypatch.undo()
    later(13)
    assert fresh(refund)[0] == "planned"  # the sandbox never heard of it


def test_a_payment_returned_before_its_refund_was_sent_is_not_given_back_twice(
    house: House, payment: Payment, sandbox: Sandbox
) -> None:
    refund = asked(house, payment)
    attempts.record_outcome(attempt_id=payment.attempts.get().id, outcome=BACK, actor=attempts.SWEEPER)
    refunds.sweep()
    assert fresh(refund) == ("declined", "returned")
    assert Refund.objects.get(pk=refund.id).outcome_code == "payment_returned"
    assert sandbox.fetch(house.account.merchant, refund.id).status is Status.NOT_FOUND
    assert not Break.objects.exists()
    assert differences(house) == []


def test_a_payment_returned_while_its_refund_was_out_is_a_break_and_no_crash(house: House, payment: Payment) -> None:
    before = books.balance(house, "processor_clearing")
    refund = asked(house, payment)
    refunds._begin(refund_id=refund.id, actor=attempts.SWEEPER)
    attempts.record_outcome(attempt_id=payment.attempts.get().id, outcome=BACK, actor=attempts.SWEEPER)
    for _ in range(2):
        refunds.record_outcome(refund_id=refund.id, outcome=GIVEN, actor=attempts.SWEEPER)
    assert fresh(refund) == ("succeeded", "returned")
    found = Break.objects.get()
    assert (found.kind, found.subject_id, found.difference_minor) == ("gateway_contradicts", refund.id, -535_900)
    assert books.balance(house, "processor_clearing") == before - 535_900
    assert differences(house) == []


def test_a_refund_declined_because_the_bank_was_first_is_no_break(house: House, payment: Payment) -> None:
    refund = asked(house, payment)
    refunds._begin(refund_id=refund.id, actor=attempts.SWEEPER)
    attempts.record_outcome(attempt_id=payment.attempts.get().id, outcome=BACK, actor=attempts.SWEEPER)
    refused = Outcome(Status.DECLINED, code="refund_exceeds_charge")
    refunds.record_outcome(refund_id=refund.id, outcome=refused, actor=attempts.SWEEPER)
    assert fresh(refund) == ("declined", "returned")
    assert not Break.objects.exists()


def test_another_amount_given_back_is_unknown_plus_a_break_until_a_person_decides(
    house: House, payment: Payment
) -> None:
    refund = asked(house, payment)
    refunds._begin(refund_id=refund.id, actor=attempts.SWEEPER)
    odd = Outcome(Status.SUCCEEDED, amount=Money(535_000))
    refunds.record_outcome(refund_id=refund.id, outcome=odd, actor=attempts.SWEEPER)
    assert fresh(refund) == ("unknown", "succeeded")
    assert (Break.objects.get().kind, Break.objects.get().difference_minor) == ("gateway_amount", -900)
    refunds.resolve(refund_id=refund.id, given=True, reason="the rest was sent by hand", actor=house.me)
    assert fresh(refund) == ("succeeded", "refunded")
    assert Break.objects.get().state == "closed"
    assert differences(house) == []


def test_only_an_unknown_refund_is_decided_by_a_person_with_a_reason(house: House, payment: Payment) -> None:
    refund = asked(house, payment)
    with pytest.raises(IllegalTransition):
        refunds.resolve(refund_id=refund.id, given=False, reason="x", actor=house.me)
    with pytest.raises(Invalid):
        refunds.resolve(refund_id=refund.id, given=False, reason=" ", actor=house.me)
    cashier = Actor("user", "u", house.operator.id, frozenset({Permission.PAYMENTS_WRITE}))
    with pytest.raises(Forbidden):
        refunds.resolve(refund_id=refund.id, given=False, reason="x", actor=cashier)


def test_late_news_that_contradicts_a_decided_refund_is_a_break(house: House, payment: Payment) -> None:
    refund = asked(house, payment)
    refunds._begin(refund_id=refund.id, actor=attempts.SWEEPER)
    lost = Outcome(Status.UNKNOWN, code="timeout")
    refunds.record_outcome(refund_id=refund.id, outcome=lost, actor=attempts.SWEEPER)
    refunds.resolve(refund_id=refund.id, given=False, reason="not in the portal", actor=house.me)
    for outcome in (lost, GIVEN, GIVEN):
        refunds.record_outcome(refund_id=refund.id, outcome=outcome, actor=attempts.SWEEPER)
    assert fresh(refund) == ("declined", "succeeded")
    assert (Break.objects.get().kind, Break.objects.get().difference_minor) == ("gateway_contradicts", -535_900)
    assert differences(house) == []
