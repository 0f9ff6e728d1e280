"""Whatever is done to a file of returns: reading it never fails, nothing counts twice, and the books agree with it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.ach import receiving
from payments.models import AchEntry, AchNews, Payment
from tests.support import ach, ach_bank, books
from tests.support.database import undone

pytestmark = pytest.mark.django_db
D = dt.date


@pytest.fixture
def settled(house):
    """Three debits of 5,359.00 that settled in one file."""
    desk = ach.open_desk(house)
    payments = [ach.debit(desk) for _ in range(3)]
    ach.at(D(2026, 2, 2))
    ach.sent(desk)
    for payment in payments:
        ach.settled(desk, payment, D(2026, 2, 3))
    return desk, payments


@settings(max_examples=25)
@given(data=st.data())
def test_a_damaged_file_applies_only_what_is_proved_and_once(settled, data):
    desk, payments = settled
    codes = data.draw(st.lists(st.sampled_from(["R01", "R02", "R10", "R99"]), min_size=3, max_size=3))
    rows = [
        ach_bank.returned(ach.entry_of(payment).trace_number, code, 535_900, sequence=number)
        for number, (payment, code) in enumerate(zip(payments, codes, strict=True), 1)
    ]
    lines = ach_bank.file(rows[:1], rows[1:], on=D(2026, 2, 4)).decode().splitlines()
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(lines) - 1))
        column = data.draw(st.integers(0, 93))
        letter = data.draw(st.sampled_from("0159RAZ "))
        lines[place] = lines[place][:column] + letter + lines[place][column + 1 :]
    content = "\n".join(lines).encode()
    with undone():
        for _ in range(2):
            file = receiving.receive(account_id=desk.account.id, name="r", content=content, actor=desk.house.me)
        assert file.result
        returned = set(AchEntry.objects.filter(state="returned").values_list("reference", flat=True))
        applied = AchNews.objects.filter(state="applied", code__startswith="R").values_list(
            "entry__reference", flat=True
        )
        assert sorted(applied) == sorted(returned)
        gone = Payment.objects.filter(state="returned", attempts__in=returned).count()
        assert gone == len(returned) == Payment.objects.filter(state="returned").count()
        assert books.balance(desk.house, "processor_clearing") == (3 - gone) * 535_900
        if "R99" in codes:
            assert AchNews.objects.filter(state="quarantined").exists()
