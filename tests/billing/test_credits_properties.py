"""Whatever is paid, carried, un-applied and cancelled: the books tie, and undoing restores every balance."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import cash, distributions, invoices
from billing.models import Receipt
from coverpay import books as proof
from coverpay.kernel.money import Money
from policies import reinstatements
from policies.reinstatements import ReinstatementRequest
from tests.support import books, plain
from tests.support.books import House
from tests.support.changes import on
from tests.support.database import undone
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
END = dt.date(2027, 1, 30)


@settings(max_examples=6)
@given(
    premium=st.integers(10_000, 2_000_000),
    percents=st.lists(st.integers(1, 100), min_size=0, max_size=2),
    day=st.integers(3, 364),
    method=st.sampled_from(["pro_rata", "short_rate_90"]),
)
def test_cancelling_and_reinstating_ends_in_the_books_of_one_that_was_never_cancelled(
    house: House, premium: int, percents: list[int], day: int, method: str
) -> None:
    def books_after(*, cancels: bool) -> dict[tuple[str, str], int]:
        policy = books.bound(house, premium=Money(premium), plan="thirds", number="P-life")
        first = plain.billed(house, policy)
        for percent in percents:
            still_open = invoices.open_minor(first)
            if still_open:
                books.paid(house, first, amount_minor=max(1, still_open * percent // 100))
        when = books.FIRST_DAY + dt.timedelta(days=day)
        with on(when):
            if cancels:
                plain.cancelled(house, policy, on=when, method=method)
                assert differences(house) == [] and proof.check() == []
                request = ReinstatementRequest(effective_on=when, reason="Paid", no_loss=True)
                reinstatements.reinstate(policy_id=policy.id, request=request, actor=house.me)
                assert differences(house) == [] and proof.check() == []
        with on(END):
            plain.billed(house, policy, END)
        assert differences(house) == [] and proof.check() == []
        return books.trial_balance(house)

    with undone():
        wanted = books_after(cancels=False)
    with undone():
        assert books_after(cancels=True) == wanted


@settings(max_examples=6)
@given(minor=st.integers(1, 535_900), carried=st.integers(1, 100))
def test_un_applying_and_carrying_and_both_undone_restore_every_balance(house: House, minor: int, carried: int) -> None:
    with undone():
        invoice, other = books.billed(house), books.billed(house)
        books.paid(house, invoice, amount_minor=minor)
        wanted = books.trial_balance(house)
        receipt = Receipt.objects.get()
        distributions.unapply(receipt_id=receipt.id, reason="Try", actor=house.me)
        amount = Money(max(1, minor * carried // 100))
        transfer = distributions.transfer(
            receipt_id=receipt.id, to_policy_id=other.policy_id, amount=amount, reason="Try", actor=house.me
        )
        assert differences(house) == [] and proof.check() == []
        assert cash.unapplied_minor(receipt) == minor - amount.amount_minor
        distributions.take_transfer_back(transfer_id=transfer.id, reason="Undo", actor=house.me)
        distributions.apply(receipt_id=receipt.id, actor=house.me)
        assert books.trial_balance(house) == wanted
        assert differences(house) == [] and proof.check() == []
