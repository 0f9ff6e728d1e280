"""When the steps of a recovery plan are due, worked by hand on the calendar of 2026."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance import business_days
from payments import recovery_days, recovery_plans
from payments.recovery_plans import Bounds, RecoveryPlanUnreadable, due, preview, read

RETRY: dict[str, Any] = {"do": "retry"}


def spec(*steps: dict[str, Any], **more: Any) -> recovery_plans.RecoverySpec:
    return read({"basis": "Read by us.", "classes": {"soft": list(steps)}, **more})


def first(plan: recovery_plans.RecoverySpec, now: dt.datetime, bounds: Bounds | None = None) -> str:
    """When the plan's first soft step is due, in the plan's zone, or why never."""
    found = due(plan, plan.steps("soft")[0], now, bounds)
    return found.refused or f"{found.at.astimezone(plan.zone):%Y-%m-%d %H:%M}"


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("step", "when"),
    [
        ({"after": {"days": 3}}, "2026-11-30 09:00"),  # the 28th is a Saturday
        ({"after": {"days": 1}}, "2026-11-27 09:00"),  # the 26th is Thanksgiving
        ({"after": {"business_days": 2}}, "2026-11-30 09:00"),  # Friday, Monday
        ({"after": {"hours": 4}}, "2026-11-25 14:00"),
        ({"after": {"hours": 24}}, "2026-11-27 09:00"),  # Thanksgiving again
        ({"after": {"days": 3}, "on": ["1", "15"]}, "2026-12-01 09:00"),
        ({"after": {"days": 7}, "on": ["15", "friday"]}, "2026-12-04 09:00"),
        ({"on": ["last_business_day"]}, "2026-11-30 09:00"),
        ({"after": {"days": 10}, "on": ["last"]}, "2026-12-31 09:00"),
        ({"after": {"days": 20}, "on": ["25"]}, "2026-12-28 09:00"),  # Christmas is a Friday
        ({"after": {"days": 40}, "on": ["1"]}, "2027-01-04 09:00"),  # the 1st is a Friday, and a holiday
    ],
)
def test_a_retry_lands_on_the_day_the_plan_means(step: dict[str, Any], when: str) -> None:
    """The payment failed on Wednesday 2026-11-25 at 10:00 in New York."""
    assert first(spec(RETRY | step), at("2026-11-25T15:00")) == when


def test_the_first_of_a_month_that_is_a_holiday_is_paid_on_the_next_open_day() -> None:
    assert first(spec(RETRY | {"on": ["1"]}), at("2026-12-20T15:00")) == "2027-01-04 09:00"  # a Friday, then a weekend


def test_the_time_of_day_is_that_of_the_plans_zone_also_when_the_clocks_change() -> None:
    """Honolulu knows no summer time; New York leaves it on 2026-11-01."""
    step = RETRY | {"after": {"days": 3}}
    found = due(spec(step), recovery_plans.Step("retry", 3, "days"), at("2026-10-30T15:00"))
    assert found.at == at("2026-11-02T14:00")
    honolulu = spec(step, zone="Pacific/Honolulu", at="07:30")
    assert due(honolulu, honolulu.steps("soft")[0], at("2026-11-23T15:00")).at == at("2026-11-27T17:30")


def test_what_the_network_wants_awaited_is_awaited() -> None:
    """72 hours from Friday 10:00 are Monday 10:00: past the plan's 09:00, so Tuesday."""
    bounds = Bounds(earliest=at("2026-11-30T15:00"), why_earliest="advice 02: 72 hours")
    plan = spec(RETRY | {"after": {"days": 1}})
    assert first(plan, at("2026-11-27T15:00"), bounds) == "2026-12-01 09:00"
    assert first(spec(RETRY | {"after": {"hours": 1}}), at("2026-11-27T15:00"), bounds) == "2026-11-30 10:00"


def test_a_retry_that_would_come_after_cover_ends_is_pulled_forward() -> None:
    """Planned for the 15th; cover ends on 2026-12-08, so the last business day before it is Monday the 7th."""
    plan = spec(RETRY | {"after": {"days": 3}, "on": ["15"]})
    bounds = Bounds(last_on=dt.date(2026, 12, 7), why_last="cover ends on 2026-12-08")
    assert first(plan, at("2026-11-25T15:00"), bounds) == "2026-12-07 09:00"
    saturday = Bounds(last_on=dt.date(2026, 12, 5), why_last="cover ends on 2026-12-06")
    assert first(plan, at("2026-11-25T15:00"), saturday) == "2026-12-04 09:00"


def test_a_retry_for_which_no_moment_is_left_is_refused_and_a_message_comes_at_once() -> None:
    bounds = Bounds(last_on=dt.date(2026, 11, 26), why_last="cover ends on 2026-11-27")
    late = spec(RETRY | {"after": {"days": 3}})
    assert first(late, at("2026-11-26T15:00"), bounds) == "Too late: cover ends on 2026-11-27"  # a holiday
    message = spec({"do": "message", "template": "payment_failed", "after": {"days": 3}})
    assert first(message, at("2026-11-28T15:00"), bounds) == "2026-11-28 10:00"


def test_waiting_for_the_network_beyond_the_end_of_cover_is_a_refusal() -> None:
    bounds = Bounds(at("2026-12-01T15:00"), dt.date(2026, 11, 30), "advice 27: 96 hours", "cover ends on 2026-12-01")
    assert first(spec(RETRY), at("2026-11-27T15:00"), bounds).startswith("Too late")


def test_each_step_counts_from_the_end_of_the_one_before() -> None:
    """A failure on Monday 2026-02-02, 10:00 in New York, under the standard plan."""
    rows = preview(read(recovery_plans.STANDARD), "soft", at("2026-02-02T15:00"))
    days = [f"{step.kind} {found.at:%m-%d}" for step, found in rows]
    assert days == [
        "message 02-02", "retry 02-06", "message 02-06", "retry 02-13", "fallback 02-17", "ask_details 02-17",
        "hand_over 02-22",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"classes": {}}, "classes"),
        ({"classes": {"soft": []}}, "classes"),
        ({"classes": {"weird": [{"do": "hand_over"}]}}, "classes"),
        ({"classes": {"hard": [RETRY]}}, "classes"),
        ({"classes": {"details": [RETRY]}}, "classes"),
        ({"classes": {"unknown": [RETRY]}}, "classes"),
        ({"classes": {"soft": [{"do": "pray"}]}}, "classes"),
        ({"classes": {"soft": [RETRY | {"after": {"days": 1, "hours": 1}}]}}, "classes"),
        ({"classes": {"soft": [RETRY | {"after": {"days": -1}}]}}, "classes"),
        ({"classes": {"soft": [RETRY | {"after": {"days": True}}]}}, "classes"),
        ({"classes": {"soft": [RETRY | {"on": ["31"]}]}}, "classes"),
        ({"classes": {"soft": [RETRY | {"on": "1"}]}}, "classes"),
        ({"classes": {"soft": [{"do": "message"}]}}, "classes"),
        ({"classes": {"soft": [{"do": "hand_over"}, RETRY]}}, "classes"),
        ({"classes": {"soft": [RETRY] * 13}}, "classes"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../etc"}, "zone"),
        ({"at": "25:00"}, "at"),
        ({"at": "09:00+02:00"}, "at"),
        ({"basis": ""}, "basis"),
        ({"fees": "double"}, "fees"),
        ({"business_days": 1}, "business_days"),
        ({"extra": 1}, "spec"),
    ],
)
def test_a_plan_that_cannot_be_done_is_refused_where_it_is_wrong(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(RecoveryPlanUnreadable) as refused:
        read({"basis": "Read by us.", "classes": {"soft": [RETRY]}, **changes})
    assert refused.value.field == field


def test_a_class_without_steps_goes_to_a_person_and_the_check_says_so() -> None:
    plan = spec(RETRY, RETRY, RETRY, {"do": "hand_over"})
    assert [step.kind for step in plan.steps("unknown")] == ["hand_over"]
    said = recovery_plans.advice(plan)
    assert said[0].startswith("soft: a bank debit is presented again at most 2 times within 180 days")
    assert "unknown: the plan has no steps for it; a person goes on at once." in said
    assert recovery_plans.advice(read(recovery_plans.STANDARD)) == []


MOMENTS = st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: at("2026-01-01") + dt.timedelta(minutes=minutes))
STEPS = st.builds(
    recovery_plans.Step,
    kind=st.sampled_from(["retry", "fallback"]),
    amount=st.integers(0, 40),
    unit=st.sampled_from(["days", "hours", "business_days"]),
    on=st.lists(st.sampled_from(recovery_days.PAYDAYS), max_size=3).map(tuple),
)


@given(
    STEPS, MOMENTS, st.integers(0, 400), st.integers(-3, 40), st.sampled_from(["America/New_York", "Pacific/Honolulu"])
)
def test_no_charge_lands_before_its_wait_after_cover_or_on_a_closed_day(
    step: recovery_plans.Step, now: dt.datetime, wait: int, days: int, zone: str
) -> None:
    plan = spec(RETRY, zone=zone)
    bounds = Bounds(now + dt.timedelta(hours=wait), now.date() + dt.timedelta(days=days), "wait", "cover ends")
    found = due(plan, step, now, bounds)
    if not found.refused:
        assert bounds.earliest is not None and bounds.last_on is not None
        assert now <= found.at and bounds.earliest <= found.at
        assert found.at.date() <= bounds.last_on
        assert business_days.is_business_day(found.at.astimezone(plan.zone).date())
