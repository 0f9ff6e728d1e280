"""Plans as versioned data, and the schedules that bound policies get."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from billing import schedules
from billing.models import Installment, InstallmentItem, PlanVersion, Schedule
from billing.plans import PlanUnreadable
from compliance import explanations
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, Invalid, NotFound
from tests.support import books
from tests.support.books import House
from tests.support.database import at_once

pytestmark = pytest.mark.django_db
JULY = dt.date(2026, 7, 1)


def publish(house: House, **changes: Any) -> PlanVersion:
    asked = {
        "code": "halves",
        "name": "Halves",
        "spec": books.PLANS["halves"],
        "effective_from": books.SINCE,
        "actor": house.me,
    }
    return schedules.publish_plan(**{**asked, **changes})


def test_the_same_plan_from_the_same_day_is_one_version_and_a_new_one_follows(house: House) -> None:
    assert publish(house).number == 1
    assert publish(house, spec={}, effective_from=JULY).number == 2
    found = [schedules.plan_in_force(house.operator.id, "halves", day).number for day in (books.FIRST_DAY, JULY)]
    assert found == [1, 2]


def test_a_plan_that_is_not_in_force_is_refused_by_field(house: House) -> None:
    for code, day in (("nope", JULY), ("halves", books.SINCE - dt.timedelta(days=1))):
        with pytest.raises(NotFound) as refused:
            schedules.plan_in_force(house.operator.id, code, day)
        assert refused.value.field == "plan"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": ""}, "code"),
        ({"name": "x" * 121}, "name"),
        ({"spec": None}, "spec"),
        ({"spec": {"down_payment": {"percent": "100", "in_full": ["tip"]}}}, "down_payment"),
    ],
)
def test_a_plan_that_cannot_be_published_is_refused_by_field(house: House, changes: dict[str, Any], field: str) -> None:
    with pytest.raises((PlanUnreadable, Invalid)) as refused:
        publish(house, **changes)
    assert refused.value.field == field


def test_publishing_takes_the_permission(house: House) -> None:
    with pytest.raises(Forbidden):
        publish(house, actor=Actor("user", "usr_x", house.operator.id, frozenset({Permission.BILLING_READ})))


def test_a_published_plan_and_the_items_of_a_schedule_never_change(house: House) -> None:
    books.bound(house)
    for rows, change in ((PlanVersion.objects.all(), {"spec": {}}), (InstallmentItem.objects.all(), {"payee": "me"})):
        with pytest.raises(DatabaseError, match="kept as written"), transaction.atomic():
            rows.update(**change)


def test_a_bound_policy_has_its_installments_by_component_and_says_why(house: House) -> None:
    policy = books.bound(house)
    rows = Installment.objects.filter(policy=policy).order_by("sequence")
    assert [(row.sequence, row.bill_on, row.due_on) for row in rows] == [
        (1, dt.date(2026, 1, 31), dt.date(2026, 1, 31)), (2, dt.date(2026, 7, 31), dt.date(2026, 7, 31)),
    ]  # fmt: skip
    items = {item.component: item.amount_minor for item in rows[0].items.all()}
    assert items == {"premium": 500_000, "carrier_fee": 12_500, "surplus_lines_tax": 23_400}
    kept = explanations.of(Schedule.objects.get(policy=policy).id)
    assert {why.figure: why.amount_minor for why in kept} == {
        "premium": 1_000_000, "carrier_fee": 25_000, "surplus_lines_tax": 46_800,
    }  # fmt: skip
    assert {(why.rule_version, why.inputs["weights"]) for why in kept} == {("halves v1", "1:1")}


def test_the_plans_own_fee_is_the_operators_and_pays_no_commission(house: House) -> None:
    spec = books.PLANS["halves"] | {"installment_fee": {"amount": "5.00", "from": 2}}
    publish(house, code="with-fee", spec=spec)
    policy = books.bound(house, plan="with-fee")
    fee = InstallmentItem.objects.get(installment__policy=policy, component="installment_fee")
    assert (fee.amount_minor, fee.payee_kind, fee.payee, fee.commission_ppm, fee.charge_id) == (
        500, "operator", house.operator.id, 0, None,
    )  # fmt: skip


def test_the_plan_in_force_when_cover_begins_rules_the_schedule(house: House) -> None:
    publish(house, spec={}, effective_from=JULY)
    before, later = books.bound(house), books.bound(house, effective_on=JULY)
    assert Installment.objects.filter(policy=before).count() == 2
    assert Installment.objects.filter(policy=later).count() == 1


@pytest.mark.django_db(transaction=True)
def test_plans_published_at_once_are_numbered_one_after_the_other(house: House) -> None:
    leads = [1, 2, 3, 4]
    results = at_once(*(lambda lead=lead: publish(house, spec={"bill_lead_days": lead}).number for lead in leads))
    assert sorted(results) == [2, 3, 4, 5]
