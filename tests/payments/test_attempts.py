"""From planned to decided, by every way a processor can answer or fail to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from billing.models import Invoice
from compliance.models import AuditEntry, EventRecord
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, IllegalTransition, Invalid, NotFound
from payments import attempts
from payments.errands import SCHEDULE
from payments.gateways.base import Charge, NotSent, Outcome, Status
from payments.gateways.sandbox import Sandbox
from payments.models import Attempt, Payment
from reconciliation.models import Break
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def after(house: House, token: str, *, sweeps: int = 0) -> Attempt:
    """An attempt sent once, and then looked after by so many sweeps, an hour apart."""
    attempt = books.collecting(house, books.billed(house), token)
    attempts.submit(attempt.id)
    for _ in range(sweeps):
        clock.advance(dt.timedelta(hours=1))
        attempts.sweep()
    return Attempt.objects.select_related("payment").get(pk=attempt.id)


def told(attempt: Attempt) -> list[str]:
    rows = EventRecord.objects.filter(object_id=attempt.payment_id).order_by("id")
    return [row.type.removeprefix("payment.") for row in rows]


def test_a_success_takes_the_cash_applies_it_and_tells(house: House) -> None:
    attempt = after(house, "tok_ok")
    assert (attempt.state, attempt.payment.state, attempt.taken_minor) == ("succeeded", "succeeded", 535_900)
    assert attempt.gateway_reference == "sbx_ch_000001"
    assert Invoice.objects.get(pk=attempt.invoice_id).state == "paid"
    assert books.trial_balance(house) == {
        ("processor_clearing", house.account.id): 535_900,
        ("premium_payable", house.carrier.id): -425_000,
        ("carrier_fee_payable", house.carrier.id): -12_500,
        ("tax_payable", "HI"): -23_400,
        ("commission_in_trust", house.operator.id): -75_000,
    }
    assert told(attempt) == ["created", "succeeded"]


def test_sending_and_recording_a_charge_reads_nothing_twice(
    house: House, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    attempt = books.collecting(house, books.billed(house))
    with django_assert_max_num_queries(41):  # of them four that open and close the two transactions
        attempts.submit(attempt.id)
    assert Attempt.objects.get(pk=attempt.id).state == "succeeded"


@pytest.mark.parametrize("token", ["tok_decline_insufficient_funds", "tok_decline_expired_card", "tok_unheard_of"])
def test_a_decline_is_a_result_that_moves_no_money(house: House, token: str) -> None:
    attempt = after(house, token)
    assert (attempt.state, attempt.payment.state) == ("declined", "failed")
    assert token.endswith(attempt.outcome_code) or attempt.outcome_code == "unknown_token"
    assert told(attempt) == ["created", "failed"]
    assert books.balance(house, "unapplied_cash") == 0


def test_a_timeout_that_took_the_money_blocks_until_the_gateway_is_asked(house: House) -> None:
    attempt = after(house, "tok_timeout_taken")
    assert (attempt.state, attempt.payment.state, attempt.outcome_code) == ("unknown", "processing", "timeout")
    assert after_sweep(attempt).state == "succeeded"
    assert len(books.charges(house)) == 1


def after_sweep(attempt: Attempt) -> Attempt:
    clock.advance(dt.timedelta(minutes=2))
    attempts.sweep()
    return Attempt.objects.select_related("payment").get(pk=attempt.id)


def test_a_timeout_that_took_nothing_is_sent_again_under_the_same_key(house: House) -> None:
    attempt = after(house, "tok_timeout_lost")
    assert attempt.state == "unknown"
    assert after_sweep(attempt).state == "planned"
    done = after_sweep(attempt)
    assert (done.state, done.submit_count) == ("succeeded", 2)
    assert [charge["reference"] for charge in books.charges(house)] == [attempt.id]


def test_an_unreachable_gateway_is_tried_again_and_given_up_after_five_times(house: House) -> None:
    attempt = after(house, "tok_not_sent")
    assert (attempt.state, attempt.outcome_message) == ("planned", "the sandbox refused the connection")
    assert attempts.sweep() == 0  # it waits a little first
    for _ in range(SCHEDULE.submits):
        clock.advance(dt.timedelta(hours=1))
        attempts.sweep()
    attempt.refresh_from_db()
    assert (attempt.state, attempt.outcome_code, attempt.submit_count) == (
        "declined",
        "gateway_unreachable",
        SCHEDULE.submits,
    )
    assert books.charges(house) == []


def test_a_worker_that_died_after_sending_is_found_by_the_sweep(house: House, sandbox: Sandbox) -> None:
    attempt = books.collecting(house, books.billed(house))
    charge, _ = attempts._begin(attempt_id=attempt.id, actor=attempts.SWEEPER)
    assert isinstance(charge, Charge)
    sandbox.charge(charge)  # and then the worker was killed
    assert attempts.sweep() == 0  # its lease still runs
    assert after_sweep(attempt).state == "succeeded"
    assert len(books.charges(house)) == 1
    assert differences(house) == []


def test_a_worker_that_died_before_sending_is_found_too(house: House) -> None:
    attempt = books.collecting(house, books.billed(house))
    attempts._begin(attempt_id=attempt.id, actor=attempts.SWEEPER)
    assert after_sweep(attempt).state == "planned"
    assert after_sweep(attempt).state == "succeeded"
    assert len(books.charges(house)) == 1


def test_submitting_twice_sends_once_and_checking_a_planned_attempt_does_nothing(house: House) -> None:
    attempt = books.collecting(house, books.billed(house))
    attempts.check(attempt.id)
    assert Attempt.objects.get(pk=attempt.id).check_count == 0
    attempts.submit(attempt.id)
    attempts.submit(attempt.id)
    assert [charge["calls"] for charge in books.charges(house)] == [1]


def test_a_pending_charge_is_asked_about_until_it_ends(house: House, sandbox: Sandbox) -> None:
    attempt = after(house, "tok_pending_ok", sweeps=30)
    assert (attempt.state, attempt.payment.state) == ("pending", "processing")
    assert attempt.next_check_at is not None
    sandbox.finish_pending(house.account.merchant)
    clock.advance(dt.timedelta(hours=13))
    attempts.sweep()
    attempt.refresh_from_db()
    assert attempt.state == "succeeded"
    assert told(attempt) == ["created", "pending", "succeeded"]


def test_a_wrong_amount_is_unknown_with_a_break_and_never_asked_about_again(house: House) -> None:
    attempt = after(house, "tok_wrong_amount", sweeps=3)
    assert (attempt.state, attempt.next_check_at, attempt.check_count) == ("unknown", None, 0)
    found = Break.objects.get(subject_id=attempt.id)
    assert (found.kind, found.difference_minor, found.state) == ("gateway_amount", 100, "open")
    assert told(attempt) == ["created", "needs_review"]
    assert differences(house) == []


def test_a_gateway_that_never_says_hands_over_to_a_person(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "fetch", lambda *_: Outcome(Status.UNKNOWN))
    attempt = after(house, "tok_timeout_taken")
    for _ in range(len(SCHEDULE.checks) + 3):
        clock.advance(dt.timedelta(hours=13))
        attempts.sweep()
    attempt.refresh_from_db()
    assert (attempt.state, attempt.next_check_at, attempt.check_count) == ("unknown", None, len(SCHEDULE.checks) + 1)
    assert told(attempt) == ["created", "needs_review"]


def test_a_pending_charge_that_nobody_knows_of_any_more_has_all_its_chances_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = after(house, "tok_pending_ok", sweeps=30)
    monkeypatch.setattr(Sandbox, "fetch", lambda *_: Outcome(Status.UNKNOWN))
    clock.advance(dt.timedelta(hours=13))
    attempts.sweep()
    attempt.refresh_from_db()
    assert (attempt.state, attempt.check_count, attempt.next_check_at is None) == ("unknown", 0, False)


def test_a_gateway_that_cannot_be_asked_is_asked_again_later(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> Outcome:
        raise NotSent("refused")

    attempt = after(house, "tok_timeout_taken")
    with monkeypatch.context() as patch:
        patch.setattr(Sandbox, "fetch", away)
        assert after_sweep(attempt).state == "unknown"
    assert after_sweep(attempt).state == "succeeded"


def test_one_attempt_that_cannot_be_moved_keeps_no_other_waiting(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, fine = (books.collecting(house, books.billed(house)) for _ in range(2))
    begin = attempts.CHARGES.begin

    def refuse(charges: object, attempt_id: str) -> object:
        if attempt_id == stuck.id:
            raise NotFound("the gateway of this account is gone")
        return begin(attempt_id)

    monkeypatch.setattr(type(attempts.CHARGES), "begin", refuse)
    assert attempts.sweep() == 2
    assert Attempt.objects.get(pk=fine.id).state == "succeeded"
    assert "left for the next sweep" in caplog.text


def resolve(house: House, attempt: Attempt, **changes: object) -> Attempt:
    asked = {"attempt_id": attempt.id, "taken": True, "reason": "seen in the processor's portal", "actor": house.me}
    return attempts.resolve(**{**asked, **changes})  # type: ignore[arg-type]


def test_a_person_decides_that_it_was_taken_and_the_break_is_closed(house: House) -> None:
    attempt = after(house, "tok_wrong_amount")
    resolve(house, attempt, amount_minor=536_000)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.taken_minor, attempt.outcome_code) == ("succeeded", 536_000, "decided_by_person")
    assert Break.objects.get(subject_id=attempt.id).closed_reason == "seen in the processor's portal"
    assert books.balance(house, "unapplied_cash") == -100
    assert differences(house) == []


def test_a_person_decides_that_it_was_not_taken_and_the_invoice_is_free(house: House) -> None:
    attempt = after(house, "tok_timeout_taken")
    resolve(house, attempt, taken=False)
    assert Payment.objects.get(pk=attempt.payment_id).state == "failed"
    entry = AuditEntry.objects.get(action="attempt.declined")
    assert entry.actor_id == "usr_test"
    assert Attempt.objects.get(pk=attempt.id).outcome_message == "seen in the processor's portal"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": -5}, "amount_minor"),
        ({"amount_minor": 10**20}, "amount_minor"),
        ({"taken": False, "amount_minor": 5}, "amount_minor"),
    ],
)
def test_a_decision_takes_a_reason_and_an_amount_that_can_be(
    house: House, changes: dict[str, object], field: str
) -> None:
    attempt = after(house, "tok_timeout_taken")
    with pytest.raises(Invalid) as refused:
        resolve(house, attempt, **changes)
    assert refused.value.field == field
    assert Attempt.objects.get(pk=attempt.id).state == "unknown"


@pytest.mark.parametrize("token", ["tok_ok", "tok_decline_expired_card", "tok_pending_ok", "tok_not_sent"])
def test_only_an_unknown_outcome_is_decided_by_a_person(house: House, token: str) -> None:
    attempt = after(house, token)
    with pytest.raises(IllegalTransition) as refused:
        resolve(house, attempt)
    assert refused.value.field == "attempt"


def test_deciding_takes_the_permission_and_the_own_attempt(house: House) -> None:
    attempt = after(house, "tok_timeout_taken")
    with pytest.raises(Forbidden):
        resolve(house, attempt, actor=Actor("user", "u", house.operator.id, frozenset({Permission.PAYMENTS_WRITE})))
    with pytest.raises(NotFound):
        resolve(house, attempt, actor=Actor("user", "u", house.carrier.id, frozenset(Permission)))
