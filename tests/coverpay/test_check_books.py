"""The proof of the books: it holds over a life of payments, and names whatever is broken on purpose."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction

from billing.models import Application, Invoice, Receipt, ReceiptReversal
from coverpay import books
from coverpay.books import Difference
from coverpay.kernel import clock
from payments import refunds, settlement
from payments.gateways.sandbox import Sandbox
from payments.models import Attempt, Payment, Payout, PayoutLine
from reconciliation.ledger import balances
from reconciliation.ledger.models import Entry, Line, Snapshot
from tests.support import books as books_of
from tests.support.books import House
from tests.support.database import at_once

COMMISSION = "UPDATE billing_application SET commission_minor = commission_minor - 1"


@pytest.fixture
def lived_in(house: House, sandbox: Sandbox) -> House:
    """A house with an open, a paid and a refunded invoice, money paid out, and a day sealed."""
    books_of.billed(house)
    books_of.paid(house, books_of.billed(house))
    given_back = books_of.paid(house, books_of.billed(house))
    sandbox.close_day(house.account.merchant, clock.today())
    settlement.import_payouts(account_id=house.account.id, since=clock.today(), actor=house.me)
    refund = refunds.request(payment_id=given_back.id, reason="paid twice", actor=house.me)
    refunds.submit(refund.id)
    clock.advance(dt.timedelta(days=1))
    connection.check_constraints()  # what commits would have checked, before the seal
    balances.seal(book_id=house.book_id, as_of=clock.today() - dt.timedelta(days=1), actor=house.me)
    return house


def breaking(statement: str, parameters: Any = ()) -> None:
    """Change rows behind every guard's back."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, parameters)
        assert cursor.rowcount > 0
        cursor.execute("SET session_replication_role = origin")


def named(check: str = "") -> set[tuple[str, str, int | None, int | None]]:
    """What differs: account, owner, expected, found."""
    return {
        (row.account, row.owner, row.expected_minor, row.found_minor)
        for row in books.check()
        if check in ("", row.check)
    }


def run(**options: Any) -> str:
    out = io.StringIO()
    call_command("check_books", stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db
def test_the_books_of_a_lived_in_house_tie_and_say_how(lived_in: House) -> None:
    assert books.check() == []
    said = run()
    assert f"Books of {lived_in.operator.code}" in said
    for check in books.CHECKS:
        assert f"holds  {check}" in said
    shown = {line.split()[0]: line.split()[1] for line in said.splitlines() if line.endswith(" USD")}
    assert shown["premium_receivable"] == "10,718.00"
    assert shown["billed_uncollected"] == "-10,718.00"
    assert shown["commission_in_trust"] == "-750.00"
    assert "1 books tie." in said


@pytest.mark.django_db
def test_a_house_without_any_business_ties() -> None:
    assert books.check() == []
    assert "0 books tie." in run()


@pytest.mark.django_db
def test_a_changed_line_is_named_by_entry_by_account_and_by_cause(lived_in: House) -> None:
    line = Line.objects.filter(account__code="premium_receivable", entry__kind="invoice.issued").earliest("id")
    breaking("UPDATE reconciliation_line SET amount_minor = amount_minor + 7 WHERE id = %s", [line.id])
    found = named()
    assert ("trust side of entry", line.entry_id, 0, 7) in found
    assert ("trust fund", "", 0, 7) in found
    assert ("premium_receivable", "", 1_071_800, 1_071_807) in found
    assert ("invoice.issued", line.entry.source_id, 535_900, 535_907) in found
    assert ("premium_receivable", "sealed 2026-02-02", 1_071_807, 1_071_800) in found


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["invoice.issued", "payment.taken", "payment.undone", "payout.recorded"])
def test_a_cause_without_its_entry_is_named(lived_in: House, kind: str) -> None:
    entry = Entry.objects.filter(kind=kind).earliest("id")
    breaking("DELETE FROM reconciliation_line WHERE entry_id = %s", [entry.id])
    breaking("DELETE FROM reconciliation_entry WHERE id = %s", [entry.id])
    missing = [row for row in named("every cause has its entry, every entry its cause") if row[3] is None]
    assert [(account, owner) for account, owner, _, _ in missing] == [(kind, entry.source_id)]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["cash.applied", "cash.unapplied"])
def test_a_receipt_whose_application_was_not_posted_is_named(lived_in: House, kind: str) -> None:
    entry = Entry.objects.filter(kind=kind).earliest("id")
    receipt_id = Application.objects.get(pk=entry.source_id).receipt_id
    breaking("DELETE FROM reconciliation_line WHERE entry_id = %s", [entry.id])
    breaking("DELETE FROM reconciliation_entry WHERE id = %s", [entry.id])
    sign = 1 if kind == "cash.applied" else -1
    assert (kind, receipt_id, sign * 535_900, None) in named()


@pytest.mark.django_db
def test_an_entry_without_a_cause_is_named(lived_in: House) -> None:
    invoice = Invoice.objects.earliest("id")
    breaking("UPDATE reconciliation_entry SET source_id = 'inv_nobody' WHERE source_id = %s", [invoice.id])
    found = named("every cause has its entry, every entry its cause")
    assert found == {
        ("invoice.issued", "inv_nobody", None, 535_900),
        ("invoice.issued", invoice.id, 535_900, None),
    }


@pytest.mark.django_db
def test_an_entry_of_a_kind_nobody_posts_is_named(lived_in: House) -> None:
    entry = Entry.objects.filter(kind="invoice.issued").earliest("id")
    breaking("UPDATE reconciliation_entry SET kind = 'made.up' WHERE id = %s", [entry.id])
    assert ("made.up", entry.source_id, None, 0) in named()


@pytest.mark.django_db
def test_an_entry_without_lines_is_named(lived_in: House) -> None:
    entry = Entry.objects.filter(kind="invoice.issued").earliest("id")
    breaking("DELETE FROM reconciliation_line WHERE entry_id = %s", [entry.id])
    assert ("entry", entry.id, 0, None) in named("every entry balances in each currency and fund")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    ["account_id = (SELECT MAX(id) + 1 FROM reconciliation_account)", "posted_on = '2020-01-01'", "currency = 'EUR'"],
)
def test_a_line_that_does_not_fit_its_entry_or_account_is_named(lived_in: House, change: str) -> None:
    line = Line.objects.filter(entry__kind="invoice.issued").earliest("id")
    breaking(f"UPDATE reconciliation_line SET {change} WHERE id = %s", [line.id])
    assert ("line of entry", line.entry_id, 535_900, None) in named("every line fits its entry and its account")


@pytest.mark.django_db
def test_a_reversal_that_is_not_the_exact_opposite_is_named(lived_in: House) -> None:
    entry = Entry.objects.filter(kind="payment.undone").get()
    taken = entry.lines.get(account__code="processor_clearing")
    other = Line.objects.filter(account__code="trust_cash").earliest("id").account_id
    breaking("UPDATE reconciliation_line SET account_id = %s WHERE id = %s", [other, taken.id])
    assert named("every reversal is the exact opposite") == {
        ("processor_clearing", entry.id, 0, 535_900),
        ("trust_cash", entry.id, 0, -535_900),
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("account", "statement", "difference"),
    [
        ("premium_receivable", "UPDATE billing_invoice SET total_minor = total_minor + 100", -300),
        ("billed_uncollected", "UPDATE billing_invoice SET total_minor = total_minor + 100", 300),
        ("unapplied_cash", "UPDATE billing_receipt SET amount_minor = amount_minor - 1", -1),
        ("premium_payable", f"{COMMISSION} WHERE commission_minor > 0", 2),
        ("commission_in_trust", f"{COMMISSION} WHERE commission_minor > 0", -2),
        ("tax_payable", "UPDATE billing_invoiceline SET payee = 'CA' WHERE payee = 'HI'", -23_400),
        ("processor_clearing", "UPDATE payments_payoutline SET gross_minor = gross_minor + 5", 10),
        ("trust_cash", "UPDATE payments_payout SET amount_minor = amount_minor + 5", -5),
        ("due_from_operating", "UPDATE payments_payoutline SET fee_minor = fee_minor + 1", -2),
        ("due_to_trust", "UPDATE payments_payoutline SET fee_minor = fee_minor + 1", 2),
        ("processor_fees", "UPDATE payments_payoutline SET fee_minor = fee_minor - 1", 2),
    ],
)
def test_an_account_that_differs_from_its_rows_is_named(
    lived_in: House, account: str, statement: str, difference: int
) -> None:
    breaking(statement)
    wrong = [row for row in books.check() if row.check == books.ACCOUNTS and row.account == account]
    assert difference in [row.difference_minor for row in wrong]


@pytest.mark.django_db
def test_receipts_and_payments_that_disagree_are_named(lived_in: House) -> None:
    receipt = Receipt.objects.filter(reversal__isnull=True).get()
    breaking("UPDATE billing_receipt SET amount_minor = 1 WHERE id = %s", [receipt.id])
    breaking("DELETE FROM billing_receiptreversal")
    undone = Payment.objects.get(state="refunded")
    assert named(books.RECEIPTS) == {
        ("receipt of payment", receipt.source_id, 535_900, 1),
        ("receipt taken back of payment", undone.id, 535_900, 0),
    }


@pytest.mark.django_db
def test_a_payment_taken_that_brought_no_receipt_is_named(lived_in: House) -> None:
    receipt = Receipt.objects.filter(reversal__isnull=True).get()
    breaking("DELETE FROM billing_receipt WHERE id = %s", [receipt.id])
    assert ("receipt of payment", receipt.source_id, 535_900, None) in named()


@pytest.mark.django_db
def test_trust_and_operating_that_disagree_are_named(lived_in: House) -> None:
    line = Line.objects.filter(account__code="due_to_trust").get()
    owed = -line.amount_minor
    breaking("UPDATE reconciliation_line SET amount_minor = amount_minor - 9 WHERE id = %s", [line.id])
    assert named("trust claims from operating what operating owes it") == {("due_from_operating", "", owed + 9, owed)}


@pytest.mark.django_db
def test_a_sealed_balance_that_was_changed_or_lost_is_named(lived_in: House) -> None:
    snapshot = Snapshot.objects.get()
    receivable = snapshot.balances.get(account__code="premium_receivable")
    tax = snapshot.balances.get(account__code="tax_payable")
    breaking("UPDATE reconciliation_snapshotbalance SET balance_minor = 5 WHERE id = %s", [receivable.id])
    breaking("DELETE FROM reconciliation_snapshotbalance WHERE id = %s", [tax.id])
    assert named("sealed balances equal what they sealed") == {
        ("premium_receivable", "sealed 2026-02-02", 1_071_800, 5),
        ("tax_payable", "HI sealed 2026-02-02", -23_400, 0),
    }


@pytest.mark.django_db
def test_a_difference_says_what_was_expected_what_was_found_and_by_how_much() -> None:
    wrong = Difference("org_x", "check", "tax_payable", "HI", "USD", -23_400, -23_399)
    assert str(wrong) == "tax_payable of HI: expected -234.00 USD, found -233.99 USD, difference 0.01 USD"
    lost = Difference("org_x", "check", "invoice.issued", "inv_1", "JPY", 500, None)
    assert str(lost) == "invoice.issued of inv_1: expected 500 JPY, found nothing, difference -500 JPY"


@pytest.mark.django_db
def test_the_command_fails_naming_the_difference_and_only_in_the_book_it_is_in(lived_in: House) -> None:
    other = books_of.open_house()
    books_of.paid(other, books_of.billed(other))
    breaking("UPDATE payments_payout SET amount_minor = amount_minor + 5")
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 differences; the books do not tie") as failure:
        call_command("check_books", stdout=out)
    assert failure.value.returncode == 1
    payout = Payout.objects.get()
    assert f"trust_cash of {lived_in.bank.id}: expected" in out.getvalue()
    assert "difference -0.05 USD" in out.getvalue()
    assert payout.amount_minor == sum(line.gross_minor - line.fee_minor for line in PayoutLine.objects.all()) + 5
    assert "1 books tie." in run(organization=other.operator.code)
    with pytest.raises(CommandError, match="differences"):
        run(organization=lived_in.operator.code)


@pytest.mark.django_db
def test_the_command_knows_every_organization_it_is_asked_about() -> None:
    with pytest.raises(CommandError, match="No organization with the code 'nobody'"):
        run(organization="nobody")


@pytest.mark.django_db(transaction=True)
def test_the_proof_reads_one_moment_while_business_goes_on_and_can_write_nothing(house: House) -> None:
    invoice = books_of.billed(house)
    rows = books.compare()
    seen = [next(rows)]
    (paid,) = at_once(lambda: books_of.paid(house, invoice))
    assert isinstance(paid, Payment), paid
    assert Attempt.objects.count() == 0, "the moment of the proof is before the payment"
    with pytest.raises(DatabaseError, match="read-only transaction"), transaction.atomic():
        ReceiptReversal.objects.create(receipt_id="rcp_x", reason="refunded", reversed_on=clock.today())
    seen += rows
    assert not [row for row in seen if isinstance(row, Difference)]
    assert Attempt.objects.count() == 1
    assert books.check() == []
