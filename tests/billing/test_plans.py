"""Payment plans: real ones by hand, and what holds for every plan there could be."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest

from billing import plans
from billing.plans import ChargeDue, PlannedSchedule, PlanUnreadable
from coverpay.kernel.money import BadAmount, Money

ANCHOR = dt.date(2026, 1, 31)
CHARGES = {"premium": 1_000_000, "carrier_fee": 25_000, "surplus_lines_tax": 46_800}


def due(charges: dict[str, int], currency: str = "USD") -> list[ChargeDue]:
    return [ChargeDue(f"chg_{name}", name, Money(minor, currency)) for name, minor in charges.items()]


def planned(
    spec: Any, charges: dict[str, int] = CHARGES, anchor: dt.date = ANCHOR, currency: str = "USD"
) -> PlannedSchedule:
    return plans.build(plans.read(spec), due(charges, currency), anchor=anchor, currency=currency)


def totals(schedule: PlannedSchedule) -> list[int]:
    return [sum(share.amount.amount_minor for share in each.shares) for each in schedule.installments]


def dates(schedule: PlannedSchedule) -> list[str]:
    return [each.due_on.isoformat() for each in schedule.installments]


def after(down: str, *months: int, **more: Any) -> dict[str, Any]:
    return {"down_payment": {"percent": down}, "installments": [{"month": month} for month in months], **more}


def test_two_halves_of_10_718_are_5_359_each() -> None:
    schedule = planned(after("50", 6))
    assert totals(schedule) == [535_900, 535_900]
    first = {share.component: share.amount.amount_minor for share in schedule.installments[0].shares}
    assert first == {"premium": 500_000, "carrier_fee": 12_500, "surplus_lines_tax": 23_400}
    assert dates(schedule) == ["2026-01-31", "2026-07-31"]


def test_paid_in_full_is_one_installment_on_the_first_day() -> None:
    assert totals(planned({})) == [1_071_800]
    assert dates(planned({})) == ["2026-01-31"]


def test_40_30_30_at_months_0_3_5() -> None:
    schedule = planned(after("40", 3, 5))
    assert totals(schedule) == [428_720, 321_540, 321_540]
    assert dates(schedule) == ["2026-01-31", "2026-04-30", "2026-06-30"]


def test_four_quarters_at_months_0_3_5_7() -> None:
    schedule = planned(after("25", 3, 5, 7))
    assert totals(schedule) == [267_950] * 4
    assert dates(schedule) == ["2026-01-31", "2026-04-30", "2026-06-30", "2026-08-31"]


def test_25_percent_and_six_of_12_5_percent() -> None:
    schedule = planned({"down_payment": {"percent": "25"}, "installments": {"count": 6}}, {"premium": 1_000_000})
    assert totals(schedule) == [250_000] + [125_000] * 6


def test_ten_of_ten_percent_with_taxes_and_fees_down() -> None:
    down = {"percent": "10", "in_full": ["carrier_fee", "surplus_lines_tax"]}
    schedule = planned({"down_payment": down, "installments": {"count": 9}})
    assert totals(schedule) == [171_800] + [100_000] * 9


def test_cents_go_by_largest_remainder_or_to_the_last_as_the_plan_says() -> None:
    spec = {"installments": [{"month": month} for month in range(1, 8)]}
    assert totals(planned(spec, {"premium": 24_300})) == [3472] * 3 + [3471] * 4
    assert totals(planned(spec | {"rounding": "last"}, {"premium": 24_300})) == [3471] * 6 + [3474]


def test_weights_split_as_they_say() -> None:
    spec = {"installments": [{"month": 1, "weight": 1}, {"month": 2, "weight": 2}, {"month": 3, "weight": 5}]}
    assert totals(planned(spec, {"premium": 800})) == [100, 200, 500]


def test_the_fee_of_5_comes_from_the_second_installment_on_and_is_the_plans_own() -> None:
    schedule = planned(after("25", 3, 5, 7, installment_fee={"amount": "5.00", "from": 2}))
    assert totals(schedule) == [267_950] + [268_450] * 3
    fees = [share for each in schedule.installments for share in each.shares if share.component == "installment_fee"]
    assert [fee.charge_id for fee in fees] == [None] * 3


def test_without_a_down_payment_the_first_installment_is_number_one() -> None:
    schedule = planned({"installments": [{"month": 1}, {"month": 2}], "installment_fee": {"amount": "5.00", "from": 2}})
    assert dates(schedule) == ["2026-02-28", "2026-03-31"]
    assert totals(schedule) == [535_900, 536_400]
    assert [each.sequence for each in schedule.installments] == [1, 2]


def test_a_fee_is_in_the_currency_of_the_charges() -> None:
    spec = {"installments": [{"month": 1}, {"month": 2}], "installment_fee": {"amount": "5", "from": 1}}
    assert totals(planned(spec, {"premium": 1000}, currency="JPY")) == [505, 505]
    with pytest.raises(BadAmount) as refused:
        planned(spec | {"installment_fee": {"amount": "5.00"}}, {"premium": 1000}, currency="JPY")
    assert refused.value.field == "installment_fee"


def test_the_day_of_month_returns_after_short_months_and_in_leap_years() -> None:
    monthly = {"installments": {"count": 13}}
    assert dates(planned(monthly, anchor=dt.date(2027, 12, 31)))[:6] == [
        "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31", "2028-06-30",
    ]  # fmt: skip
    yearly = {"installments": [{"month": 12}, {"month": 24}, {"month": 36}, {"month": 48}]}
    assert dates(planned(yearly, anchor=dt.date(2028, 2, 29))) == [
        "2029-02-28",
        "2030-02-28",
        "2031-02-28",
        "2032-02-29",
    ]


def test_a_chosen_due_day_rules_every_date_but_the_first() -> None:
    assert dates(planned(after("25", 1, 2, 3, due_day=15))) == ["2026-01-31", "2026-02-15", "2026-03-15", "2026-04-15"]
    assert dates(planned(after("25", 1, 2, 3, due_day=30))) == ["2026-01-31", "2026-02-28", "2026-03-30", "2026-04-30"]


def test_bills_go_out_some_days_before_but_never_before_cover_begins() -> None:
    schedule = planned(after("25", 1, 3, bill_lead_days=45))
    assert [each.bill_on.isoformat() for each in schedule.installments] == ["2026-01-31", "2026-01-31", "2026-03-16"]


def test_a_credit_is_spread_by_the_same_weights() -> None:
    assert totals(planned(after("50", 6), {"premium": -1_001})) == [-501, -500]
    both = planned(after("50", 6), {"premium": -1_000, "policy_fee": 400})
    assert totals(both) == [-300, -300]


def test_an_installment_that_would_ask_for_nothing_is_left_out() -> None:
    schedule = planned({"installments": {"count": 5}}, {"premium": 2})
    assert totals(schedule) == [1, 1]
    assert all(earlier.due_on < later.due_on for earlier, later in pairwise(schedule.installments))


def test_every_charge_says_why_it_was_split_so() -> None:
    why = planned(after("40", 3, 5)).why["chg_premium"]
    assert why.inputs == {
        "charge_minor": 1_000_000, "weights": "4:3:3", "parts_minor": "400000 + 300000 + 300000",
    }  # fmt: skip
    assert "largest remainder" in why.formula


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (None, "spec"), ([], "spec"), ("halves", "spec"),
        ({"installment": []}, "installment"),
        ({"down_payment": "50"}, "down_payment"),
        ({"down_payment": {"percent": "50"}}, "down_payment"),
        ({"down_payment": {"percents": "50"}}, "down_payment"),
        (after("101", 1), "down_payment"), (after("-1", 1), "down_payment"), (after("half", 1), "down_payment"),
        (after("NaN", 1), "down_payment"), (after("33.33333", 1), "down_payment"),
        ({"down_payment": {"in_full": "carrier_fee"}}, "down_payment"),
        (after("100", 1), "installments"), (after("50", 0), "installments"), (after("50", 121), "installments"),
        (after("50", 3, 3), "installments"), (after("50", 3, 2), "installments"),
        ({"installments": [1]}, "installments"), ({"installments": "six"}, "installments"),
        ({"installments": [{"month": 1, "weight": 0}]}, "installments"),
        ({"installments": [{"month": True}]}, "installments"), ({"installments": [{"months": 1}]}, "installments"),
        ({"installments": {"count": 0}}, "installments"), ({"installments": {"count": 121}}, "installments"),
        ({"installments": {"every_months": 1}}, "installments"),
        ({"installments": {"count": 11, "every_months": 12}}, "installments"),
        (after("50", 1, installment_fee={"amount": "-5"}), "installment_fee"),
        (after("50", 1, installment_fee={"amount": 5.0}), "installment_fee"),
        (after("50", 1, installment_fee={"amount": "5", "from": 0}), "installment_fee"),
        (after("50", 1, installment_fee={"fee": "5"}), "installment_fee"),
        (after("50", 1, due_day=0), "due_day"), (after("50", 1, due_day=32), "due_day"),
        (after("50", 1, due_day="15"), "due_day"),
        (after("50", 1, bill_lead_days=-1), "bill_lead_days"), (after("50", 1, bill_lead_days=181), "bill_lead_days"),
        (after("50", 1, rounding="first"), "rounding"), (after("50", 1, rounding=["last"]), "rounding"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_done_is_refused_by_key(spec: Any, field: str) -> None:
    with pytest.raises(PlanUnreadable) as refused:
        plans.read(spec)
    assert refused.value.field == field
