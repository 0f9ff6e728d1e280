"""The proof of the books over credits, carried cash, suspense and terms: whatever is broken on purpose is named."""

from __future__ import annotations

import pytest
from django.db import connection

from billing import distributions, suspense
from billing.models import CashTransfer, Invoice, Receipt, SuspenseItem
from coverpay import books
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from reconciliation.ledger.models import Entry
from tests.coverpay.test_check_books import breaking, named
from tests.support import books as books_of
from tests.support import plain
from tests.support.books import House
from tests.support.changes import on
from tests.support.plain import DAY_100

pytestmark = pytest.mark.django_db
CAUSES = "every cause has its entry, every entry its cause"
COVERED = "nothing is covered beyond what it asks for, and invoices are open while something is"


@pytest.fixture
def moved(house: House) -> House:
    """A cancelled policy with a superseded invoice, cash carried and carried back, deposits in every state."""
    policy, other = plain.bound(house), books_of.bound(house, program="plain")
    plain.paid(house, policy)
    plain.billed(house, other)
    receipt = Receipt.objects.get()
    distributions.unapply(receipt_id=receipt.id, reason="Wrong policy", actor=house.me)
    for minor in (100_000, 50_000):
        transfer = distributions.transfer(
            receipt_id=receipt.id, to_policy_id=other.id, amount=Money(minor), reason="That one", actor=house.me
        )
    distributions.take_transfer_back(transfer_id=transfer.id, reason="Undo", actor=house.me)
    for source in ("kept", "returned", "placed", "undone"):
        item = suspense.record_unidentified(
            bank_account_id=house.bank.id, source_id=source, payor="", memo="", policy_reference="",
            amount=Money(1_000), received_on=clock.today(), actor=house.me,
        )  # fmt: skip
        if source == "returned":
            suspense.return_to_sender(item_id=item.id, reason="Not ours", actor=house.me)
        if source in ("placed", "undone"):
            suspense.place(item_id=item.id, policy_id=other.id, reason="Known", actor=house.me)
        if source == "undone":
            suspense.undo(item_id=item.id, reason="Not known", actor=house.me)
    with on(DAY_100):
        plain.cancelled(house, policy)
    connection.check_constraints()  # what commits would have checked, before anything is broken
    return house


def test_a_house_in_which_money_moved_ties(moved: House) -> None:
    assert books.check() == []
    assert Invoice.objects.filter(state="superseded").count() == 1


@pytest.mark.parametrize(
    "kind",
    ["line.credited", "cash.transferred", "cash.transfer_undone", "suspense.opened", "suspense.placed",
     "suspense.placing_undone", "suspense.returned"],
)  # fmt: skip
def test_a_move_without_its_entry_is_named(moved: House, kind: str) -> None:
    entry = Entry.objects.filter(kind=kind).earliest("id")
    breaking("DELETE FROM reconciliation_line WHERE entry_id = %s", [entry.id])
    breaking("DELETE FROM reconciliation_entry WHERE id = %s", [entry.id])
    missing = [row for row in named(CAUSES) if row[3] is None]
    assert [(account, owner) for account, owner, _, _ in missing] == [(kind, entry.source_id)]


@pytest.mark.parametrize(
    ("account", "statement", "difference"),
    [
        ("premium_receivable", "UPDATE billing_linecredit SET amount_minor = amount_minor + 1", 2),
        ("billed_uncollected", "UPDATE billing_linecredit SET amount_minor = amount_minor + 1", -2),
        ("unapplied_cash", "DELETE FROM billing_cashtransfer", 100_000),
        ("suspense_cash", "UPDATE billing_suspenseitem SET amount_minor = amount_minor + 1 WHERE state = 'open'", 2),
        ("trust_cash", "UPDATE billing_suspenseitem SET amount_minor = amount_minor + 1 WHERE state = 'open'", -2),
    ],
)
def test_an_account_that_differs_from_what_moved_is_named(
    moved: House, account: str, statement: str, difference: int
) -> None:
    breaking(statement)
    wrong = [row for row in books.check() if row.check == books.ACCOUNTS and row.account == account]
    assert [row.difference_minor for row in wrong] == [difference]


def test_a_term_that_charges_something_else_than_is_billed_is_named(moved: House) -> None:
    term = Invoice.objects.filter(state="superseded").get().lines.get().term_id
    breaking("UPDATE policies_charge SET amount_minor = amount_minor + 7 WHERE amount_minor < 0")
    assert named(books.TERMS) == {("premium", term, 328_774, 328_767)}


def test_an_installment_that_was_dropped_is_named(house: House) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    breaking("DELETE FROM billing_installmentitem WHERE installment_id IN"
             " (SELECT id FROM billing_installment WHERE invoice_id IS NULL)")  # fmt: skip
    assert named(books.TERMS) == {("premium", policy.terms.get().id, 1_200_000, 600_000)}


def test_an_invoice_whose_state_is_not_that_of_its_lines_is_named(moved: House) -> None:
    paid = Invoice.objects.filter(state="paid").first()
    open_one = Invoice.objects.filter(state="open").get()
    assert paid is not None
    breaking("UPDATE billing_invoice SET state = 'paid' WHERE id = %s", [open_one.id])
    (wrong,) = named(COVERED)
    assert wrong[:3] == ("open of invoice paid", open_one.id, 0)


def test_transfers_and_deposits_that_their_receipts_do_not_tell_of_are_named(moved: House) -> None:
    transfer = CashTransfer.objects.filter(to_receipt__reversal=None).get()
    item = SuspenseItem.objects.get(state="placed")
    breaking("UPDATE billing_receipt SET amount_minor = 1 WHERE source_id IN (%s, %s)", [transfer.id, item.id])
    found = named(books.RECEIPTS)
    assert ("receipt of transfer", transfer.id, 100_000, 1) in found
    assert ("receipt of suspense item", item.id, 1_000, 1) in found
    assert ("placed suspense item", item.id, 1_000, 1) in found
    assert {row[0] for row in named(COVERED)} == {"receipt beyond what it brought"}
