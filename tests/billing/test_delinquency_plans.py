"""What a delinquency plan may say, and when its steps are due."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing import delinquency_plans as plans
from billing.delinquency_plans import DelinquencyPlanUnreadable

ENTERED = dt.date(2026, 5, 1)  # a Friday
NOTICE = {"action": "notice", "after_days": 5}
CANCEL = {"action": "cancel", "after_days": 5}


def weekdays(on: dt.date, days: int) -> dt.date:
    for _ in range(days):
        on += dt.timedelta(days=3 if on.weekday() == 4 else 1)
    return on


def spec(**changes: Any) -> dict[str, Any]:
    return {"steps": [NOTICE, CANCEL], **changes}


def test_the_standard_plan_reads_and_says_what_it_leaves_out() -> None:
    found = plans.read(plans.STANDARD)
    assert [step.action for step in found.steps] == ["reminder", "late_fee", "notice", "cancel", "collections"]
    assert (found.enter, found.exit, found.cancel) == ("5.00", "1.00", "25.00")
    assert (found.grace_days, found.grace_kind, found.automatic) == (0, "calendar", True)
    assert (found.minimum_notice_days, found.mail_within_days) == (0, 1)


def test_agency_bill_asks_a_person_unless_switched_on() -> None:
    assert plans.read(spec(bill="agency")).automatic is False
    assert plans.read(spec(bill="agency", automatic=True)).automatic is True


def test_grace_counts_in_calendar_or_business_days() -> None:
    calendar = plans.read(spec(grace={"days": 3}))
    business = plans.read(spec(grace={"days": 3, "kind": "business"}))
    assert plans.past_due_from(calendar, ENTERED, weekdays) == dt.date(2026, 5, 5)
    assert plans.past_due_from(business, ENTERED, weekdays) == dt.date(2026, 5, 7)


def test_steps_count_from_the_due_date_and_the_last_ones_from_the_end_of_cover() -> None:
    read = plans.read(
        spec(steps=[{"action": "reminder", "after_days": 2, "days": "business"}, NOTICE, CANCEL,
                    {"action": "write_off", "after_days": 30}])
    )  # fmt: skip

    def due(position: int, ended_on: dt.date | None = None) -> dt.date | None:
        return plans.due_on(read, position, entered_on=ENTERED, ended_on=ended_on, add_business_days=weekdays)

    assert (due(0), due(1)) == (dt.date(2026, 5, 5), dt.date(2026, 5, 6))
    assert (due(3), due(3, dt.date(2026, 5, 19))) == (dt.date(2026, 5, 31), dt.date(2026, 6, 18))
    assert due(4) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"steps": []}, "steps"),
        ({"steps": "notice"}, "steps"),
        ({"steps": [NOTICE]}, "steps"),
        ({"steps": [CANCEL]}, "steps"),
        ({"steps": [NOTICE, {"action": "reminder", "after_days": 6}, CANCEL]}, "steps"),
        ({"steps": [NOTICE, CANCEL, NOTICE, CANCEL]}, "steps"),
        ({"steps": [{"action": "reminder", "after_days": 9}, NOTICE, CANCEL]}, "steps"),
        ({"steps": [{"action": "collections", "after_days": 1}, NOTICE, CANCEL]}, "steps"),
        ({"steps": [{"action": "shout", "after_days": 1}]}, "steps"),
        ({"steps": [{"action": "reminder", "after_days": -1}]}, "steps"),
        ({"steps": [{"action": "reminder", "after_days": True}]}, "steps"),
        ({"steps": [{"action": "reminder", "after_days": 1, "days": "working"}]}, "steps"),
        ({"steps": [{"action": "reminder", "after": 1}]}, "steps"),
        ({"thresholds": {"enter": "-1"}}, "thresholds"),
        ({"thresholds": {"enter": 5}}, "thresholds"),
        ({"thresholds": {"exit": "6.00"}}, "thresholds"),
        ({"thresholds": {"cancel": "4.00"}}, "thresholds"),
        ({"thresholds": {"leave": "4.00"}}, "thresholds"),
        ({"grace": {"days": 91}}, "grace"),
        ({"grace": {"days": 1, "kind": "bank"}}, "grace"),
        ({"bill": "broker"}, "bill"),
        ({"automatic": "yes"}, "automatic"),
        ({"minimum_notice_days": 181}, "minimum_notice_days"),
        ({"mail_within_days": -1}, "mail_within_days"),
        ({"dunning": 1}, "dunning"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_by_its_key(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(DelinquencyPlanUnreadable) as refused:
        plans.read(spec(**changes))
    assert refused.value.field == field


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(DelinquencyPlanUnreadable) as refused:
        plans.read(["notice"])
    assert refused.value.field == "spec"
