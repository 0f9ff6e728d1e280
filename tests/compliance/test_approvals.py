"""Permits: asked for by one, given by another, good for exactly one thing, one amount and one time."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from compliance import approvals, audit, identity
from compliance.models import AuditEntry, EventRecord, Organization, Permit
from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import ApprovalRequired, DomainError, Forbidden, Invalid, NotFound
from coverpay.kernel.money import Money
from tests.support import world

pytestmark = pytest.mark.django_db
AMOUNT = Money(125_00)
ACTION, INVOICE = "invoice.write_off", "inv_01"


@pytest.fixture
def ours(still: dt.datetime) -> Organization:
    return world.organization()


def person(organization: Organization, role: str = "finance", name: str = "") -> Actor:
    return dataclasses.replace(world.actor(organization, role), id=f"usr_{name or role}")


def asked(actor: Actor, amount: Money | None = AMOUNT, **changes: Any) -> Permit:
    said = {"action": ACTION, "object_id": INVOICE, "amount": amount, "reason": "gone bankrupt", **changes}
    return approvals.request(**said, actor=actor)


@command
def write_off(
    *, organization_id: str, amount: Money | None = AMOUNT, object_id: str = INVOICE, actor: Actor
) -> dict[str, str]:
    approvals.consume(organization_id=organization_id, action=ACTION, object_id=object_id, amount=amount, actor=actor)
    audit.record(action="test.write_off", object_id=object_id, organization_id=organization_id)
    return dict(commands.current().notes)


def test_what_another_approved_is_done_once(ours: Organization) -> None:
    clerk, chief = person(ours, "billing"), person(ours)
    permit = asked(clerk)
    assert (permit.state, permit.amount_minor, permit.currency) == ("requested", 12_500, "USD")
    assert permit.expires_at == clock.now() + dt.timedelta(days=30)
    approvals.approve(permit_id=permit.id, reason="seen the court's letter", actor=chief)
    assert write_off(organization_id=ours.id, actor=clerk)["object_id"] == INVOICE
    permit = Permit.objects.get(pk=permit.id)
    assert (permit.state, permit.decided_by, permit.decided_reason) == ("used", chief.id, "seen the court's letter")
    with pytest.raises(ApprovalRequired) as refused:
        write_off(organization_id=ours.id, actor=clerk)
    assert refused.value.extra["permit"] is None
    actions = AuditEntry.objects.filter(object_id=permit.id).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["permit.request", "permit.approve", "permit.use"]
    told = EventRecord.objects.filter(object_id=permit.id).order_by("id").values_list("type", flat=True)
    assert list(told) == ["approval.requested", "approval.approved"]


@pytest.mark.parametrize(
    ("amount", "object_id"),
    [
        (Money(125_01), INVOICE),
        (Money(124_99), INVOICE),
        (Money(125_00, "CAD"), INVOICE),
        (None, INVOICE),
        (AMOUNT, "inv_02"),
    ],
)
def test_a_cent_more_or_less_or_another_object_is_not_what_was_approved(
    ours: Organization, amount: Money | None, object_id: str
) -> None:
    clerk = person(ours, "billing")
    permit = asked(clerk)
    approvals.approve(permit_id=permit.id, actor=person(ours))
    with pytest.raises(ApprovalRequired):
        write_off(organization_id=ours.id, amount=amount, object_id=object_id, actor=clerk)
    assert Permit.objects.get(pk=permit.id).state == "approved"


def test_another_organization_cannot_use_the_permit(ours: Organization) -> None:
    approvals.approve(permit_id=asked(person(ours, "billing")).id, actor=person(ours))
    theirs = world.organization()
    with pytest.raises(ApprovalRequired):
        write_off(organization_id=theirs.id, actor=person(theirs))


def test_who_waits_is_told_which_permit_waits_and_what_to_do(ours: Organization) -> None:
    clerk = person(ours, "billing")
    permit = asked(clerk)
    with pytest.raises(ApprovalRequired, match="waits for someone else's approval") as refused:
        write_off(organization_id=ours.id, actor=clerk)
    assert (refused.value.extra["permit"], refused.value.field) == (permit.id, "permit")
    assert refused.value.extra["amount_minor"] == 12_500


def test_who_asked_never_approves_whatever_they_may_do(ours: Organization) -> None:
    chief = person(ours)
    permit = asked(chief)
    with pytest.raises(approvals.ApprovedByAsker):
        approvals.approve(permit_id=permit.id, actor=chief)
    with pytest.raises(approvals.ApprovedByAsker):
        approvals.refuse(permit_id=permit.id, reason="changed my mind", actor=chief)
    with pytest.raises(IntegrityError, match="decided_by_another"), transaction.atomic():
        Permit.objects.filter(pk=permit.id).update(decided_by=chief.id)
    assert Permit.objects.get(pk=permit.id).state == "requested"


def test_a_person_cannot_approve_what_their_own_key_asked_for_nor_their_key_what_they_asked(
    ours: Organization,
) -> None:
    admin = person(ours, "admin")
    scopes = ["approvals.read", "approvals.decide"]
    issued = identity.issue_api_key(organization_id=ours.id, name="bot", scopes=scopes, days=9, actor=admin)
    key = identity.actor_for_token(issued.token)
    assert key is not None
    by_key, by_person = asked(key), asked(admin, Money(1))
    with pytest.raises(approvals.ApprovedByAsker):
        approvals.approve(permit_id=by_key.id, actor=admin)
    with pytest.raises(approvals.ApprovedByAsker):
        approvals.approve(permit_id=by_person.id, actor=key)
    other = person(ours, "admin", name="other")
    assert approvals.approve(permit_id=by_key.id, actor=other).state == "approved"


def test_a_permit_is_worth_nothing_after_its_last_moment_and_can_be_asked_for_again(ours: Organization) -> None:
    clerk, chief = person(ours, "billing"), person(ours)
    first = asked(clerk)
    approvals.approve(permit_id=first.id, actor=chief)
    with pytest.raises(approvals.PermitAlreadyAsked) as refused:
        asked(clerk)
    assert refused.value.extra["permit"] == first.id
    clock.advance(dt.timedelta(days=30))
    with pytest.raises(ApprovalRequired, match="ended on 2026-03-04"):
        write_off(organization_id=ours.id, actor=clerk)
    second = asked(clerk)
    assert Permit.objects.get(pk=first.id).state == "refused"
    clock.advance(dt.timedelta(days=30))
    with pytest.raises(approvals.PermitDecided, match="ended on 2026-04-03"):
        approvals.approve(permit_id=second.id, actor=chief)


def test_a_refusal_has_a_reason_and_takes_back_an_approval(ours: Organization) -> None:
    clerk, chief = person(ours, "billing"), person(ours)
    permit = asked(clerk)
    approvals.approve(permit_id=permit.id, actor=chief)
    with pytest.raises(Invalid) as refused:
        approvals.refuse(permit_id=permit.id, reason=" ", actor=chief)
    assert refused.value.field == "reason"
    assert approvals.refuse(permit_id=permit.id, reason="it was paid", actor=chief).state == "refused"
    with pytest.raises(ApprovalRequired):
        write_off(organization_id=ours.id, actor=clerk)
    with pytest.raises(approvals.PermitDecided, match="is refused"):
        approvals.approve(permit_id=permit.id, actor=chief)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"action": "write off"}, "action"),
        ({"action": "x." + "y" * 60}, "action"),
        ({"object_id": ""}, "object_id"),
        ({"object_id": "i" * 41}, "object_id"),
        ({"reason": ""}, "reason"),
        ({"reason": "r" * 301}, "reason"),
    ],
)
def test_a_request_that_cannot_be_kept_names_its_field(ours: Organization, said: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        asked(person(ours), **said)
    assert refused.value.field == field
    assert not Permit.objects.exists()


def test_only_who_may_decide_decides_and_only_at_home(ours: Organization) -> None:
    permit = asked(person(ours))
    with pytest.raises(Forbidden):
        approvals.approve(permit_id=permit.id, actor=person(ours, "billing"))
    with pytest.raises(NotFound):
        approvals.approve(permit_id=permit.id, actor=person(world.organization(), name="stranger"))
    with pytest.raises(Forbidden):
        asked(person(ours, "viewer"))
