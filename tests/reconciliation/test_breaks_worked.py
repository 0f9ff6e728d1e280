"""Working on breaks: an owner, a day, comments, how old they are, and which are late."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError

from compliance.models import AuditEntry, Organization, User
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.card_numbers import CardNumberRefused
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Forbidden, IllegalTransition, Invalid, NotFound
from coverpay.kernel.money import Money
from coverpay.kernel.texts import BadText
from reconciliation import break_lists, breaks
from reconciliation.breaks import NotAMember
from reconciliation.models import Break, BreakComment
from tests.support import bank, world
from tests.support.database import undone

pytestmark = pytest.mark.django_db
FRIDAY = dt.datetime(2026, 1, 30, 15, tzinfo=dt.UTC)


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def finance(mga: Organization) -> Actor:
    return bank.acting(mga)


@pytest.fixture
def ana(mga: Organization) -> User:
    return world.member(mga, "finance")


@command
def _open(*, organization_id: str, kind: str, subject_id: str, actor: Actor) -> Break | None:
    return breaks.open_break(
        organization_id=organization_id, kind=kind, subject_id=subject_id, difference=Money(-1_250), reason="x",
        inputs={},
    )  # fmt: skip


def opened(of: Organization, at: dt.datetime = FRIDAY, kind: str = "bank_only", subject: str = "stl_x") -> Break:
    with clock.frozen(at):
        found = _open(organization_id=of.id, kind=kind, subject_id=subject, actor=world.TESTER)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "due"),
    [
        ("gateway_contradicts", dt.date(2026, 2, 2)),  # Friday, so Monday
        ("amount_differs", dt.date(2026, 2, 4)),
        ("bank_only", dt.date(2026, 2, 6)),
        ("books_only", dt.date(2026, 2, 13)),
    ],
)
def test_the_kind_says_by_how_many_business_days_a_break_is_due(mga: Organization, kind: str, due: dt.date) -> None:
    assert opened(mga, kind=kind).due_on == due


def test_a_holiday_of_the_banks_is_no_day_to_settle_anything() -> None:
    assert breaks.due_on("gateway_contradicts", dt.date(2026, 1, 16)) == dt.date(2026, 1, 20)  # MLK Day is the 19th


def test_every_kind_has_its_days() -> None:
    assert set(breaks.DUE_DAYS) == set(Break.Kind)


def test_a_member_takes_a_break_and_gives_it_back(mga: Organization, finance: Actor, ana: User) -> None:
    found = opened(mga)
    assert breaks.assign(break_id=found.id, owner_id=ana.id, actor=finance).owner == ana
    noted = AuditEntry.objects.get(action="break.assign")
    assert (noted.object_id, noted.before, noted.after) == (found.id, {"owner": None}, {"owner": ana.id})
    breaks.assign(break_id=found.id, owner_id=ana.id, actor=finance)
    assert AuditEntry.objects.filter(action="break.assign").count() == 1, "said again, it changes nothing"
    assert breaks.assign(break_id=found.id, owner_id=None, actor=finance).owner is None


def test_nobody_else_works_on_a_break(mga: Organization, finance: Actor) -> None:
    found = opened(mga)
    stranger, cannot_see = world.member(world.organization(), "finance"), world.member(mga, "viewer")
    for person in (stranger, cannot_see):
        with pytest.raises(NotAMember) as refused:
            breaks.assign(break_id=found.id, owner_id=person.id, actor=finance)
        assert refused.value.field == "owner"


def test_only_who_may_reconcile_in_the_same_organization_works_on_breaks(mga: Organization, ana: User) -> None:
    found = opened(mga)
    steps: list[tuple[Any, dict[str, Any]]] = [
        (breaks.assign, {"owner_id": ana.id}),
        (breaks.set_due, {"due_on": dt.date(2027, 1, 1), "reason": "x"}),
        (breaks.comment, {"text": "x"}),
    ]
    for verb, said in steps:
        with pytest.raises(Forbidden):
            verb(break_id=found.id, actor=bank.acting(mga, "viewer"), **said)
        with pytest.raises(NotFound):
            verb(break_id=found.id, actor=bank.acting(world.organization()), **said)


def test_a_day_moves_with_a_reason_and_never_into_the_past(mga: Organization, finance: Actor) -> None:
    found = opened(mga)
    with clock.frozen(FRIDAY):
        moved = breaks.set_due(break_id=found.id, due_on=dt.date(2026, 3, 2), reason="The bank looks.", actor=finance)
        assert moved.due_on == dt.date(2026, 3, 2)
        with pytest.raises(Invalid) as refused:
            breaks.set_due(break_id=found.id, due_on=dt.date(2026, 1, 29), reason="x", actor=finance)
        assert refused.value.field == "due_on"
        with pytest.raises(BadText):
            breaks.set_due(break_id=found.id, due_on=dt.date(2026, 3, 3), reason=" ", actor=finance)
    noted = AuditEntry.objects.get(action="break.set_due")
    assert (noted.before, noted.after) == ({"due_on": "2026-02-06"}, {"due_on": "2026-03-02"})
    assert noted.reason == "The bank looks."


def test_a_comment_stays_as_it_was_said_with_who_and_when(mga: Organization, finance: Actor) -> None:
    found = opened(mga)
    said = breaks.comment(break_id=found.id, text=" Asked the bank. ", actor=finance)
    assert (said.text, said.author_id, said.author_label) == ("Asked the bank.", finance.id, finance.label)
    with pytest.raises(DatabaseError, match="kept as written"), undone():
        BreakComment.objects.filter(pk=said.id).update(text="Never asked.")
    with pytest.raises(CardNumberRefused):
        breaks.comment(break_id=found.id, text="He paid with 4242 4242 4242 4242.", actor=finance)


def test_a_closed_break_takes_comments_and_nothing_else(mga: Organization, finance: Actor, ana: User) -> None:
    found = opened(mga)
    breaks.close(break_id=found.id, reason="Booked.", actor=finance)
    breaks.comment(break_id=found.id, text="It was the monthly fee.", actor=finance)
    with pytest.raises(IllegalTransition):
        breaks.assign(break_id=found.id, owner_id=ana.id, actor=finance)
    with pytest.raises(IllegalTransition):
        breaks.set_due(break_id=found.id, due_on=dt.date(2027, 1, 1), reason="x", actor=finance)


@pytest.mark.parametrize(
    ("days", "bucket"),
    [(0, "0-1"), (1, "0-1"), (2, "2-5"), (5, "2-5"), (6, "6-10"), (10, "6-10"), (11, "11-30"), (30, "11-30"),
     (31, "31+"), (400, "31+")],
)  # fmt: skip
def test_a_break_is_in_the_list_of_exactly_one_age_counted_in_calendar_days(
    mga: Organization, days: int, bucket: str
) -> None:
    found = opened(mga, FRIDAY - dt.timedelta(days=days))
    for moment in (FRIDAY.replace(hour=0), FRIDAY.replace(hour=23, minute=59)):
        with clock.frozen(moment):
            assert break_lists.age_days(found) == days
            assert break_lists.bucket_of(days) == bucket
            listed = [name for name in break_lists.AGES if break_lists.of_age(Break.objects.all(), name).exists()]
            assert listed == [bucket]


def test_a_break_is_late_from_the_day_after_it_was_due_until_it_is_closed(mga: Organization, finance: Actor) -> None:
    found = opened(mga)
    with clock.frozen(FRIDAY.replace(month=2, day=6)):
        assert not break_lists.overdue(Break.objects.all())
    with clock.frozen(FRIDAY.replace(month=2, day=7)):
        assert list(break_lists.overdue(Break.objects.all())) == [found]
        assert break_lists.is_overdue(found)
        breaks.close(break_id=found.id, reason="Booked.", actor=finance)
        assert not break_lists.overdue(Break.objects.all())


def test_lists_are_narrowed_to_one_owner_to_me_and_to_nobody(mga: Organization, finance: Actor, ana: User) -> None:
    hers, free = opened(mga, subject="stl_1"), opened(mga, subject="stl_2")
    breaks.assign(break_id=hers.id, owner_id=ana.id, actor=finance)
    rows = Break.objects.all()
    assert list(break_lists.of_owner(rows, ana.id)) == [hers]
    assert list(break_lists.of_owner(rows, "me", ana.id)) == [hers]
    assert list(break_lists.of_owner(rows, "nobody")) == [free]
