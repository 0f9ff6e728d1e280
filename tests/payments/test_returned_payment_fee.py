"""The plan's fee for a payment that the bank returned: by the state's rule, and never by guess."""

from __future__ import annotations

import pytest

from billing import schedules
from billing.models import InstallmentItem
from compliance.models import AuditEntry
from compliance.rules import decisions
from payments.gateways.sandbox import Sandbox
from policies.models import Policy
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def returned(house: House, sandbox: Sandbox) -> Policy:
    """A policy whose plan asks 25.00 for a returned payment, and whose first payment the bank takes back."""
    schedules.publish_plan(
        code="bounce", name="Halves", effective_from=books.SINCE, actor=house.me,
        spec={"down_payment": {"percent": "50"}, "installments": [{"month": 6}], "nsf_fee": "25.00"},
    )  # fmt: skip
    payment = books.paid(house, books.billed(house, plan="bounce"), "tok_return")
    sandbox.finish_pending(house.account.merchant)
    for headers, body in books.webhooks(house):
        books.deliver(house, headers, body)
    payment.refresh_from_db()
    assert payment.state == "returned"
    assert differences(house) == []
    return Policy.objects.get(pk=payment.policy_id)


def decide(house: House, value: object) -> None:
    decisions.decide(
        rule="returned_payment_fee_cap", jurisdiction="HI", line="general_commerce", value=value,
        reason="Read in the filing.", effective_from=books.SINCE, actor=house.me,
    )  # fmt: skip


def test_a_returned_payment_costs_what_the_plan_asks_at_most_the_cap(house: House, sandbox: Sandbox) -> None:
    """The plan asks 25.00, the state allows 20.00."""
    decide(house, "20.00")
    returned(house, sandbox)
    item = InstallmentItem.objects.get(component="nsf_fee")
    assert (item.amount_minor, item.payee) == (2_000, house.operator.id)


def test_while_nobody_has_decided_the_cap_there_is_no_fee_and_the_trail_says_why(
    house: House, sandbox: Sandbox
) -> None:
    policy = returned(house, sandbox)
    assert not InstallmentItem.objects.filter(component="nsf_fee").exists()
    entry = AuditEntry.objects.get(action="fee.withheld")
    assert entry.object_id == policy.id
    assert "decide" in entry.reason.lower()
