"""The proof of the books knows what resolved breaks posted, and names it when it is broken on purpose."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection

from coverpay import books
from coverpay.kernel import clock
from payments import break_resolutions
from payments.models import BreakResolution
from payments.resolution_previews import Wish
from reconciliation.ledger.models import Entry
from tests.coverpay.test_check_books import breaking, named
from tests.support import bank, resolving
from tests.support.books import House

pytestmark = pytest.mark.django_db
CAUSES = "every cause has its entry, every entry its cause"


def resolved(house: House) -> dict[str, BreakResolution]:
    """A fee on trust money, a fee and interest on our own."""
    own = resolving.operating(house)
    day_before = clock.today() - dt.timedelta(days=1)
    found = {
        "interest": (resolving.stated(house, bank.line(77), account=own, on=day_before)[0], "interest"),
        "trust fee": (resolving.bank_fee(house, 1_250), "bank_fee"),
        "own fee": (resolving.bank_fee(house, 900, own), "bank_fee"),
    }
    return {
        name: break_resolutions.resolve(break_id=each.id, wish=Wish(way), reason="x", actor=house.me)
        for name, (each, way) in found.items()
    }


def test_what_resolutions_posted_is_expected_of_every_account(house: House) -> None:
    resolved(house)
    assert books.check() == []
    expected = {
        (row.account, row.expected_minor)
        for row in books.compare()
        if isinstance(row, books.Total) and row.check == books.ACCOUNTS
    }
    assert {("bank_fees", 2_150), ("due_from_operating", 1_250), ("due_to_trust", -1_250)} <= expected
    assert {("trust_cash", -1_250), ("operating_cash", -823), ("interest_income", -77)} <= expected


@pytest.mark.parametrize(
    ("which", "wrong"),
    [
        ("trust fee", {"trust_cash", "due_from_operating", "due_to_trust", "bank_fees", "bank_fee.charged"}),
        ("own fee", {"operating_cash", "bank_fees", "bank_fee.charged"}),
        ("interest", {"operating_cash", "interest_income", "bank_interest.credited"}),
    ],
)
def test_a_resolution_of_another_amount_is_named_by_each_account_and_by_its_cause(
    house: House, which: str, wrong: set[str]
) -> None:
    made = resolved(house)[which]
    breaking("UPDATE payments_breakresolution SET amount_minor = amount_minor - 7 WHERE id = %s", [made.id])
    assert {account for account, *_ in named()} == wrong


@pytest.mark.parametrize("kind", ["bank_fee.charged", "bank_interest.credited"])
def test_a_resolution_without_its_entry_is_named(house: House, kind: str) -> None:
    resolved(house)
    entry = Entry.objects.filter(kind=kind).earliest("id")
    connection.check_constraints()  # what commits would have checked, before it is broken
    breaking(
        "DELETE FROM reconciliation_matchbookline WHERE ledger_line_id IN "
        "(SELECT id FROM reconciliation_line WHERE entry_id = %s)",
        [entry.id],
    )
    breaking("DELETE FROM reconciliation_line WHERE entry_id = %s", [entry.id])
    breaking("DELETE FROM reconciliation_entry WHERE id = %s", [entry.id])
    missing = [(row[0], row[1]) for row in named(CAUSES) if row[3] is None]
    assert missing == [(kind, entry.source_id)]


def test_an_entry_without_its_resolution_is_named(house: House) -> None:
    made = resolved(house)["trust fee"]
    breaking("DELETE FROM payments_breakresolution WHERE id = %s", [made.id])
    assert ("bank_fee.charged", made.id, None, 1_250) in named(CAUSES)
