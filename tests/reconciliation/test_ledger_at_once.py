"""The ledger under several hands: real threads, real transactions."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection, connections, transaction
from django.db.models import Sum

from coverpay.kernel import commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Busy
from reconciliation.ledger import balances, posting
from reconciliation.ledger.models import Account, Entry, Line, Snapshot, SnapshotBalance
from reconciliation.ledger.posting import COPY_FROM, AlreadyReversed, PeriodSealed, Posting
from tests.support.database import at_once
from tests.support.ledger import DAY, TESTER, account, asked, open_book, raw_entry, raw_lines, turn_back, write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("still")]
YESTERDAY = DAY - dt.timedelta(days=1)
MANY = COPY_FROM + 10


def other_ids(wanted: list[Posting], mark: int) -> list[Posting]:
    return [dataclasses.replace(one, id=f"{one.id[:-3]}{mark:03d}") for one in wanted]


@pytest.mark.parametrize("count", [1, MANY])
def test_eight_threads_that_need_the_same_new_account_open_it_once(count: int) -> None:
    book = open_book()
    batches = [[asked(book, 100 + n) for n in range(count)] for _ in range(8)]
    results = at_once(*(partial(write, *batch) for batch in batches))
    assert results == [[one.id for one in batch] for batch in batches]
    assert Account.objects.filter(book_id=book).count() == 2
    assert Line.objects.count() == 8 * 2 * count


@pytest.mark.parametrize("count", [1, MANY])
def test_eight_threads_that_post_the_same_write_it_once_and_all_get_its_ids(count: int) -> None:
    book = open_book()
    wanted = [asked(book, 100 + n) for n in range(count)]
    results = at_once(*(partial(write, *other_ids(wanted, mark)) for mark in range(8)))
    assert len({tuple(result) for result in results}) == 1, results
    assert Entry.objects.count() == count
    assert Line.objects.count() == 2 * count


def test_an_entry_is_reversed_once_however_many_sources_try_at_once() -> None:
    (entry,) = write(asked(open_book()))
    results = at_once(*(partial(turn_back, entry, f"src_back{n}") for n in range(6)))
    assert sum(isinstance(result, str) for result in results) == 1, results
    assert sum(isinstance(result, AlreadyReversed) for result in results) == 5, results


def test_a_posting_that_is_open_while_the_period_is_sealed_fails_at_its_commit() -> None:
    book = open_book()
    written, sealed = threading.Event(), threading.Event()

    @command
    def post_slowly(*, actor: Actor) -> None:
        commands.unchanged()
        posting.post(asked(book, posted_on=YESTERDAY))
        written.set()
        assert sealed.wait(timeout=10)

    def seal() -> None:
        assert written.wait(timeout=10)
        balances.seal(book_id=book, as_of=YESTERDAY, actor=TESTER)
        sealed.set()

    posted, _ = at_once(partial(post_slowly, actor=TESTER), seal)
    assert isinstance(posted, Busy), posted
    assert not Entry.objects.exists()
    with pytest.raises(PeriodSealed):
        write(asked(book, posted_on=YESTERDAY))


def seal_in_thread(book: str) -> None:
    try:
        balances.seal(book_id=book, as_of=YESTERDAY, actor=TESTER)
    finally:
        connections.close_all()


def test_a_seal_waits_for_a_posting_that_is_committing_and_holds_it() -> None:
    book = open_book()
    cash, trust = account(book, "unapplied_cash"), account(book, "trust_cash")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            raw_lines(raw_entry(book, posted_on=YESTERDAY), (cash, 7), (trust, -7), posted_on=YESTERDAY)
            connection.check_constraints()  # as far as a commit goes before it is visible to others
            sealing = pool.submit(seal_in_thread, book)
            with pytest.raises(TimeoutError):
                sealing.result(timeout=0.5)
        sealing.result(timeout=10)
    assert SnapshotBalance.objects.get(account_id=cash).balance_minor == 7


def test_whatever_is_posted_while_periods_are_sealed_the_seals_hold_exactly_what_stands_before_them() -> None:
    book = open_book()
    days = [DAY - dt.timedelta(days=number) for number in range(5, 0, -1)]
    done = threading.Event()

    def post_all_the_while() -> int:
        refused = 0
        while not done.is_set():
            for day in days:
                try:
                    write(asked(book, posted_on=day))
                except (PeriodSealed, Busy):
                    refused += 1
        return refused

    def seal_day_by_day() -> None:
        try:
            for day in days:
                balances.seal(book_id=book, as_of=day, actor=TESTER)
        finally:
            done.set()

    refusals = at_once(post_all_the_while, post_all_the_while, post_all_the_while, seal_day_by_day)
    assert all(isinstance(count, int) for count in refusals[:3]), refusals
    for snapshot in Snapshot.objects.all():
        before = Line.objects.filter(posted_on__lte=snapshot.as_of, account__code="unapplied_cash")
        stands = before.aggregate(sum=Sum("amount_minor"))["sum"] or 0
        kept = snapshot.balances.filter(account__code="unapplied_cash").values_list("balance_minor", flat=True)
        assert sum(kept) == stands
