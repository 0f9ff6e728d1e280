"""Whatever is posted and sealed, in whatever order, balances equal a plain sum at every date."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import settings as searching
from hypothesis import strategies as st

from coverpay.kernel.money import Money
from reconciliation.ledger import balances
from reconciliation.ledger.models import Entry
from reconciliation.ledger.posting import PeriodSealed, Side, credit, debit
from tests.support.database import undone
from tests.support.ledger import DAY, TESTER, asked, open_book, write

FIRST = DAY - dt.timedelta(days=8)
TRUST = [("trust_cash", "bnk_1"), ("trust_cash", "bnk_2"), ("unapplied_cash", ""), ("tax_payable", "HI")]
OPERATING = [("operating_cash", "bnk_3"), ("due_to_trust", ""), ("processor_fees", "gwa_1")]
days = st.integers(0, 8).map(lambda number: FIRST + dt.timedelta(days=number))
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Post:
    """Several entries of one day at once."""

    on: dt.date
    entries: tuple[tuple[Side, ...], ...]


@dataclass(frozen=True)
class Seal:
    """Seal through a day."""

    through: dt.date


@st.composite
def balanced(draw: st.DrawFn) -> tuple[Side, ...]:
    """Sides that balance in one currency and fund: some accounts, and one that takes the rest."""
    accounts = draw(st.sampled_from([TRUST, OPERATING]))
    currency = draw(st.sampled_from(["USD", "EUR", "JPY"]))
    chosen = draw(st.lists(st.sampled_from(accounts), min_size=1, max_size=3))
    amounts = [draw(st.integers(1, 10**9)) for _ in chosen]
    sides = [
        debit(code, Money(amount, currency), owner=owner) for (code, owner), amount in zip(chosen, amounts, strict=True)
    ]
    code, owner = draw(st.sampled_from(accounts))
    return (*sides, credit(code, Money(sum(amounts), currency), owner=owner))


entries = st.lists(balanced() | st.tuples(balanced(), balanced()).map(lambda two: two[0] + two[1]), max_size=3)
posts = st.builds(Post, days, entries.filter(bool).map(tuple))
acts = st.lists(posts | st.builds(Seal, days.filter(lambda day: day < DAY)), min_size=1, max_size=8)


def carry_out(
    book: str, act: Post | Seal, sealed: dt.date | None, plain: list[tuple[dt.date, Key, int]]
) -> dt.date | None:
    """Do one thing to the book and to the plain list. Gives: through when the book is sealed now."""
    if isinstance(act, Seal):
        if sealed is not None and act.through <= sealed:
            return sealed
        connection.check_constraints()  # what commits would have checked, before the seal
        balances.seal(book_id=book, as_of=act.through, actor=TESTER)
        return act.through
    postings = [asked(book, posted_on=act.on, sides=sides) for sides in act.entries]
    if sealed is not None and act.on <= sealed:
        count = Entry.objects.count()
        with pytest.raises(PeriodSealed):
            write(*postings)
        assert Entry.objects.count() == count
        return sealed
    write(*postings)
    for posting in postings:
        for side in posting.sides:
            plain.append((act.on, (side.code, side.owner, side.amount.currency), side.amount.amount_minor))
    return sealed


@pytest.mark.django_db
@pytest.mark.usefixtures("still")
@given(acts)
@searching(max_examples=60)
def test_balances_equal_a_plain_sum_at_every_date_however_periods_are_sealed(what: list[Post | Seal]) -> None:
    with undone():
        book, sealed = open_book(), None
        plain: list[tuple[dt.date, Key, int]] = []
        for act in what:
            sealed = carry_out(book, act, sealed, plain)
        for at in [FIRST + dt.timedelta(days=number) for number in range(-1, 10)]:
            expected: Counter[Key] = Counter()
            for on, key, amount in plain:
                if on <= at:
                    expected[key] += amount
            found = {
                (row.code, row.owner, row.currency): row.balance_minor
                for row in balances.trial_balance(book, at)
                if row.balance_minor
            }
            assert found == {key: amount for key, amount in expected.items() if amount}
