"""A debit's life: staged, filed, sent, settled, returned, presented again; the clock begins on Monday 2026-02-02."""

from __future__ import annotations

import datetime as dt

import pytest

from coverpay.kernel import clock
from payments import attempts
from payments.ach import files, receiving, settling
from payments.models import AchEntry, AchNews, Attempt, Mandate, Payment, PaymentMethod
from tests.support import ach, ach_bank, books

pytestmark = pytest.mark.django_db
D = dt.date


@pytest.fixture
def desk(house):
    return ach.open_desk(house)


def state_of(payment: Payment) -> tuple[str, str]:
    attempt = Attempt.objects.get(payment=payment)
    return Payment.objects.get(pk=payment.id).state, attempt.state


def test_a_debit_is_staged_filed_sent_and_succeeds_on_its_settlement_day(desk):
    payment = ach.debit(desk)
    entry = ach.entry_of(payment)
    assert (entry.state, entry.sec_code, entry.transaction_code, entry.amount_minor) == ("staged", "PPD", "27", 535_900)
    assert (entry.effective_on, entry.receiver_name, entry.description) == (D(2026, 2, 3), "Aloha Foods", "PREMIUM")
    assert state_of(payment) == ("processing", "pending")
    ach.at(D(2026, 2, 2))
    file = ach.sent(desk)
    assert (file.name, file.modifier, file.entry_count, file.debit_minor) == ("1234567890-20260202-A", "A", 1, 535_900)
    lines = ach.lines(file)
    assert lines[0].startswith("101 1210003581234567890260202" + "1605A094101BANK OF TESTS")
    assert lines[1][50:75] == "PPDPREMIUM   " + "      " + "260203"
    assert lines[2] == "627121000358000123456789     0000535900" + entry.receiver_id.ljust(15) + (
        "Aloha Foods".ljust(22) + "  0" + "121000350000001"
    )
    assert settling.settle_due() == 0
    assert ach.settled(desk, payment, D(2026, 2, 3)).state == "succeeded"
    assert ach.entry_of(payment).state == "settled"
    attempt = Attempt.objects.get(payment=payment)
    assert (attempt.state, attempt.taken_minor, attempt.gateway_reference) == ("succeeded", 535_900, "121000350000001")
    assert books.balance(desk.house, "processor_clearing") == 535_900


def test_a_file_that_was_not_sent_settles_nothing(desk):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    file = files.build_file(account_id=desk.account.id, actor=desk.house.me)
    ach.at(D(2026, 2, 4))
    assert settling.settle_due() == 0
    files.mark_sent(file_id=file.id, actor=desk.house.me)
    assert ach.entry_of(payment).settles_on == D(2026, 2, 5)  # sent on the 4th, so the 5th at the earliest
    assert ach.settled(desk, payment, D(2026, 2, 5)).state == "succeeded"


def test_a_return_for_want_of_money_is_presented_again_twice_and_refused_a_third_time(desk):
    payment = ach.debit(desk)
    day = D(2026, 2, 2)
    for number, settles in enumerate([D(2026, 2, 3), D(2026, 2, 6), D(2026, 2, 11)]):
        ach.at(day)
        file = ach.sent(desk)
        assert ("RETRY PYMT" in ach.lines(file)[1]) is (number > 0)
        assert ach.settled(desk, payment, settles).state == "succeeded"
        trace = ach.entry_of(payment).trace_number
        ach.at(settles + dt.timedelta(days=1))
        ach.received(desk, ach_bank.returned(trace, "R01", 535_900))
        assert state_of(payment) == ("returned", "succeeded")
        entry = ach.entry_of(payment)
        assert (entry.state, entry.return_code) == ("returned", "R01")
        day = settles + dt.timedelta(days=2)
        clock.advance(dt.timedelta(hours=12))
        payment = ach.again(desk, payment)
    attempt = Attempt.objects.get(payment=payment)
    assert (attempt.state, attempt.outcome_code) == ("declined", "represented_twice")
    assert AchEntry.objects.count() == 3
    assert books.balance(desk.house, "processor_clearing") == 0


@pytest.mark.parametrize(
    ("days", "change", "why"),
    [(181, {}, "represents_too_late"), (3, {"return_code": "R08"}, "represents_not_allowed")],
)
def test_an_entry_is_presented_again_only_within_180_days_and_for_want_of_money(desk, days, change, why):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    ach.settled(desk, payment, D(2026, 2, 3))
    code = change.get("return_code", "R09")
    ach.received(desk, ach_bank.returned(ach.entry_of(payment).trace_number, code, 535_900))
    clock.advance(dt.timedelta(days=days))
    second = ach.again(desk, payment)
    assert Attempt.objects.get(payment=second).outcome_code == why


def test_a_return_before_the_settlement_was_seen_takes_and_gives_back(desk):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    ach.at(D(2026, 2, 4))
    ach.received(desk, ach_bank.returned(ach.entry_of(payment).trace_number, "R01", 535_900))
    assert state_of(payment) == ("returned", "succeeded")
    assert ach.entry_of(payment).state == "returned"


def test_what_was_not_authorized_blocks_the_account_and_revokes_its_mandate(desk):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    ach.settled(desk, payment, D(2026, 2, 3))
    ach.received(desk, ach_bank.returned(ach.entry_of(payment).trace_number, "R10", 535_900))
    method = PaymentMethod.objects.get(pk=payment.payment_method_id)
    assert (method.state, method.state_reason) == (
        "blocked", "R10 Customer advises originator not known / not authorized",
    )  # fmt: skip
    assert Mandate.objects.get(payment_method=method).revoked_at is not None


def test_a_change_corrects_the_account_before_its_next_entry(desk):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    ach.settled(desk, payment, D(2026, 2, 3))
    corrected = "021000089" + "998877".ljust(17) + "37"
    file = ach.received(desk, ach_bank.changed(ach.entry_of(payment).trace_number, "C07", corrected), sec="COR")
    assert file.result == "1 applied, 0 in quarantine"
    method = PaymentMethod.objects.get(pk=payment.payment_method_id)
    assert (method.routing_number, method.account_type, method.last4) == ("021000089", "savings", "8877")
    ach.debit(desk, books.billed(desk.house), method=method)  # after the cut-off: the next day's file
    ach.at(D(2026, 2, 4))
    assert ach.lines(ach.sent(desk))[2].startswith("637021000089998877           00005359")


def test_an_entry_staged_before_a_change_is_written_with_the_corrected_account(desk):
    first = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    method = PaymentMethod.objects.get(pk=first.payment_method_id)
    second = ach.debit(desk, books.billed(desk.house), method=method)
    assert ach.entry_of(second).transaction_code == "27"
    ach.received(desk, ach_bank.changed(ach.entry_of(first).trace_number, "C05", "37"), sec="COR")
    ach.at(D(2026, 2, 3))
    assert ach.lines(ach.sent(desk))[2].startswith("637121000358000123456789")


def test_the_same_file_twice_changes_nothing(desk):
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    content = ach_bank.file([ach_bank.returned(ach.entry_of(payment).trace_number, "R01", 535_900)])
    first = receiving.receive(account_id=desk.account.id, name="a", content=content, actor=desk.house.me)
    again = receiving.receive(account_id=desk.account.id, name="b", content=content, actor=desk.house.me)
    assert again == first
    assert AchNews.objects.count() == 1


def test_a_file_whose_reading_died_half_way_goes_on(desk, monkeypatch):
    payments = [ach.debit(desk), ach.debit(desk, method=None)]
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    rows = [
        ach_bank.returned(ach.entry_of(p).trace_number, "R01", 535_900, sequence=n) for n, p in enumerate(payments, 1)
    ]
    real, calls = attempts.record_outcome, []

    def dies(**given):
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(**given)

    monkeypatch.setattr(attempts, "record_outcome", dies)
    with pytest.raises(KeyboardInterrupt):
        ach.received(desk, *rows)
    assert [state_of(p)[0] for p in payments] == ["returned", "processing"]
    monkeypatch.undo()
    assert receiving.resume() == 1
    assert [state_of(p)[0] for p in payments] == ["returned", "returned"]
    assert AchNews.objects.filter(state="applied").count() == 2
    assert receiving.resume() == 0
