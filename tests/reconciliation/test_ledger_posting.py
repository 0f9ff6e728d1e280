"""Posting: balanced, once per source and kind, into open periods only, and undone by name."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from coverpay.kernel import commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import CommandNeeded, command
from coverpay.kernel.errors import NotFound
from coverpay.kernel.money import Money
from reconciliation.ledger import balances, posting
from reconciliation.ledger.accounts import UnknownAccount
from reconciliation.ledger.models import Account, Entry, Line
from reconciliation.ledger.posting import (
    COPY_FROM,
    AlreadyReversed,
    PeriodSealed,
    Posting,
    PostingDiffers,
    Unbalanced,
    credit,
    debit,
)
from tests.support.ledger import DAY, TESTER, asked, open_book, turn_back, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still")]
FEW, MANY = 3, COPY_FROM + 10
YESTERDAY = DAY - dt.timedelta(days=1)
BEFORE = YESTERDAY - dt.timedelta(days=1)


def lines_of(entry_id: str) -> list[tuple[str, str, str, int, str, dt.date]]:
    rows = Line.objects.filter(entry_id=entry_id).order_by("id")
    return list(
        rows.values_list("account__code", "account__owner", "currency", "amount_minor", "reference", "posted_on")
    )


def many(book_id: str, count: int, **changes: object) -> list[Posting]:
    return [asked(book_id, 100 + number, **changes) for number in range(count)]


def seal(book_id: str) -> None:
    connection.check_constraints()  # what commits would have checked, before the seal
    balances.seal(book_id=book_id, as_of=YESTERDAY, actor=TESTER)


@pytest.mark.parametrize("count", [1, FEW, MANY])
def test_a_posting_becomes_an_entry_with_its_lines_in_order_and_without_zeros(count: int) -> None:
    book = open_book()
    sides = (
        debit("trust_cash", Money(900), owner="bnk_1", reference="PO-1"),
        debit("due_from_operating", Money(0)),
        credit("processor_clearing", Money(900), owner="gwa_1", reference="PO-1"),
    )
    wanted = many(book, count, sides=sides, subject_id="pol_1", memo="a \"memo\" with 'quotes', ünïcode and a \n line")
    written = write(*wanted)
    assert written == [one.id for one in wanted]
    entry = Entry.objects.get(pk=written[-1])
    assert (entry.book_id, entry.posted_on, entry.kind) == (book, DAY, "test")
    assert (entry.source_id, entry.subject_id, entry.memo) == (wanted[-1].source_id, "pol_1", wanted[-1].memo)
    assert lines_of(entry.id) == [
        ("trust_cash", "bnk_1", "USD", 900, "PO-1", DAY),
        ("processor_clearing", "gwa_1", "USD", -900, "PO-1", DAY),
    ]


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ((debit("trust_cash", Money(5)), credit("unapplied_cash", Money(4))), "off by 0.01 USD in the trust fund"),
        ((debit("trust_cash", Money(5)), credit("unapplied_cash", Money(5, "EUR"))), "USD in the trust fund"),
        ((debit("trust_cash", Money(5)), credit("due_to_trust", Money(5))), "in the trust fund"),
        ((debit("trust_cash", Money(0)), credit("unapplied_cash", Money(0))), "moves nothing"),
        ((), "moves nothing"),
    ],
)
def test_a_posting_that_does_not_balance_in_each_currency_and_fund_is_refused(
    sides: tuple[posting.Side, ...], said: str
) -> None:
    book = open_book()
    with pytest.raises(Unbalanced, match=said):
        write(asked(book), asked(book, sides=sides))
    assert not Entry.objects.exists()


def test_a_posting_to_an_account_outside_the_chart_is_refused() -> None:
    with pytest.raises(UnknownAccount, match="petty_cash"):
        write(asked(open_book(), sides=(debit("petty_cash", Money(1)), credit("trust_cash", Money(1)))))


def test_amounts_as_large_as_any_we_accept_are_posted_exactly() -> None:
    (entry,) = write(asked(open_book(), 10**15))
    assert [row[3] for row in lines_of(entry)] == [10**15, -(10**15)]


def test_accounts_are_opened_on_demand_as_the_chart_says() -> None:
    book = open_book()
    write(*many(book, MANY))
    opened = Account.objects.filter(book_id=book).order_by("code").values_list("code", "owner", "type", "fund")
    assert list(opened) == [("tax_payable", "HI", "liability", "trust"), ("unapplied_cash", "", "liability", "trust")]


def test_posting_outside_a_command_is_refused() -> None:
    book = open_book()
    with pytest.raises(CommandNeeded):
        posting.post(asked(book))


@pytest.mark.parametrize("count", [1, FEW, MANY])
def test_posting_again_changes_nothing_and_gives_the_same_ids(count: int) -> None:
    wanted = many(open_book(), count)
    first = write(*wanted)
    again = write(*(dataclasses.replace(one, id=f"{one.id[:-4]}0000") for one in wanted))
    assert again == first
    assert Entry.objects.count() == count
    assert Line.objects.count() == 2 * count


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_batch_of_old_and_new_postings_writes_the_new_ones(count: int) -> None:
    wanted = many(open_book(), count)
    (old,) = write(dataclasses.replace(wanted[1], id="ent_00000000000000000000000000"))
    written = write(*wanted)
    assert written == [wanted[0].id, old, *(one.id for one in wanted[2:])]
    assert Entry.objects.count() == count


@pytest.mark.parametrize(
    "change",
    [
        lambda one: dataclasses.replace(one, sides=(one.sides[0], credit("tax_payable", Money(1_000), owner="CA"))),
        lambda one: dataclasses.replace(
            one, sides=(debit("unapplied_cash", Money(7)), credit("tax_payable", Money(7), owner="HI"))
        ),
        lambda one: dataclasses.replace(one, sides=(*one.sides, *one.sides)),
        lambda one: dataclasses.replace(one, book_id=open_book()),
    ],
    ids=["owner", "amount", "more lines", "book"],
)
@pytest.mark.parametrize("others", [0, FEW, MANY])
def test_the_same_source_and_kind_with_other_lines_is_refused(
    change: Callable[[Posting], Posting], others: int
) -> None:
    book = open_book()
    one = asked(book)
    write(one)
    with pytest.raises(PostingDiffers, match=one.source_id):
        write(*many(book, others), dataclasses.replace(change(one), id="ent_00000000000000000000000000"))
    assert Entry.objects.count() == 1, "nothing of the batch is written"


def test_one_posting_to_known_accounts_is_one_statement() -> None:
    book = open_book()
    write(asked(book))

    @command
    def counted(*, actor: Actor) -> int:
        commands.unchanged()
        with CaptureQueriesContext(connection) as queries:
            posting.post(asked(book))
        return len(queries)

    assert counted(actor=TESTER) == 1


@pytest.mark.parametrize("count", [1, FEW, MANY])
@pytest.mark.parametrize("day", [YESTERDAY, BEFORE])
def test_a_sealed_day_is_refused_up_front_and_nothing_is_written(count: int, day: dt.date) -> None:
    book = open_book()
    write(asked(book))
    seal(book)
    wanted = [*many(book, count - 1), asked(book, posted_on=day)]

    @command
    def try_it(*, actor: Actor) -> None:
        commands.unchanged()
        with pytest.raises(PeriodSealed, match=f"sealed through {YESTERDAY}"):
            posting.post_many(wanted)

    try_it(actor=TESTER)
    assert Entry.objects.count() == 1


@pytest.mark.parametrize("count", [1, FEW, MANY])
def test_the_day_after_a_seal_and_other_books_are_open(count: int) -> None:
    book, other = open_book(), open_book()
    seal(book)
    assert len(write(*many(book, count))) == count
    assert len(write(*many(other, count, posted_on=BEFORE))) == count


@pytest.mark.parametrize("count", [1, FEW, MANY])
def test_posting_again_what_a_sealed_period_holds_gives_its_ids(count: int) -> None:
    book = open_book()
    wanted = many(book, count, posted_on=BEFORE)
    first = write(*wanted)
    seal(book)
    new = asked(book)
    again = [dataclasses.replace(one, id=f"{one.id[:-4]}0000") for one in wanted]
    assert write(*again, new) == [*first, new.id]


def test_a_reversal_is_the_exact_opposite_and_names_what_it_reverses() -> None:
    book = open_book()
    (first,) = write(asked(book, subject_id="pol_1"))
    back = turn_back(first, "src_back", posted_on=DAY + dt.timedelta(days=3))
    entry = Entry.objects.get(pk=back)
    assert (entry.reverses_id, entry.source_id, entry.kind, entry.subject_id) == (first, "src_back", "undone", "pol_1")
    opposite = [(*row[:3], -row[3], row[4], DAY + dt.timedelta(days=3)) for row in lines_of(first)]
    assert lines_of(back) == opposite
    assert not [row for row in balances.trial_balance(book) if row.balance_minor]


def test_reversing_again_changes_nothing_and_another_reversal_is_refused() -> None:
    (first,) = write(asked(open_book()))
    back = turn_back(first, "src_back")
    assert turn_back(first, "src_back") == back
    with pytest.raises(AlreadyReversed, match=first):
        turn_back(first, "src_other")
    assert Entry.objects.count() == 2


def test_a_reversal_posts_into_open_days_only_and_knows_its_entry() -> None:
    book = open_book()
    (first,) = write(asked(book, posted_on=BEFORE))
    seal(book)
    with pytest.raises(PeriodSealed):
        turn_back(first, "src_back", posted_on=BEFORE)
    assert turn_back(first, "src_back", posted_on=DAY)
    with pytest.raises(NotFound, match="ent_nothing"):
        turn_back("ent_nothing", "src_back")


def test_no_postings_at_all_are_nothing_to_do() -> None:
    assert write() == []
