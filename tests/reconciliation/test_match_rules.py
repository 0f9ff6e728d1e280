"""Versions of the rules of matching: which one rules, what another would do, and that no version changes."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, transaction

from compliance.models import AuditEntry, Organization
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden
from reconciliation import match_rules, matches
from reconciliation.imports import import_statement
from reconciliation.matching.rules import DEFAULT, BadRules
from reconciliation.models import BankAccount, Break, Match, MatchRuleSet
from tests.support import bank, world

pytestmark = pytest.mark.django_db
WIDE = {"name": "wide", "date_window_days": 10}


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def account(mga: Organization) -> BankAccount:
    return bank.account(mga)


@pytest.fixture
def finance(mga: Organization) -> Actor:
    return bank.acting(mga, "finance")


def _publish(finance: Actor, spec: dict[str, object] = WIDE, on: dt.date | None = None) -> MatchRuleSet:
    on = on or clock.today()
    return match_rules.publish(spec=spec, effective_from=on, reason="Mail takes a week.", actor=finance)


def _a_week_apart(account: BankAccount, finance: Actor) -> None:
    bank.received(account, 700, "", bank.FIRST - dt.timedelta(days=7))
    import_statement(content=bank.statement(bank.line(700)), file_name="day.bai", actor=finance)


def test_without_a_version_the_built_in_rules_hold(mga: Organization) -> None:
    assert match_rules.in_force(mga.id) == DEFAULT
    assert match_rules.set_in_force(mga.id) is None


def test_the_newest_version_that_has_begun_rules(mga: Organization, finance: Actor) -> None:
    today = clock.today()
    first = _publish(finance)
    second = _publish(finance, {"name": "later"}, today + dt.timedelta(days=5))
    assert (first.number, second.number) == (1, 2)
    assert match_rules.set_in_force(mga.id) == first
    assert match_rules.set_in_force(mga.id, today + dt.timedelta(days=5)) == second
    assert match_rules.in_force(mga.id).date_window_days == 10
    assert match_rules.in_force(world.organization().id) == DEFAULT


def test_a_run_goes_by_the_version_and_names_it(account: BankAccount, finance: Actor) -> None:
    _a_week_apart(account, finance)
    assert not matches.run_matching(bank_account_id=account.id, actor=finance).matched
    made = _publish(finance)
    run = matches.run_matching(bank_account_id=account.id, actor=finance)
    assert (run.rule_version, Match.objects.get().rule_version) == (made.version, made.version)
    assert made.version.startswith("wide.")


def test_the_same_rules_published_again_are_the_version_that_stands(finance: Actor) -> None:
    assert _publish(finance) == _publish(finance)
    assert AuditEntry.objects.filter(action="match_rules.publish").count() == 1


def test_rules_that_cannot_be_read_are_refused_at_their_field(finance: Actor) -> None:
    with pytest.raises(BadRules) as refused:
        _publish(finance, {"name": "x", "date_window_days": -1})
    assert refused.value.field == "date_window_days"
    assert not MatchRuleSet.objects.exists()


def test_who_may_not_write_publishes_nothing(mga: Organization) -> None:
    with pytest.raises(Forbidden):
        _publish(bank.acting(mga, "viewer"))


def test_a_version_is_never_changed(finance: Actor) -> None:
    _publish(finance)
    with pytest.raises(DatabaseError, match="kept as written"), transaction.atomic():
        MatchRuleSet.objects.update(effective_from=dt.date(2020, 1, 1))


def test_the_preview_says_what_would_change_and_writes_nothing(account: BankAccount, finance: Actor) -> None:
    _a_week_apart(account, finance)
    matches.run_matching(bank_account_id=account.id, actor=finance)
    before = (Break.objects.count(), AuditEntry.objects.count())
    shown = match_rules.preview(account, WIDE)
    assert (shown.bank_line_count, shown.book_line_count) == (1, 1)
    assert dict(shown.by_stage) == {"amount_and_date": (1, 0)}
    assert dict(shown.by_break) == {"bank_only": (0, 1), "books_only": (0, 1)}
    assert [one.stage for one in shown.gained] == ["amount_and_date"]
    assert (shown.lost, shown.version_now) == ((), DEFAULT.version)
    assert (Break.objects.count(), AuditEntry.objects.count()) == before
    assert not Match.objects.exists()
