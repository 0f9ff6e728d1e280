"""Balances at any date, read from the last seal and the lines after it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection

from compliance.models import AuditEntry
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, Invalid, NotFound
from coverpay.kernel.money import Money
from reconciliation.ledger import balances
from reconciliation.ledger.balances import AlreadySealed
from reconciliation.ledger.models import Book, Snapshot
from reconciliation.ledger.posting import credit, debit
from tests.support import world
from tests.support.ledger import DAY, TESTER, account, asked, open_book, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still")]


def day(number: int) -> dt.date:
    """A day before today: 1 is yesterday."""
    return DAY - dt.timedelta(days=number)


def seal(book: str, as_of: dt.date, actor: Actor = TESTER) -> Snapshot:
    connection.check_constraints()  # what commits would have checked, before the seal
    return balances.seal(book_id=book, as_of=as_of, actor=actor)


def a_book() -> tuple[str, int]:
    """A book with 100 three days ago, 20 two days ago, 3 today; and its cash account."""
    book = open_book()
    for number, amount in ((3, 100), (2, 20), (0, 3)):
        write(asked(book, amount, posted_on=day(number)))
    return book, account(book, "unapplied_cash")


def test_a_balance_is_that_at_the_end_of_its_day() -> None:
    book, cash = a_book()
    found = [balances.balance(book, cash, day(number)) for number in (4, 3, 2, 1, 0)]
    assert found == [0, 100, 120, 120, 123]


def test_without_a_date_everything_counts_also_what_is_dated_ahead() -> None:
    book, cash = a_book()
    write(asked(book, 1_000, posted_on=DAY + dt.timedelta(days=30)))
    assert balances.balance(book, cash) == 1_123
    assert balances.balance(book, cash, DAY) == 123


@pytest.mark.parametrize("as_of", [3, 2, 1])
def test_a_seal_changes_no_balance_at_any_date(as_of: int) -> None:
    book, cash = a_book()
    dates = [day(number) for number in range(5, -1, -1)]
    before = [balances.balance(book, cash, at) for at in dates]
    seal(book, day(as_of))
    assert [balances.balance(book, cash, at) for at in dates] == before
    assert balances.balance(book, cash) == 123


def test_a_seal_builds_on_the_one_before() -> None:
    book, cash = a_book()
    first, second = seal(book, day(3)), seal(book, day(1))
    assert first.balances.get(account_id=cash).balance_minor == 100
    assert second.balances.get(account_id=cash).balance_minor == 120


def test_a_balance_after_a_seal_reads_only_lines_after_it() -> None:
    book, cash = a_book()
    seal(book, day(2))
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM reconciliation_line WHERE posted_on <= %s", [day(2)])
        cursor.execute("SET session_replication_role = origin")
    assert balances.balance(book, cash) == 123


def test_an_account_opened_after_a_seal_starts_at_zero() -> None:
    book, _ = a_book()
    seal(book, day(1))
    write(asked(book, 5, sides=(debit("trust_cash", Money(5), owner="bnk_1"), credit("unapplied_cash", Money(5)))))
    assert balances.balance(book, account(book, "trust_cash", owner="bnk_1")) == 5


def test_the_trial_balance_lists_every_account_and_sums_to_zero() -> None:
    book, cash = a_book()
    rows = balances.trial_balance(book, day(2))
    assert [(row.code, row.owner, row.balance_minor) for row in rows] == [
        ("tax_payable", "HI", -120),
        ("unapplied_cash", "", 120),
    ]
    assert rows[1].account_id == cash
    assert (rows[1].type, rows[1].fund, rows[1].currency) == ("liability", "trust", "USD")


def test_currencies_have_accounts_of_their_own() -> None:
    book, cash = a_book()
    yen = (debit("unapplied_cash", Money(500, "JPY")), credit("tax_payable", Money(500, "JPY"), owner="HI"))
    write(asked(book, sides=yen))
    assert balances.balance(book, account(book, "unapplied_cash", "JPY")) == 500
    assert balances.balance(book, cash) == 123


def test_an_account_of_another_book_has_no_balance_here() -> None:
    _, cash = a_book()
    other, _ = a_book()
    assert balances.balance(other, cash) == 0


@pytest.mark.parametrize("as_of", [1, 2])
def test_a_day_on_or_before_the_last_seal_cannot_be_sealed_again(as_of: int) -> None:
    book, _ = a_book()
    seal(book, day(1))
    with pytest.raises(AlreadySealed, match=f"sealed through {day(1)}"):
        seal(book, day(as_of))


@pytest.mark.parametrize("ahead", [0, 1])
def test_only_a_day_that_is_over_can_be_sealed(ahead: int) -> None:
    book, _ = a_book()
    with pytest.raises(Invalid, match="Only a day that is over"):
        seal(book, DAY + dt.timedelta(days=ahead))
    assert not Snapshot.objects.exists()


def test_sealing_is_for_those_who_may_on_their_own_books_and_is_audited() -> None:
    book, _ = a_book()
    organization = Book.objects.get(pk=book).organization
    with pytest.raises(Forbidden, match=r"reconciliation\.write"):
        seal(book, day(1), world.actor(organization, "viewer"))
    with pytest.raises(NotFound):
        seal(book, day(1), world.actor(world.organization(), "finance"))
    sealed = seal(book, day(1), world.actor(organization, "finance"))
    entry = AuditEntry.objects.get(action="book.seal")
    assert (entry.object_id, entry.organization_id) == (book, organization.id)
    assert entry.after == {"as_of": day(1).isoformat(), "snapshot": sealed.id}
    assert sealed.created_at == clock.now()
