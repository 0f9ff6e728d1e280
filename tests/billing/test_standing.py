"""How a term stands by key, and that a change of its charges moves only what is not billed."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import invoices, schedules, slots, standing
from billing.standing import Standing
from compliance import explanations
from tests.support import books, changes
from tests.support.books import House

pytestmark = pytest.mark.django_db


def by_component(term: Any) -> dict[str, Standing]:
    return {key.component: found for key, found in standing.of_term(term).items()}


def test_what_is_charged_is_all_unbilled_until_the_first_invoice(house: House) -> None:
    term = books.bound(house).terms.get()
    assert by_component(term) == {
        "premium": Standing(1_000_000, 0, 1_000_000),
        "carrier_fee": Standing(25_000, 0, 25_000),
        "surplus_lines_tax": Standing(46_800, 0, 46_800),
    }


def test_half_is_billed_with_the_first_of_two_halves(house: House) -> None:
    term = books.billed(house).policy.terms.get()
    assert by_component(term)["premium"] == Standing(1_000_000, 500_000, 500_000)
    assert by_component(term)["premium"].remaining_minor == 500_000


def test_the_plans_own_fee_stands_outside(house: House) -> None:
    spec = books.PLANS["halves"] | {"installment_fee": {"amount": "5.00", "from": 1}}
    term = changes.planned(house, "fee", spec).terms.get()
    assert changes.dates(term)[0] == ("2026-01-31", 535_900 + 500)
    assert set(by_component(term)) == {"premium", "carrier_fee", "surplus_lines_tax"}


def test_it_takes_four_queries_however_many_installments(house: House) -> None:
    term = books.bound(house, plan="thirds").terms.get()
    with CaptureQueriesContext(connection) as queries:
        standing.of_term(term)
    assert len(queries) == 4


SEVEN = {"installments": {"count": 7}, "down_payment": {"percent": "30"}}


def endorsed(house: House, spec: dict[str, Any], premium: int, **more: Any) -> Any:
    """The term of a policy with its down payment billed and its premium changed."""
    policy = changes.planned(house, "asked", spec)
    invoices.issue(policy_id=policy.id, actor=house.me)
    changes.changed(house, policy, premium=premium, **more)
    term = policy.terms.get()
    assert changes.ties(term)
    return term


def premiums(term: Any) -> list[int]:
    return [
        sum(minor for key, minor in slot.amounts.items() if key.component == "premium") for slot in slots.unbilled(term)
    ]


def test_243_over_seven_is_34_71_six_times_and_34_74(house: House) -> None:
    """10,000.00 at 30% down leaves 1,000.00 on each of 7 dates; 243.00 more is 34.71 x 6 and 34.74 at the end."""
    assert premiums(endorsed(house, SEVEN, 24_300)) == [103_471] * 6 + [103_474]


def test_largest_remainder_when_the_plan_says_so(house: House) -> None:
    """243.00 = 7 x 34.71 + 0.03: the three cents go to the first three dates."""
    spec = SEVEN | {"rounding": "largest_remainder"}
    assert premiums(endorsed(house, spec, 24_300)) == [103_472] * 3 + [103_471] * 4


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("next", [124_300, *[100_000] * 6]),
        ("last", [*[100_000] * 6, 124_300]),
        ("now", [24_300, *[100_000] * 7]),
    ],
)
def test_more_premium_goes_where_the_plan_says(house: House, mode: str, wanted: list[int]) -> None:
    assert premiums(endorsed(house, SEVEN | {"endorsement": mode}, 24_300)) == wanted


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("next", [50_000, *[100_000] * 5]),
        ("last", [*[100_000] * 5, 50_000]),
        ("spread", [78_572] * 6 + [78_568]),
    ],
)
def test_less_premium_comes_off_where_the_plan_says(house: House, mode: str, wanted: list[int]) -> None:
    """1,500.00 less: one date and a half at either end, or 214.28 off each of seven and 214.32 off the last."""
    found = premiums(endorsed(house, SEVEN | {"credit": mode}, -150_000))
    assert [minor for minor in found if minor] == wanted


def test_more_premium_with_nothing_left_to_bill_is_billed_at_once(house: House) -> None:
    term = endorsed(house, {"bill_lead_days": 20}, 24_300)
    (slot,) = slots.unbilled(term)
    assert (slot.bill_on.isoformat(), slot.due_on.isoformat()) == ("2026-02-02", "2026-02-22")


def test_what_is_earned_and_not_billed_is_due_at_once_after_a_cancellation(house: House) -> None:
    """3,000.00 is billed; 3,287.67 earned at day 100 leaves 287.67 on one date, today, without installment fees."""
    spec = SEVEN | {"installment_fee": {"amount": "5.00"}}
    term = endorsed(house, spec, -1_000_000 + 328_767, kind="cancellation")
    assert premiums(term) == [28_767]
    assert [slot.due_on.isoformat() for slot in slots.unbilled(term)] == ["2026-02-02"]
    assert slots.unbilled(term)[0].fee_minor == 0


def test_a_cancelled_term_asks_at_once_whatever_is_asked_for(house: House) -> None:
    term = endorsed(house, SEVEN, -650_000, kind="cancellation", mode="last")
    assert [day for day, _ in changes.dates(term)] == ["2026-02-02"]


def test_an_unknown_mode_is_refused_by_field(house: House) -> None:
    with pytest.raises(schedules.UnknownMode) as refused:
        endorsed(house, SEVEN, 100, mode="later")
    assert refused.value.field == "mode"


def test_a_reinstatement_brings_the_plans_own_dates_back(house: House) -> None:
    policy = changes.planned(house, "asked", SEVEN)
    invoices.issue(policy_id=policy.id, actor=house.me)
    term = policy.terms.get()
    before = changes.dates(term)
    changes.changed(house, policy, premium=-600_000, kind="cancellation")
    assert len(changes.dates(term)) == 1
    changes.changed(house, policy, premium=600_000, kind="reinstatement")
    assert changes.dates(term) == before
    assert changes.ties(term)


def test_the_new_schedule_replaces_the_old_and_says_why(house: House) -> None:
    term = endorsed(house, SEVEN, 24_300)
    first, second = term.schedules.order_by("number")
    assert (second.number, second.reason, second.plan_version) == (2, "Vehicle added", first.plan_version)
    assert [row.replaced_by_id for row in first.installments.all()] == [None, *[second.id] * 7]
    assert [row.sequence for row in second.installments.all()] == [2, 3, 4, 5, 6, 7, 8]
    why = {each.figure: each for each in explanations.of(second.id)}["premium"]
    assert (why.amount_minor, why.rule_version) == (724_300, "asked v1")
    assert (why.inputs["unbilled_before_minor"], why.inputs["change_minor"]) == (700_000, 24_300)
    assert why.inputs["mode"] == "spread"


def test_a_change_of_nothing_keeps_the_schedule(house: House) -> None:
    term = endorsed(house, SEVEN, 0)
    assert term.schedules.count() == 1


def test_fees_stay_with_the_dates_that_still_ask(house: House) -> None:
    """6,500.00 off from the end leaves 500.00 on the first of seven dates, with the one fee of 5.00 that is left."""
    down = {"percent": "30", "in_full": ["carrier_fee", "surplus_lines_tax"]}
    spec = SEVEN | {"credit": "last", "installment_fee": {"amount": "5.00"}, "down_payment": down}
    assert changes.dates(endorsed(house, spec, -650_000)) == [("2026-02-28", 50_500)]
