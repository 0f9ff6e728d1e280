"""Schedules worked by hand: terms of every length, dates that do not exist, business days, blackouts, weights."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing import plans
from billing.plans import ChargeDue, PlannedSchedule, PlanUnreadable
from compliance import business_days
from coverpay.kernel.money import Money


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def made(
    spec: dict[str, Any], start: str = "2026-01-01", end: str = "2027-01-01", minor: int = 120_000, **more: Any
) -> PlannedSchedule:
    """The schedule of one premium over a term."""
    return plans.build(
        plans.read(spec),
        [ChargeDue("chg_1", "premium", Money(minor))],
        anchor=day(start),
        currency="USD",
        expires_on=day(end),
        shift=business_days.shift,
        **more,
    )


def bills(schedule: PlannedSchedule) -> list[tuple[str, int]]:
    return [(each.due_on.isoformat(), each.total_minor) for each in schedule.installments]


def due(schedule: PlannedSchedule) -> list[str]:
    return [each.due_on.isoformat() for each in schedule.installments]


def totals(schedule: PlannedSchedule) -> list[int]:
    return [each.total_minor for each in schedule.installments]


MONTHLY = {"cadence": "monthly"}


def test_monthly_over_a_year_is_twelve_of_100() -> None:
    """1,200.00 / 12 = 100.00, on the first of each month."""
    schedule = made(MONTHLY)
    assert totals(schedule) == [10_000] * 12
    assert (due(schedule)[1], due(schedule)[-1]) == ("2026-02-01", "2026-12-01")


def test_quarterly_over_a_year_is_four_of_300() -> None:
    """1,200.00 / 4; months 0, 3, 6, 9."""
    wanted = [(text, 30_000) for text in ("2026-01-01", "2026-04-01", "2026-07-01", "2026-10-01")]
    assert bills(made({"cadence": "quarterly"})) == wanted


def test_semi_annual_over_a_year_is_two_of_600() -> None:
    """1,200.00 / 2; months 0 and 6."""
    assert bills(made({"cadence": "semi_annual"})) == [("2026-01-01", 60_000), ("2026-07-01", 60_000)]


def test_semi_annual_over_18_months_from_the_31st_is_three() -> None:
    """Months 0, 6, 12 of 2026-08-31: February 2027 has 28 days, August has 31 again. 1,200.00 / 3 = 400.00."""
    found = bills(made({"cadence": "semi_annual"}, "2026-08-31", "2028-02-29"))
    assert found == [("2026-08-31", 40_000), ("2027-02-28", 40_000), ("2027-08-31", 40_000)]


def test_monthly_over_six_months_is_six_of_200() -> None:
    """1,200.00 / 6; the last falls a month before expiry."""
    assert bills(made(MONTHLY, end="2026-07-01"))[-1] == ("2026-06-01", 20_000)
    assert len(made(MONTHLY, end="2026-07-01").installments) == 6


def test_a_term_of_one_month_is_one_bill_at_any_cadence() -> None:
    """No second date falls before 2026-02-01."""
    for cadence in ("monthly", "quarterly", "semi_annual"):
        assert bills(made({"cadence": cadence}, end="2026-02-01")) == [("2026-01-01", 120_000)]


def test_quarterly_over_18_months_is_six_of_200() -> None:
    """Months 0, 3, 6, 9, 12, 15."""
    schedule = made({"cadence": "quarterly"}, end="2027-07-01")
    assert totals(schedule) == [20_000] * 6
    assert due(schedule)[-1] == "2027-04-01"


def test_the_31st_comes_back_in_a_leap_year() -> None:
    """From 2028-01-31: 02-29, 03-31, 04-30, 05-31."""
    assert due(made(MONTHLY, "2028-01-31", "2029-01-31"))[:5] == [
        "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31",
    ]  # fmt: skip


def test_a_term_from_a_leap_day_is_twelve_months_on_the_29th() -> None:
    """2028-02-29 to 2029-02-28: the twelfth month would be the day of expiry and is not billed; 29 until January."""
    found = due(made(MONTHLY, "2028-02-29", "2029-02-28"))
    assert (len(found), found[1], found[-1]) == (12, "2028-03-29", "2029-01-29")


def test_a_30th_meets_february_and_returns() -> None:
    """From 2026-11-30 quarterly: 2027-02-28, 2027-05-30, 2027-08-30."""
    found = due(made({"cadence": "quarterly"}, "2026-11-30", "2027-11-30"))
    assert found == ["2026-11-30", "2027-02-28", "2027-05-30", "2027-08-30"]


def test_a_due_day_of_31_is_the_last_day_of_every_month_but_the_first() -> None:
    """Anchor the 15th: 01-15, then 02-28, 03-31, 04-30."""
    assert due(made(MONTHLY | {"due_day": 31}, "2026-01-15", "2027-01-15"))[:4] == [
        "2026-01-15", "2026-02-28", "2026-03-31", "2026-04-30",
    ]  # fmt: skip


def test_a_due_day_after_expiry_is_not_billed() -> None:
    """A term of five weeks from 01-15: the 31st of its second month would be after 02-19."""
    assert due(made(MONTHLY | {"due_day": 31}, "2026-01-15", "2026-02-19")) == ["2026-01-15"]
    assert due(made(MONTHLY, "2026-01-15", "2026-02-19")) == ["2026-01-15", "2026-02-15"]


def test_a_chosen_due_day_stands_in_place_of_the_plans() -> None:
    assert due(made(MONTHLY | {"due_day": 31}, due_day=5))[:3] == ["2026-01-01", "2026-02-05", "2026-03-05"]


def test_thanksgiving_moves_to_the_friday() -> None:
    """2026-11-26 is the fourth Thursday of November; the banks are open on the 27th."""
    assert due(made({"cadence": "quarterly", "business_days": "next"}, "2026-05-26", "2027-05-26"))[2] == "2026-11-27"


def test_thanksgiving_moves_back_to_the_wednesday() -> None:
    spec = {"cadence": "quarterly", "business_days": "previous"}
    assert due(made(spec, "2026-05-26", "2027-05-26"))[2] == "2026-11-25"


def test_the_fourth_of_july_on_a_saturday_leaves_friday_open() -> None:
    """2026-07-04 is a Saturday: back to Friday the 3rd, which is a business day, or on to Monday the 6th."""
    spec = {"installments": {"count": 1, "every_months": 3}}
    assert due(made(spec | {"business_days": "previous"}, "2026-04-04", "2027-04-04")) == ["2026-07-03"]
    assert due(made(spec | {"business_days": "next"}, "2026-04-04", "2027-04-04")) == ["2026-07-06"]


def test_the_fourth_of_july_on_a_sunday_closes_monday() -> None:
    """2027-07-04 is a Sunday: Monday the 5th is closed, so Tuesday the 6th."""
    spec = {"installments": {"count": 1, "every_months": 3}, "business_days": "next"}
    assert due(made(spec, "2027-04-04", "2028-04-04")) == ["2027-07-06"]


def test_the_first_date_never_moves_before_cover_begins() -> None:
    """2026-08-01 is a Saturday; Friday has no cover yet, so the down payment is due on Monday the 3rd."""
    spec = {"cadence": "semi_annual", "business_days": "previous"}
    assert due(made(spec, "2026-08-01", "2027-08-01")) == ["2026-08-03", "2027-02-01"]


def test_dates_that_shift_onto_one_day_are_one_bill() -> None:
    """2026-01-31 and 2026-02-01 are Saturday and Sunday: both become Monday 02-02. 1,200.00 / 12 x 2 = 200.00."""
    spec = MONTHLY | {"due_day": 1, "business_days": "next"}
    found = bills(made(spec, "2026-01-31", "2027-01-31"))
    assert found[:2] == [("2026-02-02", 20_000), ("2026-03-02", 10_000)]
    assert sum(minor for _, minor in found) == 120_000


def test_the_bill_goes_out_its_days_before_the_shifted_date() -> None:
    """2026-02-01 is a Sunday, so due on the 2nd; 10 days before is 01-23."""
    second = made(MONTHLY | {"business_days": "next", "bill_lead_days": 10}).installments[1]
    assert (second.bill_on, second.due_on) == (day("2026-01-23"), day("2026-02-02"))


def test_a_blackout_of_45_days_pulls_the_last_date_forward() -> None:
    """Within 45 days of 2027-01-01 is from 11-17 on: 12-01 becomes 11-16, the last day allowed."""
    assert bills(made(MONTHLY | {"blackout_days_before_expiry": 45}))[-2:] == [
        ("2026-11-01", 10_000), ("2026-11-16", 10_000),
    ]  # fmt: skip


def test_a_blackout_of_61_days_puts_two_months_on_one_date() -> None:
    """Within 61 days is from 11-01 on: November and December both fall due on 10-31, 200.00."""
    found = bills(made(MONTHLY | {"blackout_days_before_expiry": 61}))
    assert (len(found), found[-1]) == (11, ("2026-10-31", 20_000))


def test_a_blackout_ends_on_a_business_day() -> None:
    """2026-10-31 is a Saturday: the last business day allowed is Friday the 30th."""
    spec = MONTHLY | {"blackout_days_before_expiry": 61, "business_days": "next"}
    assert due(made(spec))[-1] == "2026-10-30"


def test_at_most_ten_installments_of_an_18_month_term() -> None:
    """1,200.00 / 10 = 120.00 in months 0 to 9; the other eight months are not billed."""
    schedule = made(MONTHLY | {"max_installments": 10}, end="2027-07-01")
    assert totals(schedule) == [12_000] * 10


def test_at_most_five_with_20_percent_down_is_four_more_of_20_percent() -> None:
    """240.00 down; 960.00 / 4 = 240.00."""
    spec = MONTHLY | {"down_payment": {"percent": "20"}, "max_installments": 5}
    assert totals(made(spec)) == [24_000] * 5


def test_ten_percent_down_and_eleven_months() -> None:
    """120.00 down; 1,080.00 / 11 = 98.18 2/11: 98.19 twice, then 98.18 nine times."""
    assert totals(made(MONTHLY | {"down_payment": {"percent": "10"}})) == [12_000, *[9_819] * 2, *[9_818] * 9]


def test_weights_of_one_two_and_five_after_a_fifth_down() -> None:
    """240.00 down; 960.00 by 1:2:5 = 120.00, 240.00, 600.00."""
    listed = [{"month": 2, "weight": 1}, {"month": 5, "weight": 2}, {"month": 9, "weight": 5}]
    spec = {"down_payment": {"percent": "20"}, "installments": listed}
    assert bills(made(spec)) == [
        ("2026-01-01", 24_000), ("2026-03-01", 12_000), ("2026-06-01", 24_000), ("2026-10-01", 60_000),
    ]  # fmt: skip


def test_nothing_down_but_the_fees_in_full() -> None:
    """The fee of 50.00 is due at once, 1,200.00 in two months' halves."""
    spec = plans.read({"down_payment": {"in_full": ["policy_fee"]}, "installments": {"count": 2}})
    charges = [ChargeDue("chg_1", "premium", Money(120_000)), ChargeDue("chg_2", "policy_fee", Money(5_000))]
    schedule = plans.build(spec, charges, anchor=day("2026-01-01"), currency="USD", expires_on=day("2027-01-01"))
    assert totals(schedule) == [5_000, 60_000, 60_000]


def test_a_renewal_is_billed_before_it_begins() -> None:
    """Offered 45 days before, billed 20 days before 2026-01-01: 2025-12-12."""
    first = made({"bill_lead_days": 20}, bill_from=day("2025-11-17")).installments[0]
    assert (first.bill_on, first.due_on) == (day("2025-12-12"), day("2026-01-01"))


def test_harford_fees() -> None:
    """5.00 with each installment from the second, late 10.00, returned payment 25.00, reinstatement 25.00, SC 10.00."""
    spec = plans.read(
        {
            "down_payment": {"percent": "25"},
            "installments": {"count": 3, "every_months": 3},
            "installment_fee": {"amount": "5.00", "from": 2},
            "late_fee": "10.00",
            "nsf_fee": "25.00",
            "reinstatement_fee": {"amount": "25.00", "states": {"SC": "10.00"}},
        }
    )
    schedule = plans.build(
        spec, [ChargeDue("chg_1", "premium", Money(120_000))], anchor=day("2026-01-01"), currency="USD"
    )
    assert totals(schedule) == [30_000, 30_500, 30_500, 30_500]
    asked = [("late_fee", "PA"), ("nsf_fee", "PA"), ("reinstatement_fee", "PA"), ("reinstatement_fee", "SC")]
    assert [spec.fee(*each, "USD").amount_minor for each in asked] == [1_000, 2_500, 2_500, 1_000]


def test_what_a_plan_leaves_out() -> None:
    spec = plans.read({})
    assert [spec.limit(name, "USD").amount_minor for name in ("low_bill", "nonpay_threshold", "small_balance")] == [
        500, 2_500, 500,
    ]  # fmt: skip
    assert spec.fee("late_fee", "HI", "USD") == Money(0)
    assert (spec.endorsement, spec.credit, spec.anchor, spec.business_days) == (
        "spread", "spread", "effective", "none",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"cadence": "weekly"}, "cadence"),
        ({"cadence": "monthly", "installments": {"count": 3}}, "cadence"),
        ({"cadence": "monthly", "down_payment": {"percent": "100"}}, "cadence"),
        ({"anchor": "birthday"}, "anchor"),
        ({"business_days": True}, "business_days"),
        ({"blackout_days_before_expiry": -1}, "blackout_days_before_expiry"),
        ({"blackout_days_before_expiry": "30"}, "blackout_days_before_expiry"),
        ({"max_installments": 0}, "max_installments"),
        ({"late_fee": 10}, "late_fee"),
        ({"late_fee": "-10.00"}, "late_fee"),
        ({"nsf_fee": {"amount": "25", "states": {"South Carolina": "10"}}}, "nsf_fee"),
        ({"nsf_fee": {"amount": "25", "states": {"SC": "ten"}}}, "nsf_fee"),
        ({"reinstatement_fee": {"price": "25"}}, "reinstatement_fee"),
        ({"endorsement": "unapplied"}, "endorsement"),
        ({"credit": "now"}, "credit"),
        ({"low_bill": "5 dollars"}, "low_bill"),
        ({"nonpay_threshold": None}, "nonpay_threshold"),
        ({"small_balance": "-1"}, "small_balance"),
        ({"allocation": ["due_on"]}, "allocation"),
        ({"allocation": {"order": []}}, "allocation"),
        ({"allocation": {"order": ["due_on", "due_on"]}}, "allocation"),
        ({"allocation": {"order": ["amount"]}}, "allocation"),
        ({"allocation": {"components": "premium"}}, "allocation"),
        ({"allocation": {"first": "premium"}}, "allocation"),
    ],
)
def test_what_a_plan_cannot_say_is_refused_by_key(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(PlanUnreadable) as refused:
        plans.read(spec)
    assert refused.value.field == field
