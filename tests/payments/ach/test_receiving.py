"""Files that come in: what is safe is applied, all else is kept with its reason; nothing is lost."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance import vault
from compliance.models import EventRecord
from coverpay.kernel import clock
from coverpay.kernel.errors import Forbidden
from payments import accounts, refunds, validations
from payments.ach import news, queries, receiving, reversals, settling, watching
from payments.gateways.base import Status
from payments.models import AchEntry, AchFile, AchNews, Payment, Refund
from reconciliation.models import Break
from tests.support import ach, ach_bank, bank, books, paying
from tests.support.database import undone

pytestmark = pytest.mark.django_db
D = dt.date


@pytest.fixture
def desk(house):
    return ach.open_desk(house)


@pytest.fixture
def settled(desk):
    """A debit of 5,359.00 that settled on Tuesday, February 3."""
    payment = ach.debit(desk)
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    return ach.settled(desk, payment, D(2026, 2, 3))


def trace(payment: Payment) -> str:
    return ach.entry_of(payment).trace_number


def kept(file: AchFile) -> list[tuple[str, int, int, str]]:
    return [(row.state, row.line, row.column, row.reason) for row in file.news.all()]


def receive(desk, content: bytes, actor=None) -> AchFile:
    return receiving.receive(account_id=desk.account.id, name="in.ach", content=content, actor=actor or desk.house.me)


def test_returns_that_fit_no_entry_wait_for_a_person(desk, settled):
    file = ach.received(
        desk,
        ach_bank.returned("121000359999999", "R01", 100),
        ach_bank.returned(trace(settled), "R01", 535_901, sequence=2),
    )
    assert kept(file) == [
        ("quarantined", 3, 1, "No entry of this account has the trace number 121000359999999."),
        ("quarantined", 5, 1, f"Entry {trace(settled)} moved 5,359.00 USD, not 5,359.01 USD."),
    ]
    assert file.result == "0 applied, 2 in quarantine"
    assert ach.entry_of(settled).state == "settled"


def test_an_unknown_code_keeps_its_record_and_lets_the_others_through(desk, settled):
    content = ach_bank.file([
        ach_bank.returned(trace(settled), "R99", 535_900), ach_bank.returned(trace(settled), "R01", 535_900, sequence=2)
    ])  # fmt: skip
    file = receive(desk, content)
    assert [(row.state, row.line, row.code) for row in file.news.all()] == [
        ("quarantined", 3, ""), ("applied", 5, "R01"),
    ]  # fmt: skip
    row = file.news.get(line=3)
    assert "R99" in row.reason
    assert vault.open_sealed(row.record_sealed, row_id=row.id).splitlines() == content.decode().splitlines()[2:4]
    assert "1234567" not in row.reason + str(row.detail)


def test_what_a_damaged_batch_says_is_not_applied(desk, settled):
    content = ach_bank.file([ach_bank.returned(trace(settled), "R01", 535_900)]).decode().splitlines()
    content[4] = content[4][:20] + "000000000001" + content[4][32:]
    file = receive(desk, "\n".join(content).encode())
    assert ach.entry_of(settled).state == "settled"
    assert [row.state for row in file.news.all()] == ["quarantined"] * 2
    assert "debit total" in file.news.first().reason


def test_a_file_that_is_none_is_set_aside_whole(desk):
    file = receive(desk, b"Dear customer, your returns are attached.\nKind regards\n")
    assert file.state == "quarantined"
    assert [row.state for row in file.news.all()] == ["quarantined"] * 3
    assert receiving.content_of(file) == b"Dear customer, your returns are attached.\nKind regards\n"


def test_nonsense_without_end_is_counted_and_not_kept_row_by_row(desk, monkeypatch):
    monkeypatch.setattr(receiving, "MAX_REFUSED", 3)
    file = receive(desk, b"nonsense\n" * 10)
    assert file.news.count() == 3
    assert file.result == "0 applied, 3 in quarantine, 8 more rows are no records"


def test_a_second_return_of_an_entry_waits(desk, settled):
    ach.received(desk, ach_bank.returned(trace(settled), "R01", 535_900))
    file = ach.received(desk, ach_bank.returned(trace(settled), "R02", 535_900), name="again")
    assert file.news.get().reason == ("The entry was returned before, as R01; our bank can dishonor this one (R67).")
    assert ach.entry_of(settled).return_code == "R01"


def test_a_return_after_its_time_says_until_when_it_can_be_dishonored(desk, settled):
    ach.at(D(2026, 2, 10))
    ach.received(desk, ach_bank.returned(trace(settled), "R01", 535_900))
    assert AchNews.objects.get().detail["late_since"] == "2026-02-05"  # two banking days after the 3rd
    assert AchNews.objects.get().detail["dishonor_by"] == "2026-02-18"  # 11, 12, 13, 17, 18; the 16th is a holiday


def test_a_dishonored_return_gives_the_money_back_and_a_contested_one_takes_it_again(desk, settled):
    ach.received(desk, ach_bank.returned(trace(settled), "R01", 535_900))
    ach.received(desk, ach_bank.dishonored(trace(settled), "R68", 535_900, "R01"), name="2")
    assert ach.entry_of(settled).state == "settled"
    found = Break.objects.get(subject_id=ach.entry_of(settled).reference)
    assert (found.difference_minor, found.kind) == (535_900, "gateway_contradicts")
    ach.received(desk, ach_bank.contested(trace(settled), "R73", 535_900, "R01"), name="3")
    assert ach.entry_of(settled).state == "returned"


def test_changes_that_cannot_be_taken_over_wait(desk, settled):
    file = ach.received(
        desk,
        ach_bank.changed(trace(settled), "C02", "021000088"),
        ach_bank.changed(trace(settled), "C04", "Jane Q Public", sequence=2),
        ach_bank.changed(trace(settled), "C13", "", sequence=3),
        ach_bank.refused_change(trace(settled), "C65", "x", "C01", sequence=4),
        sec="COR",
    )
    assert [(row.state, row.code) for row in file.news.all()] == [
        ("quarantined", "C02"), ("quarantined", "C04"), ("applied", "C13"), ("quarantined", "C65"),
    ]  # fmt: skip
    assert "021000088" not in str(list(file.news.values_list("reason", "detail")))


def test_an_acknowledged_credit_is_noted(desk, settled):
    file = ach.received(desk, ach_bank.acknowledged(trace(settled)), sec="ACK")
    assert (file.kind, file.news.get().code, file.news.get().state) == ("acknowledgement", "ACK", "applied")


def test_a_person_says_what_was_done_about_news_once(desk):
    file = ach.received(desk, ach_bank.returned("121000359999999", "R01", 100))
    row = file.news.get()
    with pytest.raises(Forbidden):
        news.decide(news_id=row.id, reason="x", actor=bank.acting(desk.house.operator, "viewer"))
    assert news.decide(news_id=row.id, reason="Of the old system.", actor=desk.house.me).state == "decided"
    with pytest.raises(news.NewsOver):
        news.decide(news_id=row.id, reason="Again", actor=desk.house.me)


def test_a_refund_goes_out_as_a_credit_to_the_account_that_was_debited(desk, settled):
    refund = refunds.request(payment_id=settled.id, reason="Cancelled flat", actor=desk.house.me)
    refunds.submit(refund.id)
    entry = AchEntry.objects.get(reference=refund.id)
    assert (entry.transaction_code, entry.sec_code, entry.description) == ("22", "PPD", "REFUND")
    ach.at(D(2026, 2, 4))
    lines = ach.lines(ach.sent(desk))
    assert lines[1][:4] == "5220"
    ach.at(D(2026, 2, 5))
    settling.settle_due()
    assert Refund.objects.get(pk=refund.id).state == "succeeded"
    assert Payment.objects.get(pk=settled.id).state == "refunded"
    assert books.balance(desk.house, "processor_clearing") == 0


def test_a_refund_that_comes_back_before_it_was_given_is_declined(desk, settled):
    refund = refunds.request(payment_id=settled.id, reason="Cancelled flat", actor=desk.house.me)
    refunds.submit(refund.id)
    ach.at(D(2026, 2, 4))
    ach.sent(desk)
    back = AchEntry.objects.get(reference=refund.id).trace_number
    ach.received(desk, ach_bank.returned(back, "R03", 535_900, transaction="21"))
    assert Refund.objects.get(pk=refund.id).state == "declined"
    assert accounts.gateway_of(desk.account).fetch(desk.account.merchant, refund.id).status is Status.DECLINED


def test_a_mistaken_debit_is_reversed_whole_once_within_five_banking_days(desk, settled):
    entry = ach.entry_of(settled)
    reversal = reversals.reverse(entry_id=entry.id, why="duplicate", note="Keyed twice", actor=desk.house.me)
    assert (reversal.description, reversal.transaction_code, reversal.amount_minor, reversal.sec_code) == (
        "REVERSAL", "22", 535_900, "PPD",
    )  # fmt: skip
    refund = Refund.objects.get(pk=reversal.reference)
    refunds.submit(refund.id)
    assert AchEntry.objects.count() == 2
    with pytest.raises(reversals.NotReversible):
        reversals.reverse(entry_id=entry.id, why="duplicate", note="Again", actor=desk.house.me)
    ach.at(D(2026, 2, 4))
    assert ach.lines(ach.sent(desk))[1][53:63] == "REVERSAL  "
    ach.at(D(2026, 2, 5))
    settling.settle_due()
    assert Payment.objects.get(pk=settled.id).state == "refunded"


def test_a_reversal_needs_a_reason_of_the_rules_and_its_time(desk, settled):
    entry = ach.entry_of(settled)
    with pytest.raises(reversals.Invalid):
        reversals.reverse(entry_id=entry.id, why="regret", note="x", actor=desk.house.me)
    ach.at(D(2026, 2, 10), dt.time(15))  # the fifth banking day after the 3rd, before the cut-off
    with undone():
        reversals.reverse(entry_id=entry.id, why="wrong_amount", note="x", actor=desk.house.me)
    ach.at(D(2026, 2, 10))
    with pytest.raises(reversals.ReversalTooLate, match="2026-02-10"):
        reversals.reverse(entry_id=entry.id, why="wrong_amount", note="x", actor=desk.house.me)


def test_rates_count_sixty_days_and_tell_once_a_month(desk, settled):
    ach.received(desk, ach_bank.returned(trace(settled), "R10", 535_900))
    found = {rate.bucket: rate for rate in queries.return_rates(desk.account, clock.today())}
    assert (found["unauthorized"].returned, found["unauthorized"].debits) == (1, 1)
    assert [rate.level for rate in found.values()] == ["exceeded", "ok", "exceeded"]
    told = EventRecord.objects.filter(type="ach.return_rate_exceeded")
    watching.watch()
    assert sorted(told.values_list("data__rate", flat=True)) == ["overall", "unauthorized"]
    watching.watch()
    assert told.count() == 2
    clock.advance(dt.timedelta(days=61))
    assert {rate.debits for rate in queries.return_rates(desk.account, clock.today())} == {0}


def test_a_returned_prenote_fails_the_validation(desk):
    invoice = books.billed(desk.house)
    method = paying.mandated(desk.house, invoice.policy)
    validation = validations.start(payment_method_id=method.id, kind="prenote", actor=desk.house.me)
    ach.at(D(2026, 2, 2))
    assert ach.lines(ach.sent(desk))[2][:39] == "628121000358" + "000123456789".ljust(17) + "0" * 10
    back = AchEntry.objects.get(reference=validation.id).trace_number
    ach.received(desk, ach_bank.returned(back, "R03", 0))
    validation.refresh_from_db()
    assert validation.state == "failed"


def test_a_large_file_is_read_by_a_worker(desk, settled, monkeypatch):
    monkeypatch.setattr(receiving, "AT_ONCE", 1)
    rows = [
        ach_bank.returned(trace(settled), "R01", 535_900),
        ach_bank.returned("121000359999999", "R01", 1, sequence=2),
    ]
    file = ach.received(desk, *rows)
    assert (file.result, file.news.count()) == ("", 0)
    assert receiving.resume() == 1
    file.refresh_from_db()
    assert file.result == "1 applied, 1 in quarantine"
    receiving.go_on(file.id)
    assert file.news.count() == 2
