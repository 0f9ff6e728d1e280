"""Stories of payments that failed, from Monday 2026-02-02 on; times in New York, where the plan's day begins at 9."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db import IntegrityError, OperationalError, transaction

from billing import invoices, voids
from compliance.models import EventRecord
from coverpay.kernel.money import Money
from payments import collection, disputes, messages, recovery, recovery_steps, routes
from payments.collection import Wanted
from payments.gateways.base import DisputeNews, DisputeStatus, Outcome, Status
from payments.models import Message, Payment, RecoveryCase, RecoveryStep
from tests.support import books, recovering
from tests.support.books import House
from tests.support.recovering import decline, failed, fresh, retry_of, returned, steps, succeed, until, work
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def test_a_declined_card_is_followed_by_the_plan_and_says_why(house: House) -> None:
    plan = recovering.plan(house)
    case = failed(house)
    assert (case.state, case.failure_class, case.code, case.plan_id) == ("open", "soft", "insufficient_funds", plan.id)
    assert (case.amount_minor, case.currency) == (535_900, "USD")
    assert (case.why["fact"], case.why["max_retries"], case.why["window_days"]) == ("card-0001", 15, 30)
    assert steps(case) == ["message 02-02 planned"]
    assert EventRecord.objects.filter(type="recovery.opened", object_id=case.id).count() == 1


def test_the_whole_plan_day_by_day_when_every_retry_fails(house: House) -> None:
    """Thursday is 3 days after Monday; the next 3 days end on Sunday, so Monday; then Thursday."""
    recovering.plan(house)
    case = failed(house)
    work()
    assert steps(case) == ["message 02-02 done", "retry 02-05 planned"]
    for day, at in (("2026-02-05", "02-09"), ("2026-02-09", "02-12")):
        assert until(day) == 1
        decline(retry_of(case))
        assert steps(case)[-1] == f"retry {at} planned"
    until("2026-02-12")
    decline(retry_of(case))
    work()
    assert steps(case)[-2:] == ["retry 02-12 done", "hand_over 02-12 done"]
    assert (fresh(case).state, fresh(case).retries) == ("with_person", 3)
    assert Payment.objects.filter(initiator="recovery").count() == 3
    assert differences(house) == []


def test_a_retry_that_succeeds_wins_the_money_back(house: House) -> None:
    recovering.plan(house)
    case = failed(house)
    work()
    until("2026-02-05")
    succeed(retry_of(case))
    assert fresh(case).state == "recovered"
    assert fresh(case).result == f"Paid by {retry_of(case).id}, 5,359.00 USD."
    assert until("2026-03-01") == 0
    assert differences(house) == []


def test_the_payor_is_told_when_it_is_tried_again(house: House) -> None:
    recovering.plan(house)
    invoice = books.billed(house)
    invoice.policy.insured.email = "leilani@example.org"
    invoice.policy.insured.save()
    case = failed(house, invoice)
    work()
    message = Message.objects.get(subject_id=case.id)
    assert "5,359.00 USD" in message.body and "February 5, 2026" in message.body
    messages.sweep()
    assert [sent.to for sent in mail.outbox] == [["leilani@example.org"]]


def test_a_step_is_done_once_however_often_it_is_asked_for(house: House) -> None:
    recovering.plan(house)
    case = failed(house)
    work()
    row = recovering.last_step(case)
    recovery_steps.do(row.id)  # not due yet
    assert steps(case)[-1] == "retry 02-05 planned"
    until("2026-02-05")
    recovery_steps.do(row.id)
    work()
    assert Payment.objects.filter(initiator="recovery").count() == 1


def test_a_worker_that_comes_days_late_goes_on_from_there(house: House) -> None:
    """The retry of the 5th is made on Wednesday the 11th; 3 days later is a Saturday, and Monday is Presidents' Day."""
    recovering.plan(house)
    case = failed(house)
    work()
    until("2026-02-11")
    decline(retry_of(case))
    assert steps(case) == ["message 02-02 done", "retry 02-05 done", "retry 02-17 planned"]


def test_another_class_of_failure_begins_another_list(house: House) -> None:
    recovering.plan(house)
    case = failed(house)
    work()
    until("2026-02-05")
    decline(retry_of(case), "expired_card")
    assert (fresh(case).failure_class, fresh(case).state) == ("details", "open")
    assert steps(case)[-1] == "ask_details 02-05 planned"


def test_what_is_paid_in_another_way_meanwhile_is_not_charged(house: House) -> None:
    recovering.plan(house)
    invoice = books.billed(house)
    case = failed(house, invoice)
    work()
    books.paid(house, invoice)
    assert (fresh(case).state, fresh(case).result) == ("recovered", "Paid in another way.")
    until("2026-02-05")
    assert not Payment.objects.filter(initiator="recovery").exists()


def test_an_invoice_that_asks_for_nothing_any_more_stops_its_case(house: House) -> None:
    recovering.plan(house)
    invoice = books.billed(house)
    case = failed(house, invoice)
    work()
    voids.void(invoice_id=invoice.id, reason="Billed twice.", actor=house.me)
    work()
    assert (fresh(case).state, steps(case)[-1]) == ("stopped", "retry 02-05 skipped")


def test_money_that_came_and_is_returned_opens_the_case_again(house: House) -> None:
    recovering.plan(house)
    case = returned(house)
    work()
    until("2026-02-05")
    succeed(retry_of(case))
    assert fresh(case).state == "recovered"
    recovering.tell(retry_of(case), Outcome(Status.RETURNED, code="R01"))
    assert (fresh(case).state, fresh(case).code) == ("open", "R01")
    assert steps(case)[-1].startswith("retry") and steps(case)[-1].endswith("planned")


def test_without_a_plan_a_person_is_told_and_nothing_is_charged(house: House) -> None:
    case = failed(house)
    assert (case.state, case.result) == ("with_person", "No recovery plan is in force.")
    assert steps(case) == []


def test_a_code_nobody_knows_goes_to_a_person_at_once(house: House) -> None:
    recovering.plan(house)
    case = failed(house, code="brand_new_reason")
    work()
    assert (fresh(case).failure_class, fresh(case).state) == ("unknown", "with_person")


def test_an_invoice_has_one_running_case_also_when_another_payment_fails(house: House) -> None:
    recovering.plan(house)
    invoice = books.billed(house)
    case = failed(house, invoice)
    work()
    decline(recovering.planned(house, invoice, method="card"), "lost_card")
    assert RecoveryCase.objects.count() == 1
    assert steps(case)[-1] == "retry 02-05 planned"
    with pytest.raises(IntegrityError), transaction.atomic():
        RecoveryCase.objects.create(
            policy=case.policy, invoice=invoice, payment=Payment.objects.exclude(pk=case.payment_id).get(),
            attempt=case.attempt, gateway="sandbox", code="x", failure_class="soft", amount_minor=1, currency="USD",
        )  # fmt: skip


def test_a_payor_who_saw_the_decline_on_the_page_is_not_followed(house: House) -> None:
    recovering.plan(house)
    decline(recovering.planned(house, books.billed(house), method="card", initiator="payor"))
    assert not RecoveryCase.objects.exists()


def test_a_payment_of_the_payor_on_its_way_is_waited_for(house: House) -> None:
    recovering.plan(house)
    invoice = books.billed(house)
    case = failed(house, invoice)
    work()
    by_hand = recovering.planned(house, invoice, method="card")
    until("2026-02-05")
    assert steps(case)[-1] == "retry 02-06 planned"  # twelve hours later
    decline(by_hand)
    until("2026-02-06")
    assert retry_of(case).initiator == "recovery"


def test_a_retry_that_is_withdrawn_does_not_strand_its_case(house: House) -> None:
    recovering.plan(house)
    case = failed(house)
    work()
    until("2026-02-05")
    attempt = retry_of(case).attempts.get()
    recovering.tell(retry_of(case), Outcome(Status.VOIDED))
    attempt.refresh_from_db()
    assert attempt.state == "voided"
    work()
    assert steps(case)[-1] == "retry 02-09 planned"


def test_what_cannot_be_routed_is_passed_over_with_the_reason(house: House) -> None:
    recovering.plan(house)
    case = failed(house)
    work()
    routes.publish_routing(
        rules=[{"when": {"method": ["ach"]}, "gateway": "sandbox"}], effective_from=books.SINCE, actor=house.me
    )
    until("2026-02-05")
    row = RecoveryStep.objects.get(case=case, number=2)
    assert (row.state, row.payment_id) == ("skipped", None) and row.result
    assert steps(case)[-1] == "retry 02-09 planned"


def test_part_of_it_paid_meanwhile_lowers_what_a_card_is_charged(house: House) -> None:
    """5,359.00 failed; 1,000.00 came by another payment."""
    recovering.plan(house)
    invoice = books.billed(house)
    case = failed(house, invoice)
    work()
    books.paid(house, invoice, amount_minor=100_000)
    until("2026-02-05")
    assert retry_of(case).amount_minor == 435_900
    succeed(retry_of(case))
    assert fresh(case).state == "recovered"
    assert invoices.open_minor(invoice) == 0


def test_a_step_that_dies_half_way_leaves_nothing_and_is_done_by_the_next_sweep(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    recovering.plan(house)
    case = failed(house)
    work()
    real = recovery.done

    def dies(*args: object) -> None:
        raise OperationalError("killed")

    monkeypatch.setattr(recovery, "done", dies)
    with pytest.raises(OperationalError):
        until("2026-02-05")
    assert not Payment.objects.filter(initiator="recovery").exists()
    assert steps(case)[-1] == "retry 02-05 planned"
    monkeypatch.setattr(recovery, "done", real)
    work()
    assert Payment.objects.filter(initiator="recovery").count() == 1


def test_a_file_the_bank_did_not_take_is_no_entry_that_counts(house: House) -> None:
    """Rejected once, then returned: two re-presentments are still allowed, each naming the entry that was seen."""
    recovering.plan(house, gateway=[{"do": "retry", "after": {"hours": 4}}])
    payment = recovering.planned(house, books.billed(house), method="ach")
    decline(payment, "gateway_unreachable")
    case = RecoveryCase.objects.get()
    until("2026-02-03")
    seen = retry_of(case)
    assert seen.represents_id is None
    recovering.bounce(seen)
    work()
    until("2026-02-06")
    assert retry_of(case).represents_id == seen.id


def test_what_a_payor_disputes_is_not_charged_again(house: House) -> None:
    recovering.plan(house)
    payment = books.paid(house, books.billed(house))
    news = DisputeNews(
        payment.attempts.get().id, "dp_1", DisputeStatus.NEEDS_RESPONSE, Money(535_900), "fraudulent", withdrawn=True
    )
    disputes.record_news(attempt_id=news.reference, news=news, actor=house.me)
    case = RecoveryCase.objects.get()
    assert (case.failure_class, case.why["title"]) == ("hard", "The payor disputes it")
    until("2026-03-01")
    assert not Payment.objects.filter(initiator="recovery").exists()


def test_one_debit_for_two_policies_is_presented_again_as_one(house: House) -> None:
    recovering.plan(house)
    first, second = books.billed(house), books.billed(house)
    payment = collection.collect_many(
        items=[Wanted(first.id), Wanted(second.id)], method="ach", token="tok_ok", actor=house.me
    )
    recovering.bounce(payment)
    case = RecoveryCase.objects.get()
    work()
    until("2026-02-05")
    again = retry_of(case)
    assert (again.amount_minor, again.represents_id, again.parts.count()) == (1_071_800, payment.id, 2)
    succeed(again)
    assert fresh(case).state == "recovered"
    assert differences(house) == []


def test_a_plan_at_its_end_waits_for_the_money_alone(house: House) -> None:
    """Of two cases whose plan is over, one is paid by hand and the other's invoice is voided."""
    recovering.plan(house, soft=[{"do": "message", "template": "payment_failed"}])
    paid, voided = books.billed(house), books.billed(house)
    cases = [failed(house, paid), failed(house, voided)]
    work()
    assert [fresh(case).state for case in cases] == ["exhausted", "exhausted"]
    books.paid(house, paid)
    voids.void(invoice_id=voided.id, reason="Billed twice.", actor=house.me)
    work()
    assert [fresh(case).state for case in cases] == ["recovered", "exhausted"]
