"""Quote, bind, decline: what each writes, and every refusal with its field."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.models import Installment, Schedule
from compliance import explanations
from compliance.models import AuditEntry, EventRecord, Organization
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Conflict, DomainError, Forbidden, IllegalTransition, Invalid, NotFound
from coverpay.kernel.money import Money
from policies import lifecycle, parties
from policies.models import Charge, Participant, Party, Policy, Segment
from policies.parties import PartyDetails
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db


def quoted(house: House, **changes: Any) -> Policy:
    return lifecycle.quote(request=books.request(**changes), actor=house.me)


def test_a_quote_writes_every_charge_with_its_derivation_and_owes_nothing(house: House) -> None:
    policy = quoted(house)
    charges = list(policy.charges.all())
    assert {charge.component: charge.amount_minor for charge in charges} == {
        "premium": 1_000_000, "carrier_fee": 25_000, "surplus_lines_tax": 46_800,
    }  # fmt: skip
    kept = explanations.of(*(charge.id for charge in charges))
    assert [(why.figure, why.amount_minor) for why in kept] == [
        ("amount", 1_000_000), ("amount", 25_000), ("amount", 46_800),
    ]  # fmt: skip
    assert Segment.objects.get(transaction__term__policy=policy).written_minor == 1_000_000
    assert policy.state == "quoted"
    assert not Schedule.objects.exists()


def test_a_bound_quote_is_scheduled_audited_and_told(house: House) -> None:
    policy = lifecycle.bind(policy_id=quoted(house).id, actor=house.me)
    assert policy.state == "bound"
    assert Installment.objects.filter(policy=policy).count() == 2
    told = EventRecord.objects.filter(subject_id=policy.id).order_by("id").values_list("type", flat=True)
    assert list(told) == ["policy.quoted", "policy.bound", "schedule.created"]
    entry = AuditEntry.objects.get(object_id=policy.id, action="policy.bind")
    assert (entry.before, entry.actor_id) == ({"state": "quoted", "plan": "halves"}, "usr_test")
    assert entry.after == {"state": "bound", "plan": "halves"}


def test_a_declined_quote_keeps_the_reason_and_is_over(house: House) -> None:
    policy = quoted(house)
    lifecycle.decline(policy_id=policy.id, reason=" went elsewhere ", actor=house.me)
    assert AuditEntry.objects.get(object_id=policy.id, action="policy.decline").reason == "went elsewhere"
    for verb in (lambda: lifecycle.bind(policy_id=policy.id, actor=house.me),
                 lambda: lifecycle.decline(policy_id=policy.id, reason="again", actor=house.me)):  # fmt: skip
        with pytest.raises(IllegalTransition, match="not taken") as refused:
            verb()
        assert refused.value.field == "policy"


def test_declining_takes_a_reason(house: House) -> None:
    policy = quoted(house)
    with pytest.raises(Invalid) as refused:
        lifecycle.decline(policy_id=policy.id, reason="  ", actor=house.me)
    assert refused.value.field == "reason"


def test_a_plan_that_is_not_there_stops_the_binding_and_the_quote_stays(house: House) -> None:
    policy = quoted(house, plan="nope")
    with pytest.raises(NotFound) as refused:
        lifecycle.bind(policy_id=policy.id, actor=house.me)
    assert refused.value.field == "plan"
    assert Policy.objects.get(pk=policy.id).state == "quoted"
    assert not EventRecord.objects.filter(type="policy.bound").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": "  "}, "number"),
        ({"number": "P\x001"}, "number"),
        ({"number": "x" * 51}, "number"),
        ({"program": "nope"}, "program"),
        ({"state": "TX"}, "state"),
        ({"plan": ""}, "plan"),
        ({"premium": Money(0)}, "premium"),
        ({"premium": Money(-1)}, "premium"),
        ({"premium": Money(10**15 + 1)}, "premium"),
        ({"premium": Money(1_000_000, "CAD")}, "currency"),
        ({"expires_on": books.FIRST_DAY}, "expires_on"),
        ({"expires_on": dt.date(2030, 1, 1)}, "expires_on"),
        ({"effective_on": dt.date(202, 1, 31)}, "effective_on"),
        ({"effective_on": dt.date(9999, 1, 1), "expires_on": dt.date(9999, 12, 31)}, "effective_on"),
        ({"agency_code": "nobody"}, "agency_code"),
        ({"insured": PartyDetails(reference=" ", name="x")}, "reference"),
        ({"insured": PartyDetails(reference="x", name="")}, "name"),
        ({"insured": PartyDetails(reference="x", name="x", email="x")}, "email"),
        ({"insured": PartyDetails(reference="x", name="x", state="Hawaii")}, "state"),
        ({"insured": PartyDetails(reference="x", name="x", postal_code="9" * 13)}, "postal_code"),
    ],
)
def test_a_quote_that_cannot_stand_is_refused_by_field_and_writes_nothing(
    house: House, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        quoted(house, **changes)
    assert refused.value.field == field
    assert refused.value.status in (404, 422)
    assert not (Policy.objects.exists() or Party.objects.exists())
    assert [each.field for each in lifecycle.refusals(house.operator.id, books.request(**changes))] == [field]


def test_a_policy_number_is_used_once_by_an_operator_and_free_for_another(house: House) -> None:
    quoted(house, number="P-1")
    with pytest.raises(lifecycle.PolicyNumberTaken) as refused:
        quoted(house, number=" P-1 ")
    assert isinstance(refused.value, Conflict)
    assert refused.value.field == "number"
    other = books.open_house()
    assert quoted(other, number="P-1").operator_id == other.operator.id


def test_the_operator_the_carrier_and_the_agency_take_part(house: House) -> None:
    agency = world.organization("agency")
    policy = quoted(house, agency_code=agency.code)
    parts = dict(Participant.objects.filter(policy=policy).values_list("organization_id", "role"))
    assert parts == {house.operator.id: "operator", house.carrier.id: "carrier", agency.id: "agency"}


def test_an_operator_that_sells_by_itself_takes_part_once(house: House) -> None:
    policy = quoted(house, agency_code=house.operator.code)
    assert Participant.objects.filter(policy=policy, organization=house.operator).get().role == "operator"


def test_the_same_insured_is_one_party(house: House) -> None:
    details = PartyDetails(reference="INS-1", name="Aloha Foods")
    first, second = quoted(house, insured=details), quoted(house, insured=details)
    assert first.insured_id == second.insured_id
    assert parties.create(details=details, actor=house.me).id == first.insured_id


def test_quoting_and_binding_take_the_permission_and_the_own_policy(house: House) -> None:
    policy = quoted(house)
    reader = Actor("user", "usr_x", house.operator.id, frozenset({Permission.POLICIES_READ}))
    for verb in (lambda: lifecycle.quote(request=books.request(), actor=reader),
                 lambda: lifecycle.bind(policy_id=policy.id, actor=reader)):  # fmt: skip
        with pytest.raises(Forbidden):
            verb()
    stranger = Actor("user", "usr_y", Organization.objects.get(pk=house.carrier.id).id, frozenset(Permission))
    with pytest.raises(NotFound):
        lifecycle.bind(policy_id=policy.id, actor=stranger)
    assert Charge.objects.filter(policy=policy).exists()
