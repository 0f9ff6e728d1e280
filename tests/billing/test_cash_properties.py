"""However the money comes and goes, a covered line pays the commission of the whole line, and every balance returns."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.models import Invoice
from coverpay.kernel.money import Money
from tests.billing.test_cash import receive, take_back
from tests.support import books
from tests.support.books import House
from tests.support.database import undone

pytestmark = pytest.mark.django_db


@settings(max_examples=8)
@given(
    premium=st.integers(1_000, 30_000),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    returned=st.sets(st.integers(0, 4), min_size=1, max_size=3),
)
def test_any_split_with_any_returns_ends_in_the_books_of_one_payment(
    house: House, premium: int, cuts: list[int], returned: set[int]
) -> None:
    with undone():
        invoice = books.billed(house, premium=Money(premium), plan="full", number="P-split")
        receive(policy=invoice.policy, source="whole", minor=invoice.total_minor, actor=house.me)
        wanted = books.trial_balance(house)
    with undone():
        invoice = books.billed(house, premium=Money(premium), plan="full", number="P-split")
        bounds = sorted({0, invoice.total_minor, *(invoice.total_minor * cut // 100 for cut in cuts)})
        parts = [end - start for start, end in pairwise(bounds)]
        receipts = [
            receive(policy=invoice.policy, source=f"part {place}", minor=part, actor=house.me)
            for place, part in enumerate(parts)
        ]
        for place in returned & set(range(len(parts))):
            take_back(receipt=receipts[place], actor=house.me)
            receive(policy=invoice.policy, source=f"again {place}", minor=parts[place], actor=house.me)
        assert books.trial_balance(house) == wanted
        assert Invoice.objects.get(pk=invoice.id).state == "paid"
