"""Moratoriums: which state, which postal areas, from the first day to the last, unless lifted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import ProgrammingError, transaction

from compliance import moratoriums
from compliance.models import AuditEntry, EventRecord, Moratorium, Organization
from compliance.moratoriums import MoratoriumOver
from coverpay.kernel import clock
from coverpay.kernel.errors import DomainError, Forbidden, Invalid, NotFound
from tests.support import world

pytestmark = pytest.mark.django_db
FIRST, LAST = dt.date(2026, 2, 10), dt.date(2026, 3, 10)


@pytest.fixture
def ours(still: dt.datetime) -> Organization:
    return world.organization()


def declared(of: Organization, role: str = "compliance", **said: Any) -> Moratorium:
    asked = {"name": "Maui fires", "state_code": "HI", "starts_on": FIRST, "ends_on": LAST, **said}
    return moratoriums.declare(**asked, actor=world.actor(of, role))


def stopped(of: Organization, on: dt.date, postal_code: str = "96761", state_code: str = "HI") -> bool:
    found = moratoriums.in_force(of.id, state_code=state_code, postal_code=postal_code, on=on)
    return found is not None


def test_a_moratorium_stops_from_its_first_day_to_its_last(ours: Organization) -> None:
    row = declared(ours, citation="Commissioner's memorandum 2026-1")
    days = [FIRST - dt.timedelta(days=1), FIRST, LAST, LAST + dt.timedelta(days=1)]
    assert [stopped(ours, day) for day in days] == [False, True, True, False]
    assert not stopped(ours, FIRST, state_code="CA")
    assert not stopped(world.organization(), FIRST)
    assert EventRecord.objects.get(type="moratorium.declared").object_id == row.id
    assert AuditEntry.objects.get(action="moratorium.declare").after["ends_on"] == "2026-03-10"


@pytest.mark.parametrize(
    ("postal_code", "stops"),
    [
        ("96761", True),
        ("96761-1234", True),
        ("967 61", True),
        ("96799", False),
        ("9676", True),
        ("967", False),
        ("96813", True),
        ("96814", False),
        ("", True),
    ],
)
def test_a_postal_area_is_told_by_how_the_code_begins(ours: Organization, postal_code: str, stops: bool) -> None:
    row = declared(ours, postal_prefixes=["9676", " 968-13 ", "9676"])
    assert row.postal_prefixes == ["9676", "96813"]
    assert stopped(ours, FIRST, postal_code) is stops


def test_one_lifted_stops_nothing_from_that_day_on(ours: Organization) -> None:
    row = declared(ours)
    clock.advance(dt.timedelta(days=14))
    lifted = moratoriums.lift(moratorium_id=row.id, actor=world.actor(ours, "compliance"))
    assert lifted.lifted_on == dt.date(2026, 2, 16)
    assert [stopped(ours, dt.date(2026, 2, day)) for day in (15, 16)] == [True, False]
    assert EventRecord.objects.get(type="moratorium.lifted").data["lifted_on"] == "2026-02-16"
    with pytest.raises(MoratoriumOver):
        moratoriums.lift(moratorium_id=row.id, actor=world.actor(ours, "compliance"))


def test_one_lifted_before_it_begins_never_stops_anything(ours: Organization) -> None:
    row = declared(ours)
    moratoriums.lift(moratorium_id=row.id, actor=world.actor(ours, "compliance"))
    assert not stopped(ours, FIRST)


def test_of_several_the_one_that_ends_last_is_named(ours: Organization) -> None:
    declared(ours)
    longer = declared(ours, name="Kona storm", ends_on=LAST + dt.timedelta(days=5), postal_prefixes=["967"])
    found = moratoriums.in_force(ours.id, state_code="HI", postal_code="96761", on=FIRST)
    assert found == longer


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": ""}, "name"),
        ({"state_code": "Hawaii"}, "state_code"),
        ({"ends_on": FIRST - dt.timedelta(days=1)}, "ends_on"),
        ({"postal_prefixes": ["96%"]}, "postal_prefixes"),
        ({"postal_prefixes": [""]}, "postal_prefixes"),
        ({"postal_prefixes": [str(number) for number in range(501)]}, "postal_prefixes"),
    ],
)
def test_a_moratorium_that_cannot_be_is_refused_at_its_field(
    ours: Organization, said: dict[str, Any], field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        declared(ours, **said)
    assert refused.value.field == field
    assert not Moratorium.objects.exists()


@pytest.mark.parametrize("on", [dt.date(2026, 2, 1), dt.date(2026, 2, 9), LAST + dt.timedelta(days=1)])
def test_it_cannot_be_lifted_outside_its_days_or_in_the_past(ours: Organization, on: dt.date) -> None:
    row = declared(ours)
    with pytest.raises(Invalid) as refused:
        moratoriums.lift(moratorium_id=row.id, on=on, actor=world.actor(ours, "compliance"))
    assert refused.value.field == "on"


def test_the_days_of_one_are_never_rewritten_and_only_compliance_declares(ours: Organization) -> None:
    row = declared(ours)
    with pytest.raises(ProgrammingError), transaction.atomic():
        Moratorium.objects.filter(pk=row.id).update(ends_on=LAST + dt.timedelta(days=1))
    with pytest.raises(Forbidden):
        declared(ours, role="finance")
    with pytest.raises(NotFound):
        moratoriums.lift(moratorium_id=row.id, actor=world.actor(world.organization(), "compliance"))
