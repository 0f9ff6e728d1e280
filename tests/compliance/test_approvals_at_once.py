"""Two that use the same permit at the same moment: one does it, the other is told to ask."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance import approvals, audit
from compliance.models import AuditEntry, Permit
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import ApprovalRequired
from coverpay.kernel.money import Money
from tests.support import world
from tests.support.database import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@command
def give_back(*, organization_id: str, actor: Actor) -> str:
    permit = approvals.consume(
        organization_id=organization_id, action="payment.refund", object_id="pay_01", amount=Money(1), actor=actor
    )
    audit.record(action="test.give_back", object_id="pay_01", organization_id=organization_id)
    return permit.id


def test_a_permit_is_used_by_exactly_one_of_many(still: dt.datetime) -> None:
    ours = world.organization()
    clerk, chief = world.actor(ours, "billing"), world.actor(ours, "finance")
    permit = approvals.request(
        action="payment.refund", object_id="pay_01", amount=Money(1), reason="paid twice", actor=clerk
    )
    approvals.approve(permit_id=permit.id, actor=chief)
    done = at_once(*[lambda: give_back(organization_id=ours.id, actor=clerk)] * 6)
    assert [result for result in done if isinstance(result, str)] == [permit.id]
    assert sum(isinstance(result, ApprovalRequired) for result in done) == 5
    assert Permit.objects.get(pk=permit.id).state == "used"
    assert AuditEntry.objects.filter(action="test.give_back").count() == 1


def test_two_who_ask_for_the_same_make_one_permit(still: dt.datetime) -> None:
    ours = world.organization()
    clerks = [world.actor(ours, "billing") for _ in range(4)]

    def ask(clerk: Actor) -> str:
        return approvals.request(
            action="payment.refund", object_id="pay_01", amount=Money(1), reason="paid twice", actor=clerk
        ).id

    done = at_once(*[lambda clerk=clerk: ask(clerk) for clerk in clerks])  # type: ignore[misc]
    assert sum(isinstance(result, str) for result in done) == 1
    assert sum(isinstance(result, approvals.PermitAlreadyAsked) for result in done) == 3
    assert Permit.objects.count() == 1
