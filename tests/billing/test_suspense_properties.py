"""However a deposit is placed and taken out again, every balance returns to what it was."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import suspense
from coverpay import books as proof
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from tests.support import books
from tests.support.books import House
from tests.support.database import undone
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


@settings(max_examples=6)
@given(minor=st.integers(1, 900_000), places=st.lists(st.sampled_from([0, 1]), min_size=1, max_size=3))
def test_placing_anywhere_and_undoing_restores_every_balance(house: House, minor: int, places: list[int]) -> None:
    with undone():
        invoices = [books.billed(house), books.billed(house)]
        item = suspense.record_unidentified(
            bank_account_id=house.bank.id, source_id="dep", payor="", memo="", policy_reference="",
            amount=Money(minor), received_on=clock.today(), actor=house.me,
        )  # fmt: skip
        wanted = books.trial_balance(house)
        for place in places:
            suspense.place(item_id=item.id, policy_id=invoices[place].policy_id, reason="Try", actor=house.me)
            assert books.balance(house, "suspense_cash") == 0
            assert differences(house) == [] and proof.check() == []
            suspense.undo(item_id=item.id, reason="Undo", actor=house.me)
            assert books.trial_balance(house) == wanted
        assert differences(house) == [] and proof.check() == []
