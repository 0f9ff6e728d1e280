"""What holds for every plan: nothing is lost, dates rise, the day of month comes back."""

from __future__ import annotations

import calendar
import datetime as dt
from collections import defaultdict
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing import plans
from billing.plans import ChargeDue
from coverpay.kernel.money import Money

COMPONENTS = ["premium", "carrier_fee", "surplus_lines_tax", "stamping_fee"]
anchors = st.dates(dt.date(2020, 1, 1), dt.date(2040, 12, 31))
amounts = st.integers(-(10**12), 10**12).filter(bool)
charges = st.dictionaries(st.sampled_from(COMPONENTS), amounts, min_size=1).map(
    lambda found: [ChargeDue(f"chg_{name}", name, Money(minor)) for name, minor in found.items()]
)
listed = st.lists(st.integers(1, 120), min_size=1, max_size=24, unique=True).flatmap(
    lambda months: st.tuples(*(st.integers(1, 1_000_000) for _ in months)).map(
        lambda weights: [
            {"month": month, "weight": weight} for month, weight in zip(sorted(months), weights, strict=True)
        ]
    )
)
counted = st.builds(
    lambda count, every: {"count": count, "every_months": every}, st.integers(1, 10), st.integers(1, 12)
)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    percent = draw(st.integers(0, 999_999))
    in_full = draw(st.lists(st.sampled_from(COMPONENTS), unique=True))
    return {
        "down_payment": {"percent": f"{percent // 10_000}.{percent % 10_000:04d}", "in_full": in_full},
        "installments": draw(listed | counted),
        "installment_fee": {"amount": draw(st.sampled_from(["0", "5.00"])), "from": draw(st.integers(1, 5))},
        "due_day": draw(st.none() | st.integers(1, 31)),
        "bill_lead_days": draw(st.integers(0, 180)),
        "rounding": draw(st.sampled_from(sorted(plans.ROUNDINGS))),
    }


@given(specs(), charges, anchors)
def test_each_charge_sums_exactly_over_the_schedule(spec: Any, due: list[ChargeDue], anchor: dt.date) -> None:
    schedule = plans.build(plans.read(spec), due, anchor=anchor, currency="USD")
    sums: dict[str | None, int] = defaultdict(int)
    for installment in schedule.installments:
        assert installment.shares
        for share in installment.shares:
            sums[share.charge_id] += share.amount.amount_minor
    sums.pop(None, None)
    assert sums == {charge.id: charge.amount.amount_minor for charge in due}


@given(specs(), charges, anchors)
def test_due_dates_rise_strictly_and_bills_come_before_them(spec: Any, due: list[ChargeDue], anchor: dt.date) -> None:
    schedule = plans.build(plans.read(spec), due, anchor=anchor, currency="USD").installments
    assert [each.sequence for each in schedule] == list(range(1, len(schedule) + 1))
    assert all(earlier.due_on < later.due_on for earlier, later in pairwise(schedule))
    assert all(earlier.bill_on <= later.bill_on for earlier, later in pairwise(schedule))
    assert all(anchor <= each.bill_on <= each.due_on for each in schedule)


@given(specs(), charges, anchors)
def test_the_fee_comes_once_with_each_installment_from_its_number_on(
    spec: Any, due: list[ChargeDue], anchor: dt.date
) -> None:
    for each in plans.build(plans.read(spec), due, anchor=anchor, currency="USD").installments:
        fees = [share for share in each.shares if share.charge_id is None]
        wanted = spec["installment_fee"]["amount"] != "0" and each.sequence >= spec["installment_fee"]["from"]
        assert [fee.amount.amount_minor for fee in fees] == ([500] if wanted else [])


@given(anchors, st.integers(0, 120), st.none() | st.integers(1, 31))
def test_a_date_keeps_its_day_of_month_or_the_last_day_of_a_shorter_one(
    anchor: dt.date, months: int, due_day: int | None
) -> None:
    found = plans.due_date(anchor, months, due_day)
    assert (found.year * 12 + found.month) - (anchor.year * 12 + anchor.month) == months
    last = calendar.monthrange(found.year, found.month)[1]
    assert found.day == min(due_day or anchor.day, last)


@given(specs(), anchors, st.integers(1, 10**12))
def test_no_installment_of_one_charge_is_a_unit_off_its_weight(spec: Any, anchor: dt.date, minor: int) -> None:
    plan = plans.read(spec | {"rounding": "largest_remainder", "installment_fee": {}})
    charge = ChargeDue("chg_policy_fee", "policy_fee", Money(minor))
    schedule = plans.build(plan, [charge], anchor=anchor, currency="USD")
    whole = sum(step.weight for step in plan.steps)
    rest = 1_000_000 - plan.down_percent_scaled
    by_date = {plans.due_date(anchor, step.month, plan.due_day): rest * step.weight for step in plan.steps}
    by_date[anchor] = plan.down_percent_scaled * whole
    for each in schedule.installments:
        (share,) = each.shares
        assert abs(share.amount.amount_minor * 1_000_000 * whole - minor * by_date[each.due_on]) < 1_000_000 * whole
