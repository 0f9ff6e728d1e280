"""Column maps: saved by version, looked at before they are used, remembered by what was read with them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from compliance.models import AuditEntry
from coverpay.kernel.errors import Forbidden, NotFound
from reconciliation import column_maps
from reconciliation.column_maps import ColumnMapUnreadable
from reconciliation.imports import ChainBroken, import_csv, import_statement
from reconciliation.models import BankAccount, ColumnMap, StatementImport, StatementLine
from reconciliation.statements.csv_file import Given
from tests.support import bank, world

pytestmark = pytest.mark.django_db
SPEC: dict[str, Any] = {"date": "Date", "amount": "Amount", "description": ["Text"], "reference": "Ref"}
PROVED = {**SPEC, "balance": "Balance"}
FILE = b"Date,Amount,Ref,Text,Balance\n2026-01-04,5359.00,PO-1,PAYOUT,6359.00\n2026-01-04,-750.00,D-1,DRAW,5609.00\n"
SEEN = Given(opening_minor=100_000, closing_minor=560_900)


@pytest.fixture
def account() -> BankAccount:
    return bank.account(world.organization())


def _publish(account: BankAccount, spec: dict[str, Any] = SPEC, name: str = "Daily") -> ColumnMap:
    actor = bank.acting(account.organization)
    return column_maps.publish(bank_account_id=account.id, name=name, spec=spec, actor=actor)


def _send(columns: ColumnMap, content: bytes = FILE, given: Given = SEEN) -> StatementImport:
    actor = bank.acting(columns.organization)
    return import_csv(content=content, file_name="day.csv", column_map_id=columns.id, given=given, actor=actor)


def test_a_map_is_published_by_version_and_the_same_again_changes_nothing(account: BankAccount) -> None:
    first = _publish(account)
    assert (first.number, _publish(account).pk) == (1, first.pk)
    second = _publish(account, PROVED)
    assert (second.number, second.spec["balance"]) == (2, "Balance")
    assert _publish(account, name="Cards").number == 1
    assert [str(row) for row in column_maps.current(ColumnMap.objects.all()).order_by("name")] == [
        "Cards v1",
        "Daily v2",
    ]
    assert AuditEntry.objects.get(object_id=second.id).before == {"number": 1, "spec": SPEC}


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"date": None}, "date", "which column holds the date"),
        ({"amount": None}, "amount", "either an amount, or both"),
        ({"debit": "Out", "credit": "In"}, "amount", "either an amount, or both"),
        ({"columns": 1}, "spec", "'columns' is no field of a map"),
        ({"delimiter": "/"}, "delimiter", "none of those we read"),
        ({"thousands": "."}, "thousands", "the same"),
        ({"skip": "2"}, "skip", "another kind"),
        ({"headings": 1}, "headings", "another kind"),
        ({"balance": 0}, "balance", "its number from 1"),
        ({"description": "Text"}, "description", "a list"),
    ],
)
def test_a_map_that_reads_no_file_is_refused_at_its_field(
    account: BankAccount, change: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(ColumnMapUnreadable, match=says) as refused:
        _publish(account, {**SPEC, **change})
    assert refused.value.field == field
    assert not ColumnMap.objects.exists()


def test_a_preview_shows_lines_refused_rows_and_the_proof_and_writes_nothing(account: BankAccount) -> None:
    content = FILE + b"2026-01-04,12.345,X-1,TYPO,5621.35\n"
    shown = column_maps.preview(
        bank_account_id=account.id, spec=SPEC, content=content, given=SEEN, actor=bank.acting(account.organization)
    )
    assert [(line.line, line.amount_minor, line.customer_reference) for line in shown.lines] == [
        (2, 535_900, "PO-1"),
        (3, -75_000, "D-1"),
    ]
    assert [(problem.line, problem.column, problem.code) for problem in shown.problems] == [(4, 2, "bad_amount")]
    assert shown.proof is not None
    assert (shown.proof.credits_minor, shown.proof.debits_minor, shown.proof.difference_minor) == (535_900, -75_000, 0)
    assert not StatementImport.objects.exists()


def test_an_import_remembers_its_map_and_the_balances_a_person_gave(account: BankAccount) -> None:
    columns = _publish(account)
    done = _send(columns)
    assert (done.state, done.format, done.column_map, done.line_count) == ("imported", "csv", columns, 2)
    assert done.given == {"opening_minor": 100_000, "closing_minor": 560_900}
    statement = done.statements.get()
    assert (statement.bank_account, statement.as_of) == (account, dt.date(2026, 1, 4))
    assert (statement.opening_minor, statement.closing_minor) == (100_000, 560_900)
    assert AuditEntry.objects.get(object_id=done.id).after["column_map"] == columns.id


def test_without_balances_nothing_is_imported_and_the_file_may_be_read_again(account: BankAccount) -> None:
    columns = _publish(account)
    alone = _send(columns, given=Given())
    assert [problem["code"] for problem in alone.problems] == ["opening_missing", "closing_missing"]
    wrong = _send(columns, given=Given(opening_minor=100_000, closing_minor=560_901))
    assert [problem["code"] for problem in wrong.problems] == ["does_not_tie"]
    assert _send(columns, given=Given()).pk == alone.pk
    assert _send(columns).state == "imported"


def test_a_running_balance_proves_a_file_without_typing(account: BankAccount) -> None:
    done = _send(_publish(account, PROVED), given=Given())
    assert (done.state, done.given) == ("imported", {})
    assert done.statements.get().opening_minor == 100_000


def test_the_same_content_is_imported_once_whatever_map_reads_it(account: BankAccount) -> None:
    first = _send(_publish(account))
    assert _send(_publish(account, PROVED), given=Given()).pk == first.pk
    assert StatementLine.objects.count() == 2


def test_a_file_sent_without_its_map_is_set_aside_and_welcome_with_it(account: BankAccount) -> None:
    actor = bank.acting(account.organization)
    lost = import_statement(content=FILE, file_name="day.csv", actor=actor)
    assert [problem["code"] for problem in lost.problems] == ["unknown_format"]
    assert _send(_publish(account)).state == "imported"


def test_two_identical_rows_are_two_and_a_day_is_stated_once(account: BankAccount) -> None:
    columns = _publish(account)
    twice = b"Date,Amount,Ref,Text\n2026-01-04,1.00,A,B\n2026-01-04,1.00,A,B\n"
    assert _send(columns, twice, Given(opening_minor=0, closing_minor=200)).line_count == 2
    with pytest.raises(ChainBroken):
        _send(columns, twice + b"2026-01-04,1.00,A,B\n", Given(opening_minor=0, closing_minor=300))


def test_a_map_of_others_is_none_and_a_viewer_publishes_nothing(account: BankAccount) -> None:
    columns = _publish(account)
    stranger = bank.acting(world.organization())
    with pytest.raises(NotFound):
        import_csv(content=FILE, file_name="x", column_map_id=columns.id, actor=stranger)
    with pytest.raises(NotFound):
        column_maps.publish(bank_account_id=account.id, name="Daily", spec=SPEC, actor=stranger)
    with pytest.raises(Forbidden):
        column_maps.publish(
            bank_account_id=account.id, name="Daily", spec=SPEC, actor=bank.acting(account.organization, "viewer")
        )
