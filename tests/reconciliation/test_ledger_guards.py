"""What the database refuses, whoever asks: raw SQL is used on purpose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, transaction

from payments import refunds
from reconciliation.ledger import balances
from reconciliation.ledger.models import Entry
from tests.support import books
from tests.support.books import House
from tests.support.ledger import (
    DAY,
    TESTER,
    account,
    asked,
    open_book,
    raw_entry,
    raw_lines,
    sqlstate,
    turn_back,
    write,
)

APPEND_ONLY, JUMP, UNIQUE = "CP001", "P0001", "23505"
UNBALANCED, MISFIT, SEALED, OLD_SNAPSHOT = "CP010", "CP011", "CP012", "CP013"
KEPT = {
    "reconciliation_book": "created_at",
    "reconciliation_account": "code",
    "reconciliation_entry": "memo",
    "reconciliation_line": "amount_minor",
    "reconciliation_snapshotbalance": "balance_minor",
    "compliance_auditentry": "action",
    "compliance_eventrecord": "type",
}


def refused(statement: str, parameters: Sequence[str] = ()) -> str:
    """Run a statement that must fail. Gives the code it is refused with."""
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
    return sqlstate(error.value)


@contextmanager
def refused_at_commit(code: str) -> Iterator[None]:
    """Let a block be carried out; the checks of its commit must fail, and only they."""
    carried_out = False
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        yield
        carried_out = True
        connection.check_constraints()
    assert carried_out
    assert sqlstate(error.value) == code


@pytest.mark.django_db
@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE", "TRUNCATE"])
def test_what_is_kept_as_written_cannot_be_changed_removed_or_emptied(table: str, verb: str) -> None:
    statement = {
        "UPDATE": f"UPDATE {table} SET {KEPT[table]} = {KEPT[table]}",
        "DELETE": f"DELETE FROM {table}",
        "TRUNCATE": f"TRUNCATE {table} CASCADE",
    }[verb]
    assert refused(statement) == APPEND_ONLY


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["DELETE FROM reconciliation_snapshot", "TRUNCATE reconciliation_snapshot CASCADE"]
)
def test_a_seal_is_lifted_but_never_removed(statement: str) -> None:
    assert refused(statement) == APPEND_ONLY


@pytest.mark.django_db
def test_an_unbalanced_entry_can_be_written_but_not_committed() -> None:
    book = open_book()
    cash, tax = account(book, "unapplied_cash"), account(book, "tax_payable", owner="HI")
    with refused_at_commit(UNBALANCED):
        raw_lines(raw_entry(book), (cash, 100), (tax, -99))


@pytest.mark.django_db(transaction=True)
def test_an_unbalanced_entry_fails_at_the_commit_itself() -> None:
    book = open_book()
    cash, tax = account(book, "unapplied_cash"), account(book, "tax_payable", owner="HI")
    connection.set_autocommit(False)
    try:
        raw_lines(raw_entry(book), (cash, 100), (tax, -99))
        assert Entry.objects.count() == 1
        with pytest.raises(DatabaseError, match="does not balance"):
            connection.commit()
        connection.rollback()
    finally:
        connection.set_autocommit(True)
    assert Entry.objects.count() == 0


@pytest.mark.django_db
def test_an_entry_that_balances_only_across_funds_is_refused() -> None:
    book = open_book()
    trust, operating = account(book, "unapplied_cash"), account(book, "due_to_trust")
    with refused_at_commit(UNBALANCED):
        raw_lines(raw_entry(book), (trust, 100), (operating, -100))


@pytest.mark.django_db
def test_an_entry_that_balances_in_the_sum_of_two_currencies_is_refused() -> None:
    book = open_book()
    dollars, euros = account(book, "unapplied_cash"), account(book, "unapplied_cash", "EUR")
    with refused_at_commit(UNBALANCED):
        raw_lines(raw_entry(book), (dollars, 5, "USD"), (euros, -5, "EUR"))


@pytest.mark.django_db
def test_an_entry_without_lines_is_refused_at_commit() -> None:
    book = open_book()
    with refused_at_commit(UNBALANCED):
        raw_entry(book)


@pytest.mark.django_db
def test_a_balanced_entry_by_raw_sql_stands() -> None:
    book = open_book()
    raw_lines(raw_entry(book), (account(book, "unapplied_cash"), 7), (account(book, "trust_cash"), -7))
    connection.check_constraints()


@pytest.mark.django_db
def test_a_line_to_an_account_of_another_book_is_refused() -> None:
    book = open_book()
    ours, theirs = account(book, "unapplied_cash"), account(open_book(), "trust_cash")
    with refused_at_commit(MISFIT):
        raw_lines(raw_entry(book), (ours, 7), (theirs, -7))


@pytest.mark.django_db
@pytest.mark.parametrize("unknown", [10**15, -1])
def test_a_line_to_no_account_is_refused(unknown: int) -> None:
    book = open_book()
    cash = account(book, "unapplied_cash")
    with refused_at_commit(MISFIT):
        raw_lines(raw_entry(book), (cash, 7), (unknown, -7))


@pytest.mark.django_db
def test_a_line_in_another_currency_than_its_account_is_refused() -> None:
    book = open_book()
    cash, trust = account(book, "unapplied_cash"), account(book, "trust_cash")
    with refused_at_commit(MISFIT):
        raw_lines(raw_entry(book), (cash, 7, "EUR"), (trust, -7, "EUR"))


@pytest.mark.django_db
def test_an_entry_of_no_book_is_refused() -> None:
    book = open_book()
    cash, trust = account(book, "unapplied_cash"), account(book, "trust_cash")
    with refused_at_commit(MISFIT):
        raw_lines(raw_entry("bok_nobody"), (cash, 7), (trust, -7))


@pytest.mark.django_db
def test_a_line_of_another_day_than_its_entry_of_zero_or_of_no_entry_is_refused() -> None:
    book = open_book()
    cash, trust = account(book, "unapplied_cash"), account(book, "trust_cash")
    entry = raw_entry(book)
    with pytest.raises(DatabaseError) as other_day, transaction.atomic():
        raw_lines(entry, (cash, 7), (trust, -7), posted_on=DAY - dt.timedelta(days=1))
    with pytest.raises(DatabaseError) as no_entry, transaction.atomic():
        raw_lines("ent_nobody", (cash, 7), (trust, -7))
    with pytest.raises(DatabaseError, match="line_is_never_zero"), transaction.atomic():
        raw_lines(entry, (cash, 0), (trust, 0))
    assert sqlstate(other_day.value) == sqlstate(no_entry.value) == MISFIT
    raw_lines(entry, (cash, 7), (trust, -7))


@pytest.mark.django_db(transaction=True)
def test_lines_cannot_be_added_to_an_entry_by_a_later_transaction() -> None:
    book = open_book()
    (entry,) = write(asked(book))
    cash, trust = account(book, "unapplied_cash"), account(book, "trust_cash")
    with pytest.raises(DatabaseError) as error:
        raw_lines(entry, (cash, 7), (trust, -7))
    assert sqlstate(error.value) == MISFIT


@pytest.mark.django_db
def test_lines_cannot_be_added_to_an_entry_after_it_was_checked_early() -> None:
    book = open_book()
    cash, trust = account(book, "unapplied_cash"), account(book, "trust_cash")
    entry = raw_entry(book)
    raw_lines(entry, (cash, 7), (trust, -7))
    connection.check_constraints()
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        raw_lines(entry, (cash, 1))
    assert sqlstate(error.value) == MISFIT


@pytest.mark.django_db(transaction=True)
def test_an_entry_is_refused_in_a_transaction_that_may_not_see_a_seal() -> None:
    book = open_book()
    cash, trust = account(book, "unapplied_cash"), account(book, "trust_cash")
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        raw_lines(raw_entry(book), (cash, 7), (trust, -7))
    assert sqlstate(error.value) == OLD_SNAPSHOT


@pytest.mark.django_db
@pytest.mark.usefixtures("still")
def test_an_entry_into_a_sealed_period_is_refused_at_commit() -> None:
    book = open_book()
    sealed = DAY - dt.timedelta(days=1)
    cash, trust = account(book, "unapplied_cash"), account(book, "trust_cash")
    balances.seal(book_id=book, as_of=sealed, actor=TESTER)
    with refused_at_commit(SEALED):
        raw_lines(raw_entry(book, posted_on=sealed), (cash, 7), (trust, -7), posted_on=sealed)


@pytest.mark.django_db
def test_a_second_reversal_is_refused_by_raw_sql_too() -> None:
    (entry,) = write(asked(open_book()))
    turn_back(entry, "src_back")
    columns = "id, book_id, posted_on, source_id, kind, subject_id, memo, reverses_id, created_at"
    copied = "id || '2', book_id, posted_on, 'src_other', kind, subject_id, memo, reverses_id, created_at"
    again = (
        f"INSERT INTO reconciliation_entry ({columns}) SELECT {copied} FROM reconciliation_entry WHERE reverses_id = %s"
    )
    assert refused(again, (entry,)) == UNIQUE


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("table", "state"),
    [
        ("policies_policy", "quoted"),
        ("policies_policy", "not_taken"),
        ("billing_invoice", "void"),
        ("payments_payment", "refunded"),
        ("payments_payment", "processing"),
        ("payments_attempt", "planned"),
        ("payments_attempt", "declined"),
        ("payments_refund", "succeeded"),
        ("payments_refund", "declined"),
    ],
)
def test_an_illegal_jump_of_state_is_refused(house: House, table: str, state: str) -> None:
    payment = books.paid(house, books.billed(house))
    if table == "payments_payment" and state == "refunded":
        payment = books.collecting(house, books.billed(house)).payment
    else:
        refunds.request(payment_id=payment.id, reason="test", actor=house.me)
    row_id = {
        "policies_policy": payment.policy_id,
        "billing_invoice": payment.invoice_id,
        "payments_payment": payment.id,
        "payments_attempt": payment.attempts.get().id,
        "payments_refund": getattr(payment.refunds.first(), "id", ""),
    }[table]
    assert refused(f"UPDATE {table} SET state = %s WHERE id = %s", (state, row_id)) == JUMP


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["payments_payment", "payments_attempt", "billing_invoice", "policies_policy"])
def test_a_row_cannot_be_born_in_a_later_state(house: House, table: str) -> None:
    books.paid(house, books.billed(house))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} LIMIT 1")
        columns = [column.name for column in cursor.description]
    copied = ", ".join("'copy'" if column == "id" else f'"{column}"' for column in columns)
    assert refused(f"INSERT INTO {table} SELECT {copied} FROM {table} LIMIT 1") == "CP002"
