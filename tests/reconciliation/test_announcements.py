"""Announcements: kept apart from the proof, settled by the line that brings them, late after some days."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.models import AuditEntry, EventRecord
from coverpay.kernel.errors import Forbidden, IllegalTransition
from reconciliation import announcements, matches, queries
from reconciliation.imports import UnknownBankAccount, import_statement
from reconciliation.models import Announcement, BankAccount, Break, StatementImport, StatementLine
from tests.support import bai2_writer, bank, world
from tests.support import camt_notices as writer
from tests.support.camt_notices import Told

pytestmark = pytest.mark.django_db
TWO = [Told(535_900, "BK1", "PAYOUT"), Told(-75_000, "BK2", "DRAW")]


@pytest.fixture
def account() -> BankAccount:
    return bank.account(world.organization())


def _send(account: BankAccount, content: bytes) -> StatementImport:
    return import_statement(content=content, file_name="file", actor=bank.acting(account.organization))


def _stated(*lines: tuple[int, str], on: dt.date = bank.FIRST, opening: int = 0) -> bytes:
    details = (
        bai2_writer.Detail("165" if amount > 0 else "495", abs(amount), ("0",), reference)
        for amount, reference in lines
    )
    return bank.statement(*details, on=on, opening=opening)


def _states() -> list[tuple[str, str]]:
    return list(Announcement.objects.order_by("id").values_list("bank_reference", "state"))


def test_a_notification_is_kept_apart_and_proves_nothing(account: BankAccount) -> None:
    done = _send(account, writer.write(TWO))
    assert (done.state, done.format, done.line_count) == ("imported", "camt054", 2)
    assert _states() == [("BK1", "announced"), ("BK2", "announced")]
    assert not StatementLine.objects.exists()
    assert queries.balance_proof(account) is None
    matches.run_matching(bank_account_id=account.id, actor=bank.acting(account.organization))
    assert not Break.objects.exists()
    assert EventRecord.objects.get(object_id=done.id).type == "statement.announced"
    assert AuditEntry.objects.get(object_id=done.id).action == "statement.announce"


def test_the_line_with_the_banks_reference_and_the_amount_settles_it(account: BankAccount) -> None:
    _send(account, writer.write(TWO))
    _send(account, _stated((535_900, "BK1"), (-75_001, "BK2"), (100, "BK3")))
    assert _states() == [("BK1", "settled"), ("BK2", "announced")]
    settled = Announcement.objects.get(bank_reference="BK1")
    assert settled.line is not None
    assert (settled.line.amount_minor, settled.line.bank_reference) == (535_900, "BK1")
    assert [row.bank_reference for row in announcements.waiting(account)] == ["BK2"]


def test_a_statement_that_came_first_settles_what_is_announced_afterwards(account: BankAccount) -> None:
    _send(account, _stated((535_900, "BK1")))
    _send(account, writer.write(TWO))
    assert _states() == [("BK1", "settled"), ("BK2", "announced")]


def test_two_identical_entries_are_two_and_each_takes_a_line_of_its_own(account: BankAccount) -> None:
    _send(account, writer.write([Told(100, "BK1"), Told(100, "BK1")]))
    _send(account, _stated((100, "BK1")))
    assert _states() == [("BK1", "settled"), ("BK1", "announced")]
    _send(account, _stated((100, "BK1"), on=bank.FIRST + dt.timedelta(days=1), opening=100))
    assert _states() == [("BK1", "settled"), ("BK1", "settled")]


def test_the_same_file_twice_and_the_same_entry_in_a_later_file_are_kept_once(account: BankAccount) -> None:
    first = _send(account, writer.write(TWO))
    assert _send(account, writer.write(TWO)).pk == first.pk
    later = _send(account, writer.write([*TWO, Told(100, "BK9")], number="2"))
    assert later.pk != first.pk
    assert _states() == [("BK1", "announced"), ("BK2", "announced"), ("BK9", "announced")]


def test_what_has_no_reference_is_never_guessed(account: BankAccount) -> None:
    _send(account, writer.write([Told(100)]))
    _send(account, _stated((100, "")))
    assert _states() == [("", "announced")]


def test_a_notification_that_does_not_tie_is_quarantined(account: BankAccount) -> None:
    done = _send(account, writer.write(TWO).replace(b"<Sum>6109.00<", b"<Sum>6109.01<"))
    assert done.state == "quarantined"
    assert not Announcement.objects.exists()


def test_an_unknown_account_refuses_the_file(account: BankAccount) -> None:
    with pytest.raises(UnknownBankAccount, match="9999 at bank"):
        _send(account, writer.write(TWO, mark="9999"))


def test_what_does_not_come_within_days_is_late_until_a_person_dismisses_it(account: BankAccount) -> None:
    today = announcements.late_before() + dt.timedelta(days=5)
    _send(account, writer.write([Told(1, "OLD", on=today - dt.timedelta(days=6))], number="1"))
    _send(account, writer.write([Told(2, "NEW", on=today - dt.timedelta(days=5))], number="2"))
    (found,) = announcements.late()
    assert found.bank_reference == "OLD"
    actor = bank.acting(account.organization)
    with pytest.raises(Forbidden):
        announcements.dismiss(announcement_id=found.id, reason="No.", actor=bank.acting(account.organization, "viewer"))
    announcements.dismiss(announcement_id=found.id, reason="The bank took it back.", actor=actor)
    assert not announcements.late().exists()
    with pytest.raises(IllegalTransition):
        announcements.dismiss(announcement_id=found.id, reason="Again.", actor=actor)
    _send(account, _stated((1, "OLD")))
    assert _states() == [("OLD", "settled"), ("NEW", "announced")]
