"""Programs: versions follow each other, and one that cannot rate is never published."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from policies import programs
from policies.models import ProgramVersion
from policies.programs import StateNotInProgram
from policies.rating import RuleNeedsDecision
from tests.support import books, world
from tests.support.books import House
from tests.support.database import at_once

pytestmark = pytest.mark.django_db
JULY = dt.date(2026, 7, 1)


def publish(house: House, **changes: Any) -> ProgramVersion:
    asked = {
        "code": "hi",
        "name": "Hawaii",
        "carrier_id": house.carrier.id,
        "states": ["HI", "CA"],
        "terms": books.TERMS,
        "effective_from": books.SINCE,
        "actor": house.me,
    }
    return programs.publish(**{**asked, **changes})


def test_the_same_terms_from_the_same_day_are_one_version(house: House) -> None:
    assert publish(house).number == 1
    assert ProgramVersion.objects.count() == 1


def test_new_terms_are_the_next_version_and_rule_from_their_day_on(house: House) -> None:
    later = publish(house, terms={"commission_rate": "0.10"}, effective_from=JULY)
    assert later.number == 2
    found = [programs.version_for(house.operator.id, "hi", "HI", day).number for day in (books.FIRST_DAY, JULY)]
    assert found == [1, 2]


def test_a_published_version_never_changes(house: House) -> None:
    from django.db import DatabaseError, transaction

    version = publish(house)
    version.terms = {}
    with pytest.raises(DatabaseError, match="kept as written"), transaction.atomic():
        version.save()


def test_a_risk_outside_the_program_is_refused_by_field(house: House) -> None:
    with pytest.raises(StateNotInProgram) as refused:
        programs.version_for(house.operator.id, "hi", "TX", books.FIRST_DAY)
    assert refused.value.field == "state"
    for code, day in (("nope", books.FIRST_DAY), ("hi", books.SINCE - dt.timedelta(days=1))):
        with pytest.raises(NotFound) as unknown:
            programs.version_for(house.operator.id, code, "HI", day)
        assert unknown.value.field == "program"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"carrier_id": "org_nobody"}, "carrier"),
        ({"states": []}, "states"),
        ({"states": ["hi"]}, "states"),
        ({"states": ["HI", "HI"]}, "states"),
        ({"states": ["HAW"]}, "states"),
        ({"code": " "}, "code"),
        ({"name": "x" * 161}, "name"),
        ({"terms": {"commission_rate": "15"}}, "commission_rate"),
    ],
)
def test_what_cannot_be_published_is_refused_by_field(house: House, changes: dict[str, Any], field: str) -> None:
    with pytest.raises((Invalid, NotFound)) as refused:
        publish(house, **changes)
    assert refused.value.field == field


def test_terms_with_an_undecided_value_are_not_published(house: House) -> None:
    undecided = books.SURPLUS_LINES_TAX | {"decision": None}
    with pytest.raises(RuleNeedsDecision):
        publish(house, terms={"commission_rate": "0.15", "charges": [undecided]}, effective_from=JULY)
    assert ProgramVersion.objects.count() == 1


def test_a_program_stays_with_its_carrier(house: House) -> None:
    other = world.organization("carrier")
    with pytest.raises(Conflict) as refused:
        publish(house, carrier_id=other.id, effective_from=JULY)
    assert refused.value.field == "carrier"


def test_publishing_takes_the_permission(house: House) -> None:
    reader = Actor("user", "usr_x", house.operator.id, frozenset({Permission.POLICIES_READ}))
    with pytest.raises(Forbidden):
        publish(house, actor=reader)


@pytest.mark.django_db(transaction=True)
def test_versions_published_at_once_are_numbered_one_after_the_other(house: House) -> None:
    rates = ["0.11", "0.12", "0.13", "0.14"]
    results = at_once(*(lambda rate=rate: publish(house, terms={"commission_rate": rate}).number for rate in rates))
    assert sorted(results) == [2, 3, 4, 5]
