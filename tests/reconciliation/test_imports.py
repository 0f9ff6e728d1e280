"""Importing statements: once per content, whole or not at all, every reason kept."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.models import AuditEntry, EventRecord, Organization
from coverpay.kernel.errors import Forbidden
from reconciliation import imports
from reconciliation.imports import ChainBroken, FileTooLarge, UnknownBankAccount, import_statement
from reconciliation.models import BankAccount, Statement, StatementImport, StatementLine
from tests.support import bank, world

pytestmark = pytest.mark.django_db


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def account(mga: Organization) -> BankAccount:
    return bank.account(mga)


def _send(of: Organization, content: bytes, name: str = "day.bai") -> StatementImport:
    return import_statement(content=content, file_name=name, actor=bank.acting(of, "finance"))


def _counts() -> tuple[int, int, int, int, int]:
    models = (StatementImport, Statement, StatementLine, AuditEntry, EventRecord)
    return tuple(model.objects.count() for model in models)  # type: ignore[return-value]


def test_a_file_that_ties_becomes_statements_and_lines(mga: Organization, account: BankAccount) -> None:
    content = bank.statement(bank.line(535_900, "PO-1", "PAYOUT"), bank.line(-75_000, "DRAW-1"), opening=100_000)
    done = _send(mga, content)
    assert (done.state, done.format, done.line_count, done.problems) == ("imported", "bai2", 2, [])
    assert bytes(StatementImport.objects.get(pk=done.pk).content) == content
    statement = done.statements.get()
    assert (statement.bank_account, statement.as_of) == (account, bank.FIRST)
    assert (statement.opening_minor, statement.closing_minor) == (100_000, 560_900)
    first, second = statement.lines.all()
    assert (first.position, first.amount_minor, first.customer_reference, first.text) == (4, 535_900, "PO-1", "PAYOUT")
    assert (second.amount_minor, second.posted_on, second.value_on) == (-75_000, bank.FIRST, bank.FIRST)


def test_an_import_leaves_an_audit_entry_and_a_public_event(mga: Organization, account: BankAccount) -> None:
    done = _send(mga, bank.statement(bank.line(100)))
    entry = AuditEntry.objects.get(object_id=done.id)
    event = EventRecord.objects.get(object_id=done.id)
    assert entry.action == "statement.import"
    assert (event.type, event.organization_id) == ("statement.imported", mga.id)
    assert event.data["statements"][0]["closing_minor"] == 100
    assert event.data["statements"][0]["bank_account"] == account.id


def test_the_same_content_again_gives_the_first_import_and_changes_nothing(
    mga: Organization, account: BankAccount
) -> None:
    content = bank.statement(bank.line(100))
    first = _send(mga, content)
    before = _counts()
    again = _send(mga, content, name="renamed.bai")
    assert again.pk == first.pk
    assert again.file_name == "day.bai"
    assert _counts()[:3] == before[:3]
    assert not EventRecord.objects.exclude(object_id=first.id).exists()


def test_two_organizations_may_each_import_the_same_content(mga: Organization, account: BankAccount) -> None:
    other = world.organization()
    bank.account(other)
    content = bank.statement(bank.line(100))
    assert _send(mga, content).pk != _send(other, content).pk


def test_two_identical_genuine_lines_are_two(mga: Organization, account: BankAccount) -> None:
    done = _send(mga, bank.statement(bank.line(100, "R1"), bank.line(100, "R1")))
    assert StatementLine.objects.filter(statement__source=done).count() == 2


def test_a_file_that_does_not_tie_is_quarantined_with_every_reason(mga: Organization, account: BankAccount) -> None:
    content = bank.statement(bank.line(535_900)).replace(b"015,535900", b"015,535901")
    done = _send(mga, content)
    assert done.state == "quarantined"
    found = [(problem["line"], problem["code"]) for problem in done.problems]
    assert found == [(3, "does_not_tie"), (5, "control_total"), (6, "control_total"), (7, "control_total")]
    assert done.problems[1] == {
        "line": 5,
        "column": 4,
        "code": "control_total",
        "message": "The account's amounts add up to 1071801, its control total is 1071800.",
    }
    assert not Statement.objects.exists()
    assert EventRecord.objects.get(object_id=done.id).type == "statement.quarantined"
    assert "the difference is 0.01 USD" in AuditEntry.objects.get(object_id=done.id).reason


def test_a_quarantined_file_sent_again_stays_quarantined_once(mga: Organization, account: BankAccount) -> None:
    assert _send(mga, b"rubbish").pk == _send(mga, b"rubbish").pk
    assert StatementImport.objects.get().problems[0]["code"] == "unknown_format"


def test_an_unknown_bank_account_refuses_the_file_and_keeps_nothing(mga: Organization) -> None:
    content = bank.statement(bank.line(100))
    with pytest.raises(UnknownBankAccount, match="4470001 at bank 021000089"):
        _send(mga, content)
    assert not StatementImport.objects.exists()
    bank.account(mga)
    assert _send(mga, content).state == "imported"


def test_an_account_of_another_organization_does_not_count(mga: Organization) -> None:
    bank.account(world.organization())
    with pytest.raises(UnknownBankAccount):
        _send(mga, bank.statement(bank.line(100)))


def test_a_statement_in_another_currency_is_refused(mga: Organization, account: BankAccount) -> None:
    with pytest.raises(UnknownBankAccount, match="kept in USD, the file states it in CAD"):
        _send(mga, bank.statement(bank.line(100), currency="CAD"))


def test_a_day_is_stated_once(mga: Organization, account: BankAccount) -> None:
    _send(mga, bank.statement(bank.line(100)))
    with pytest.raises(ChainBroken, match="already has a statement for 2026-01-04"):
        _send(mga, bank.statement(bank.line(200)))
    assert Statement.objects.count() == 1


def test_a_missing_day_between_is_refused_until_it_is_there(mga: Organization, account: BankAccount) -> None:
    second, third = bank.FIRST + dt.timedelta(days=1), bank.FIRST + dt.timedelta(days=2)
    _send(mga, bank.statement(bank.line(100)))
    late = bank.statement(bank.line(7), on=third, opening=150)
    with pytest.raises(ChainBroken, match=r"opens 2026-01-06 with 1.50 USD, but closed 2026-01-04 with 1.00 USD"):
        _send(mga, late)
    _send(mga, bank.statement(bank.line(50), on=second, opening=100))
    assert _send(mga, late).state == "imported"
    with pytest.raises(ChainBroken, match="one of the two is not right"):
        _send(mga, bank.statement(bank.line(5), on=bank.FIRST - dt.timedelta(days=1)))


def test_one_file_of_several_days_is_kept_whole_or_not_at_all(mga: Organization, account: BankAccount) -> None:
    _send(mga, bank.statement(bank.line(5), on=bank.FIRST + dt.timedelta(days=1), opening=100))
    with pytest.raises(ChainBroken):
        _send(mga, bank.days([bank.line(100)], [bank.line(1)]))
    assert Statement.objects.count() == 1
    assert _send(mga, bank.days([bank.line(100)])).statements.count() == 1


def test_who_may_not_write_reconciliation_imports_nothing(mga: Organization, account: BankAccount) -> None:
    with pytest.raises(Forbidden):
        import_statement(content=bank.statement(), file_name="x", actor=bank.acting(mga, "viewer"))


def test_a_file_beyond_the_limit_is_refused(mga: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_BYTES", 10)
    with pytest.raises(FileTooLarge):
        _send(mga, b"01,23456789")
