"""Whatever order the true news of a charge comes in, and however often, the end and the books are the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coverpay.kernel.money import Money
from payments import attempts
from payments.gateways.base import Outcome, Status
from payments.models import Attempt
from reconciliation.models import Break
from tests.support import books
from tests.support.books import House
from tests.support.database import undone
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
SUM = Money(535_900)
LIVES = [
    [Status.PENDING, Status.SUCCEEDED],
    [Status.PENDING, Status.DECLINED],
    [Status.PENDING, Status.SUCCEEDED, Status.RETURNED],
    [Status.UNKNOWN, Status.SUCCEEDED],
    [Status.UNKNOWN, Status.PENDING, Status.SUCCEEDED, Status.RETURNED],
]


@st.composite
def news(draw: st.DrawFn) -> tuple[list[Status], list[Status]]:
    """The news of one charge in its true order, and the same news shuffled and repeated."""
    life = draw(st.sampled_from(LIVES))
    repeated = life + draw(st.lists(st.sampled_from(life), max_size=4))
    return life, draw(st.permutations(repeated))


def ending(house: House, told: list[Status]) -> tuple[str, str, dict[tuple[str, str], int]]:
    attempt = books.collecting(house, books.billed(house, number="P-1"))
    attempts._begin(attempt_id=attempt.id, actor=attempts.SWEEPER)
    for status in told:
        outcome = Outcome(status, "sbx_ch_1", amount=None if status is Status.UNKNOWN else SUM)
        attempts.record_outcome(attempt_id=attempt.id, outcome=outcome, actor=attempts.SWEEPER)
    assert differences(house) == []
    assert not Break.objects.exists()
    attempt = Attempt.objects.select_related("payment").get(pk=attempt.id)
    return attempt.state, attempt.payment.state, books.trial_balance(house)


@settings(max_examples=15)
@given(news())
def test_any_order_with_repeats_ends_in_the_same_state_and_the_same_books(
    house: House, told: tuple[list[Status], list[Status]]
) -> None:
    life, shuffled = told
    with undone():
        wanted = ending(house, life)
    with undone():
        assert ending(house, shuffled) == wanted
