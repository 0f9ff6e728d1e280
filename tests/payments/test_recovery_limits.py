"""What holds recovery back whatever the plan says: Nacha's and the networks' limits, and the day cover ends."""

from __future__ import annotations

import datetime as dt

import pytest

from billing import invoices, schedules
from billing.models import Invoice
from compliance.rules import decisions
from coverpay.kernel import clock
from payments import autopay, methods, recovery_actions, recovery_limits
from payments.gateways.base import Outcome, Status
from payments.models import Autopay, Mandate, Payment, PaymentMethod, RecoveryCase
from policies import cancellations
from policies.cancellations import CancellationRequest
from policies.models import Cancellation, Policy
from tests.support import books, late, paying, recovering
from tests.support.books import House
from tests.support.late import at, may
from tests.support.recovering import (
    RETRY,
    bounce,
    decline,
    failed,
    fresh,
    last_step,
    retry_of,
    returned,
    steps,
    until,
    work,
)
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def debited(house: House, invoice: Invoice) -> PaymentMethod:
    """A checking account of the insured, its mandate signed on paper, that the sandbox can debit."""
    account = paying.mandated(house, invoice.policy, given="paper", evidence="folder 7")
    methods.add_token(payment_method_id=account.id, account_id=house.account.id, token="tok_ok", actor=house.me)
    return account


def cancel_on(policy: Policy, day: dt.date, house: House) -> Cancellation:
    """Announce the end of cover for a day to come."""
    return cancellations.cancel(
        policy_id=policy.id, request=CancellationRequest(effective_on=day, method="pro_rata"), actor=house.me
    )


def test_a_returned_debit_is_presented_again_twice_and_never_a_third_time(house: House) -> None:
    """Each is the same amount, names the first entry, and comes 3 business-day-adjusted days after the return."""
    recovering.plan(house)
    case = returned(house)
    work()
    until("2026-02-05")
    bounce(retry_of(case))
    until("2026-02-09")
    bounce(retry_of(case))
    work()
    again = list(Payment.objects.filter(initiator="recovery").order_by("id"))
    assert [(one.represents_id, one.amount_minor) for one in again] == [(case.payment_id, 535_900)] * 2
    assert [step.split()[0] + " " + step.split()[2] for step in steps(case)] == [
        "message done", "retry done", "retry done", "retry skipped", "hand_over done",
    ]  # fmt: skip
    refused = case.steps.get(number=4)
    assert refused.result.startswith("Presented again 2 times; at most 2 within 180 days")
    assert "nacha-0075" in refused.result
    assert differences(house) == []


def test_a_debit_that_a_person_made_again_counts_too(house: House) -> None:
    recovering.plan(house)
    invoice = books.billed(house)
    returned(house, invoice)
    for _ in range(2):
        bounce(recovering.planned(house, invoice, method="ach"))
    case = RecoveryCase.objects.get(state="open")
    work()
    assert not Payment.objects.filter(initiator="recovery").exists()
    assert "Presented again 2 times" in case.steps.get(number=2).result
    with pytest.raises(recovery_actions.RetryNotAllowed) as refused:
        recovery_actions.retry_now(case_id=case.id, actor=house.me)
    assert refused.value.extra["citation"] == "Nacha Operating Rules Appendix Four"


def test_after_180_days_from_the_first_entry_nothing_is_presented_again(house: House) -> None:
    """2026-02-02 and 180 days are Saturday 2026-08-01; the last business day within is Friday 2026-07-31."""
    recovering.plan(house, soft=[{"do": "retry", "after": {"days": 120}}, {"do": "retry", "after": {"days": 120}}])
    case = returned(house)
    assert steps(case) == ["retry 06-02 planned"]
    until("2026-06-02")
    bounce(retry_of(case))
    assert steps(case)[-1] == "retry 07-31 planned"
    assert "180 days after the first entry of 2026-02-02" in last_step(case).why["rule"][-1]
    clock.advance(dt.timedelta(days=90))
    work()
    assert steps(case)[-1] == "retry 07-31 skipped"


def test_only_the_same_amount_is_presented_again(house: House) -> None:
    """1,000.00 of 5,359.00 came by card since."""
    recovering.plan(house)
    invoice = books.billed(house)
    case = returned(house, invoice)
    work()
    books.paid(house, invoice, amount_minor=100_000)
    until("2026-02-05")
    assert not Payment.objects.filter(initiator="recovery").exists()
    assert case.steps.get(number=2).result.startswith("Less than the 5,359.00 USD of the first entry is open")


@pytest.mark.parametrize("code", ["R05", "R07", "R10", "R29"])
def test_an_unauthorized_return_ends_mandate_and_autopay_and_is_never_tried_again(house: House, code: str) -> None:
    recovering.plan(house)
    invoice = books.billed(house)
    account = debited(house, invoice)
    autopay.enrol(policy_id=invoice.policy_id, payment_method_id=account.id, actor=house.me)
    case = returned(house, invoice, code, kept=account)
    work()
    account.refresh_from_db()
    assert (case.failure_class, account.state, account.state_reason[:3]) == ("hard", "blocked", code)
    assert not Mandate.objects.filter(payment_method=account, revoked_at__isnull=True).exists()
    assert not Autopay.objects.filter(ended_at__isnull=True).exists()
    assert case.steps.get(kind="fallback").result == "The payor has no other method that may be charged."
    until("2026-03-01")
    assert not Payment.objects.filter(initiator="recovery").exists()
    with pytest.raises(recovery_actions.RetryNotAllowed):
        recovery_actions.retry_now(case_id=case.id, actor=house.me)


def test_a_hard_decline_of_a_token_ends_the_enrolment_that_charges_it(house: House) -> None:
    recovering.plan(house)
    invoice = books.billed(house)
    autopay.enrol(policy_id=invoice.policy_id, method="card", token="tok_ok", actor=house.me)
    failed(house, invoice, "lost_card")
    assert not Autopay.objects.filter(ended_at__isnull=True).exists()


def test_fallback_charges_the_payors_other_method(house: House) -> None:
    recovering.plan(house)
    invoice = books.billed(house)
    account = debited(house, invoice)
    card = paying.card(house, invoice.policy.insured, token="tok_slow")
    paying.allow(house, card)
    case = returned(house, invoice, "R16", kept=account)
    work()
    payment = retry_of(case)
    assert (payment.payment_method_id, payment.method, payment.represents_id) == (card.id, "card", None)
    recovering.succeed(payment)
    assert fresh(case).state == "recovered"
    assert differences(house) == []


def test_mastercards_wait_is_kept(house: House) -> None:
    """Advice 02: 72 hours after Monday 15:00 UTC is Thursday 15:00, past 9 in New York (14:00): so Friday."""
    recovering.plan(house, soft=[{"do": "retry", "after": {"days": 1}}])
    payment = recovering.planned(house, books.billed(house), method="card")
    recovering.tell(payment, Outcome(Status.DECLINED, code="card_declined", network_code="51", advice="02"))
    case = RecoveryCase.objects.get()
    assert steps(case) == ["retry 02-06 planned"]
    with pytest.raises(recovery_actions.RetryNotAllowed) as refused:
        recovery_actions.retry_now(case_id=case.id, actor=house.me)
    assert "2026-02-05 15:00 UTC" in refused.value.message


def test_a_card_locked_out_by_advice_03_is_charged_by_no_other_case_for_30_days(house: House) -> None:
    """Advice 03 on 2026-02-02; another invoice's retry of the 12th waits until 30 days later, 2026-03-04."""
    recovering.plan(house, soft=[{"do": "retry", "after": {"days": 10}}])
    first = recovering.planned(house, books.billed(house), method="card")
    case = failed(house)
    recovering.tell(first, Outcome(Status.DECLINED, code="card_declined", advice="03"))
    until("2026-02-12")
    assert steps(case) == ["retry 03-04 planned"]
    assert "left alone for 30 days (Mastercard" in last_step(case).why["rule"][-1]
    until("2026-03-04")
    assert case.steps.get(number=1).state == "done"


def test_a_card_is_tried_again_fifteen_times_in_30_days_and_not_once_more(house: House) -> None:
    """The first and 14 more by hand are declined; the plan's retry is the fifteenth, the next one is refused."""
    recovering.plan(house, soft=[{"do": "retry", "after": {"hours": 1}}] * 3)
    invoice = books.billed(house)
    case = failed(house, invoice)
    for _ in range(14):
        decline(recovering.planned(house, invoice, method="card"))
    clock.advance(dt.timedelta(hours=2))
    work()
    decline(retry_of(case))
    work()
    assert Payment.objects.filter(invoice=invoice).count() == 16
    assert case.steps.get(number=2).result.startswith("Tried again 15 times in 30 days; the networks allow 15")


def test_a_retry_is_pulled_before_the_day_cover_ends(house: House) -> None:
    """Cover ends on Tuesday 2026-02-10: a card is charged until Monday, a debit until Friday (it settles on Monday)."""
    slow = [{"do": "retry", "after": {"days": 15}}]
    recovering.plan(house, soft=slow)
    for method, day, fails in (("card", "02-09", failed), ("ach", "02-06", returned)):
        invoice = books.billed(house)
        cancel_on(invoice.policy, dt.date(2026, 2, 10), house)
        case = fails(house, invoice)
        assert steps(case) == [f"retry {day} planned"], method
        assert "cover ends on 2026-02-10" in last_step(case).why["rule"][-1]


def test_an_end_announced_later_pulls_the_planned_retry_forward(house: House) -> None:
    recovering.plan(house, soft=[{"do": "retry", "after": {"days": 15}}])
    invoice = books.billed(house)
    case = failed(house, invoice)
    assert steps(case) == ["retry 02-17 planned"]
    cancel_on(invoice.policy, dt.date(2026, 2, 13), house)
    assert work() == 0
    assert steps(case) == ["retry 02-12 planned"]
    until("2026-02-12")
    assert retry_of(case).created_at.date() == dt.date(2026, 2, 12)


def test_a_worker_that_comes_after_cover_ended_charges_nothing(house: House) -> None:
    recovering.plan(house, soft=[RETRY, {"do": "hand_over"}])
    invoice = books.billed(house)
    case = failed(house, invoice)
    cancel_on(invoice.policy, dt.date(2026, 2, 6), house)
    clock.advance(dt.timedelta(days=4))
    work()
    assert not Payment.objects.filter(initiator="recovery").exists()
    assert case.steps.get(kind="retry").result.startswith("Too late: cover ends on 2026-02-06")
    assert fresh(case).state == "with_person"


def test_the_clock_of_a_notice_of_cancellation_counts_too(house: House) -> None:
    """DOMAIN.md's story: the notice of 05-06 names 05-19. A debit settles the next business day: 05-15, a Friday."""
    late.settle_rules(house)
    policy = late.policy(house)
    recovering.plan(house, soft=[{"do": "retry", "after": {"days": 20}}])
    invoice = Invoice.objects.get(policy=policy, due_on=late.DUE)
    with at(may(2)):
        case = returned(house, invoice)
    assert steps(case) == ["retry 05-22 planned"]
    late.noticed(policy, house)
    with at(may(7)):
        work()
    assert steps(case) == ["retry 05-15 planned"]
    with at(may(15)):
        work()
        recovering.succeed(retry_of(case))
    assert (late.followed(policy).state, late.is_pending(policy)) == ("cured", False)


def test_a_debit_needs_its_settlement_days_before_cover_ends() -> None:
    """Cover ends on Tuesday 2026-02-17, behind a long weekend: the money must be here on Friday the 13th."""
    end = recovery_limits.CoverEnd(dt.date(2026, 2, 17), "", "")
    assert recovery_limits.last_day(end, "card", 0) == dt.date(2026, 2, 16)
    assert recovery_limits.last_day(end, "ach", 1) == dt.date(2026, 2, 12)
    assert recovery_limits.last_day(end, "ach", 2) == dt.date(2026, 2, 11)


def bounced_with_fee(house: House) -> tuple[RecoveryCase, Invoice]:
    """A debit that was returned, with the plan's 25.00 for it billed on an invoice of its own."""
    schedules.publish_plan(
        code="bounce", name="Halves", effective_from=books.SINCE, actor=house.me,
        spec={"down_payment": {"percent": "50"}, "installments": [{"month": 6}], "nsf_fee": "25.00"},
    )  # fmt: skip
    decisions.decide(
        rule="returned_payment_fee_cap", jurisdiction="HI", line="general_commerce", value="25.00",
        reason="Read in the filing.", effective_from=books.SINCE, actor=house.me,
    )  # fmt: skip
    invoice = books.billed(house, plan="bounce")
    case = returned(house, invoice, "R01")
    return case, invoices.issue(policy_id=invoice.policy_id, actor=house.me)


def test_the_fee_for_a_return_never_rides_on_a_debit_that_is_presented_again(house: House) -> None:
    recovering.plan(house, fees="with_retry")
    case, fee = bounced_with_fee(house)
    assert fee.total_minor == 2_500
    work()
    until("2026-02-05")
    assert retry_of(case).amount_minor == 535_900


def test_the_fee_for_a_return_rides_on_a_charge_of_the_other_method_if_the_plan_says_so(house: House) -> None:
    """5,359.00 and the fee of 25.00."""
    soft = [{"do": "fallback", "after": {"days": 1}}]
    for fees, amount in (("with_retry", 538_400), ("separate", 535_900)):
        recovering.plan(house, fees=fees, soft=soft)
        case, fee = bounced_with_fee(house)
        card = paying.card(house, case.policy.insured, token=f"tok_{fees}")
        paying.allow(house, card)
        recovery_actions.take_back(case_id=case.id, actor=house.me)
        clock.advance(dt.timedelta(days=1))
        work()
        assert retry_of(case).amount_minor == amount, fees
        assert retry_of(case).parts.filter(invoice=fee).exists() is (fees == "with_retry")
