"""What a customer is shown before deciding: the bills to come, the plans side by side, an endorsement's effect."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import invoices, previews, schedules
from billing.models import Schedule
from coverpay.kernel.errors import Invalid
from policies import lifecycle
from policies.models import Policy
from tests.support import books, changes
from tests.support.books import House

pytestmark = pytest.mark.django_db


def quoted(house: House, **more: str) -> Policy:
    return lifecycle.quote(request=books.request(**more), actor=house.me)


def test_a_quote_shows_the_bills_it_would_bring_and_binding_brings_them(house: House) -> None:
    policy = quoted(house, plan="thirds")
    shown = previews.schedule_preview(policy)
    assert not Schedule.objects.exists()
    assert shown.total_minor == 1_071_800
    lifecycle.bind(policy_id=policy.id, actor=house.me)
    found = [(each.due_on.isoformat(), each.total_minor) for each in shown.installments]
    assert found == changes.dates(policy.terms.get())


def test_a_preview_names_components_and_fees(house: House) -> None:
    """10,718.00 by halves with 5.00 on the second: 5,359.00 and 5,364.00."""
    spec = books.PLANS["halves"] | {"installment_fee": {"amount": "5.00"}}
    schedules.publish_plan(code="fee", name="Fee", spec=spec, effective_from=books.SINCE, actor=house.me)
    first, second = previews.schedule_preview(quoted(house), "fee").installments
    assert first.components == {"premium": 500_000, "carrier_fee": 12_500, "surplus_lines_tax": 23_400}
    assert (first.total_minor, first.fee_minor) == (535_900, 0)
    assert (second.total_minor, second.fee_minor) == (536_400, 500)


def test_plans_stand_side_by_side_with_what_they_cost(house: House) -> None:
    """Thirds: 34% of 10,718.00 = 3,644.12 down and 33% twice, 3,536.94; monthly adds eleven fees of 5.00."""
    spec = {"cadence": "monthly", "installment_fee": {"amount": "5.00"}}
    schedules.publish_plan(code="months", name="Months", spec=spec, effective_from=books.SINCE, actor=house.me)
    found = {option.plan: option for option in previews.compare_plans(quoted(house))}
    assert set(found) == {*books.PLANS, "months"}
    thirds = found["thirds"]
    assert (thirds.number, thirds.down_payment_minor, thirds.installment_minor) == (3, 364_412, 353_694)
    assert (found["full"].installment_minor, found["full"].total_minor) == (0, 1_071_800)
    monthly = found["months"]
    assert (monthly.number, monthly.fees_minor, monthly.total_minor) == (12, 5_500, 1_077_300)
    assert {found[plan].first_due_on for plan in ("full", "halves", "thirds", "months")} == {books.FIRST_DAY}


def test_a_plan_whose_fee_the_currency_lacks_says_so(house: House) -> None:
    spec = {"installments": {"count": 2}, "installment_fee": {"amount": "5.001"}}
    schedules.publish_plan(code="odd", name="Odd", spec=spec, effective_from=books.SINCE, actor=house.me)
    option = {each.plan: each for each in previews.compare_plans(quoted(house))}["odd"]
    assert (option.number, option.total_minor) == (0, 0)
    assert "decimals" in option.refused


def test_comparing_takes_four_queries_however_many_plans(house: House) -> None:
    policy = quoted(house)
    with CaptureQueriesContext(connection) as queries:
        previews.compare_plans(policy)
    assert len(queries) == 4


def test_an_endorsement_is_previewed_as_it_will_be(house: House) -> None:
    policy = books.bound(house, plan="thirds")
    invoices.issue(policy_id=policy.id, actor=house.me)
    term = policy.terms.get()
    shown = previews.endorsement_preview(policy, {"premium": 10_001}, dt.date(2026, 3, 1))
    assert shown.after_minor - shown.before_minor == 10_001
    assert term.schedules.count() == 1
    changes.changed(house, policy, premium=10_001)
    assert [(each.due_on.isoformat(), each.total_minor) for each in shown.after] == changes.dates(term)


def test_what_cannot_be_endorsed_is_refused_by_field(house: House) -> None:
    policy = books.bound(house)
    for changed, day, field in (
        ({"premium": 1}, dt.date(2027, 1, 31), "effective_on"),
        ({"tip": 1}, dt.date(2026, 3, 1), "component"),
    ):
        with pytest.raises(Invalid) as refused:
            previews.endorsement_preview(policy, changed, day)
        assert refused.value.field == field
