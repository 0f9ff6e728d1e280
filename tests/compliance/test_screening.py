"""Screening: before money goes out, a name is compared with the lists of blocked persons."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from compliance import sanctions, screening
from compliance.models import SanctionsList, Screening
from compliance.sanctions import ListUnreadable
from coverpay.kernel import actors
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Forbidden, IllegalTransition, NotFound
from tests.support import world

PRIMARY = (
    '36,"AEROCARIBBEAN AIRLINES",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \n'
    '7157,"DOE, Jón Q.","individual","SDNTK",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"DOB 1 Jan 1960."\n\x1a'
)
OTHERS = '36,12,"aka","AERO-CARIBBEAN",-0- \n'
IMPORTER = actors.system("test")


def a_list(published_on: dt.date = dt.date(2026, 1, 5), primary: str = PRIMARY) -> SanctionsList:
    return screening.import_list(
        source="SDN", published_on=published_on, primary=primary, other_names=OTHERS, actor=IMPORTER
    )


@command
def _screen(*, of: Any, name: str, subject: str, actor: Any) -> Screening:
    return screening.record(organization_id=of.id, subject_id=subject, name=name, checked=screening.check(name))


def screened(of: Any, name: str, subject: str = "pty_1") -> Screening:
    return _screen(of=of, name=name, subject=subject, actor=IMPORTER)


def test_names_are_compared_without_case_accents_order_and_legal_forms() -> None:
    assert sanctions.fold("Jón Q. DOE") == sanctions.fold("DOE, Jon Q.") == "doe jon q"
    assert sanctions.fold("The Acme Co., Inc.") == "acme"
    assert sanctions.fold("The Company") == "company the"
    assert sanctions.fold("Иван") == "иван"


def test_a_list_is_read_with_its_other_names_and_without_its_empty_marks() -> None:
    aero, doe, other = sanctions.read(PRIMARY, OTHERS)
    assert (aero.entity, aero.name, aero.kind, aero.program) == ("36", "AEROCARIBBEAN AIRLINES", "entity", "CUBA")
    assert doe.kind == "individual"
    assert (other.entity, other.name, other.program) == ("36", "AERO-CARIBBEAN", "CUBA")


@pytest.mark.parametrize(
    ("primary", "others", "field"),
    [
        ("", "", "primary"),
        ("1,ONE\n", "", "primary"),
        (PRIMARY.replace("36", "x", 1), "", "primary"),
        (PRIMARY.replace('"AEROCARIBBEAN AIRLINES"', '""'), "", "primary"),
        (PRIMARY, '99,1,"aka","NOBODY",-0- \n', "other_names"),
        (PRIMARY, '36,1,"aka",-0- \n', "other_names"),
    ],
)
def test_a_file_that_is_no_list_is_refused_whole_naming_the_file(primary: str, others: str, field: str) -> None:
    with pytest.raises(ListUnreadable) as refused:
        sanctions.read(primary, others)
    assert refused.value.field == field


@pytest.mark.django_db
def test_the_same_list_again_is_the_one_that_stands_and_the_newest_counts() -> None:
    first = a_list()
    assert a_list() == first
    assert first.count == 3
    later = a_list(dt.date(2026, 2, 1), PRIMARY.replace("Jón Q.", "Juan"))
    assert screening.newest() == [later]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "entities"),
    [
        ("Jon Q. Doe", ["7157"]), ("DOE JON Q", ["7157"]), ("Aero Caribbean", ["36"]),
        ("Aerocaribbean Airlines Inc", ["36"]),
        ("Jane Miller", []), ("Caribbean Bakery LLC", []),
    ],
)  # fmt: skip
def test_a_name_like_a_listed_one_waits_for_a_person_and_any_other_is_clear(name: str, entities: list[str]) -> None:
    a_list()
    found = screened(world.organization(), name=name)
    assert [match["entity"] for match in found.matches] == entities
    assert found.state == (Screening.State.POSSIBLE if entities else Screening.State.CLEAR)
    assert found.lists == ["SDN 2026-01-05"]


@pytest.mark.django_db
def test_without_any_list_every_name_waits_for_a_person() -> None:
    found = screened(world.organization(), name="Jane Miller")
    assert found.state == Screening.State.POSSIBLE
    assert found.matches[0]["why"] == "no list of blocked persons was imported"


@pytest.mark.django_db
def test_a_pair_that_a_person_cleared_is_not_asked_about_again_for_the_same_subject_only() -> None:
    a_list()
    of = world.organization()
    boss = world.actor(of, "compliance")
    first = screened(of, name="Jon Doe Q")
    screening.clear(screening_id=first.id, reason="Born 1990; the listed one 1960.", actor=boss)
    assert screened(of, name="Jon Doe Q").state == Screening.State.CLEAR
    assert screened(of, name="Jon Doe Q", subject="pty_2").state == Screening.State.POSSIBLE


@pytest.mark.django_db
def test_only_who_may_decide_approvals_of_the_same_organization_decides_once() -> None:
    a_list()
    of = world.organization()
    found = screened(of, name="Jon Doe Q")
    with pytest.raises(Forbidden):
        screening.clear(screening_id=found.id, reason="x", actor=world.actor(of, "billing"))
    with pytest.raises(NotFound):
        screening.clear(screening_id=found.id, reason="x", actor=world.actor(world.organization(), "compliance"))
    boss = world.actor(of, "compliance")
    assert screening.block(screening_id=found.id, reason="It is he.", actor=boss).state == Screening.State.BLOCKED
    with pytest.raises(IllegalTransition):
        screening.clear(screening_id=found.id, reason="No.", actor=boss)


@pytest.mark.django_db
def test_an_installation_may_compare_by_a_service_of_its_own(settings: Any) -> None:
    settings.SCREENING_CHECK = f"{__name__}.{everyone.__name__}"
    assert screening.check("Jane Miller").matches[0]["entity"] == "x1"


def everyone(name: str) -> screening.Checked:
    return screening.Checked(["service"], [{"entity": "x1", "name": name, "program": "", "score": 100, "why": "all"}])
