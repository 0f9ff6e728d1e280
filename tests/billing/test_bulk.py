"""Many policies at once: the very rows that the one-by-one commands write, and the unusual ones left to those."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection

from billing import bulk, invoices, schedules
from billing.models import BillingAccount, Installment, Invoice, PayorShare, Receipt, Schedule
from compliance.models import AuditEntry, EventRecord
from coverpay.kernel import commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from coverpay.webhooks.models import Delivery, Endpoint
from policies import lifecycle, locks
from policies.events import PolicyBound
from policies.models import Policy, Term, Transaction
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db
AUGUST = dt.date(2026, 8, 31)
FEES = {
    "down_payment": {"percent": "16.6667", "in_full": ["carrier_fee"]},
    "installments": {"count": 10},
    "installment_fee": {"amount": "7.00", "from": 2},
    "due_day": 31,
    "bill_lead_days": 20,
}
LATE = {
    "down_payment": {"percent": "25"},
    "installments": {"count": 3, "every_months": 2},
    "anchor": "bind",
    "business_days": "next",
    "bill_lead_days": 5,
    "low_bill": "50.00",
    "blackout_days_before_expiry": 60,
}
BOOK: list[dict[str, Any]] = [
    {"number": "B-1"},
    {"number": "B-2", "plan": "full", "premium": Money(100_001)},
    {"number": "B-3", "plan": "thirds", "premium": Money(99_999), "state": "CA"},
    {"number": "B-4", "plan": "fees", "premium": Money(1_234_567)},
    {"number": "B-5", "plan": "fees", "effective_on": dt.date(2026, 2, 28), "expires_on": dt.date(2027, 2, 28)},
    {"number": "B-6", "plan": "late", "premium": Money(777_777)},
    {"number": "B-7", "plan": "thirds", "effective_on": dt.date(2026, 9, 30)},
]
_ID = re.compile(r"\b[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}\b")
_TABLES = {
    "billing_schedule": "policy_id IN (SELECT id FROM policies_policy WHERE operator_id = %s)",
    "billing_installment": "policy_id IN (SELECT id FROM policies_policy WHERE operator_id = %s)",
    "billing_installmentitem": "installment_id IN (SELECT i.id FROM billing_installment i JOIN policies_policy p "
    "ON p.id = i.policy_id WHERE operator_id = %s)",
    "billing_invoice": "policy_id IN (SELECT id FROM policies_policy WHERE operator_id = %s)",
    "billing_invoiceline": "invoice_id IN (SELECT i.id FROM billing_invoice i JOIN policies_policy p "
    "ON p.id = i.policy_id WHERE operator_id = %s)",
    "compliance_explanation": "subject_id IN (SELECT object_id FROM compliance_auditentry WHERE organization_id = %s)",
    "compliance_auditentry": "organization_id = %s AND action ~ '^(schedule|invoice|policy)'",
    "compliance_eventrecord": "organization_id = %s",
    "reconciliation_entry": "book_id IN (SELECT id FROM reconciliation_book WHERE organization_id = %s)",
    "line": "organization_id = %s",
}
_LINES = """(
SELECT b.organization_id, l.entry_id, a.code, a.owner, l.posted_on, l.amount_minor, l.currency, l.reference
  FROM reconciliation_line l JOIN reconciliation_account a ON a.id = l.account_id
  JOIN reconciliation_book b ON b.id = a.book_id)"""
_OWN = ("at", "created_at", "recorded_at")


def written(house: House) -> dict[str, list[str]]:
    """Every row of an operator as text without times, each id by its place among those of its prefix."""
    found: dict[str, list[str]] = {}
    for table, where in _TABLES.items():
        with connection.cursor() as cursor:
            source = _LINES if table == "line" else table
            cursor.execute(
                f"SELECT (to_jsonb(t) - %s::text[])::text FROM {source} AS t WHERE {where}",
                [[*_OWN, *(["id"] if table.startswith("compliance") else [])], house.operator.id],
            )
            found[table] = [row for (row,) in cursor.fetchall()]
    places: dict[str, int] = defaultdict(int)
    names: dict[str, str] = {}
    for id in sorted({id for rows in found.values() for row in rows for id in _ID.findall(row)}):
        prefix = id.split("_")[0]
        places[prefix] += 1
        names[id] = f"{prefix} {places[prefix]}"
    return {table: sorted(_ID.sub(lambda m: names[m[0]], row) for row in rows) for table, rows in found.items()}


@command
def schedule_at_once(*, policy_ids: Sequence[str], actor: Actor) -> int:
    """Schedules of policies bound with no listener."""
    locks.lock_many(policy_ids)
    bound = []
    for term in Term.objects.filter(policy_id__in=policy_ids).order_by("policy_id"):
        transaction = Transaction.objects.get(term=term)
        bound.append(PolicyBound(term.policy_id, term.id, transaction.id, term.plan_code))
    return bulk.create_schedules(bound)


@command
def issue_at_once(*, policy_ids: Sequence[str], through: dt.date, actor: Actor) -> bulk.Issued:
    commands.unchanged()
    return bulk.issue_due(locks.lock_many(policy_ids), through)


def bound_in_bulk(house: House, monkeypatch: pytest.MonkeyPatch, book: Sequence[dict[str, Any]]) -> list[str]:
    """Bind a book with its schedules made at once. Gives the policies' ids."""
    with monkeypatch.context() as patch:
        patch.setattr(schedules, "create", lambda *_: None)
        policy_ids = [books.bound(house, **row).id for row in book]
    schedule_at_once(policy_ids=policy_ids, actor=house.me)
    return policy_ids


@pytest.fixture
def other(house: House) -> House:
    both = books.open_house(), house
    for each in both:
        for code, spec in (("fees", FEES), ("late", LATE)):
            schedules.publish_plan(code=code, name=code, spec=spec, effective_from=books.SINCE, actor=each.me)
    return both[0]


def test_bulk_writes_the_rows_that_one_by_one_writes(
    house: House, other: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one = [books.bound(house, **row) for row in BOOK]
    at_once = bound_in_bulk(other, monkeypatch, BOOK)
    assert written(other) == written(house)
    for policy in one_by_one[:6]:
        invoices.issue(policy_id=policy.id, actor=house.me, through=AUGUST)
    done = issue_at_once(policy_ids=at_once, through=AUGUST, actor=other.me)
    total = sum(Invoice.objects.filter(policy__operator=house.operator).values_list("total_minor", flat=True))
    assert (done.count, done.amount_minor, done.left) == (6, total, [])
    assert written(other) == written(house)
    assert Invoice.objects.filter(policy__operator=other.operator).count() == 6


def test_what_is_billed_is_not_billed_again_and_the_next_invoice_gets_the_next_number(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy_ids = bound_in_bulk(house, monkeypatch, BOOK[:3])
    first = issue_at_once(policy_ids=policy_ids, through=books.FIRST_DAY, actor=house.me)
    again = issue_at_once(policy_ids=policy_ids, through=books.FIRST_DAY, actor=house.me)
    later = issue_at_once(policy_ids=policy_ids, through=AUGUST, actor=house.me)
    assert (first.count, again.count, later.count) == (3, 0, 2)
    numbers = Invoice.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == ["B-1-001", "B-1-002", "B-2-001", "B-3-001", "B-3-002"]
    assert not Installment.objects.filter(policy_id__in=policy_ids, invoice=None).exists()


def test_unusual_policies_are_left_to_the_one_by_one_path(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    schedules.publish_plan(
        code="low", name="Low", spec={"low_bill": "20000.00"}, effective_from=books.SINCE, actor=house.me
    )
    low = {"number": "L-1", "plan": "low"}
    policy_ids = bound_in_bulk(house, monkeypatch, [*BOOK[:3], low])
    shared, waiting, plain, low_id = policy_ids
    policy = Policy.objects.get(pk=shared)
    account = BillingAccount.objects.create(operator=house.operator, number="A-1", payor=policy.insured)
    PayorShare.objects.create(policy=policy, account=account, share_ppm=1_000_000)
    Receipt.objects.create(
        policy_id=waiting, source_id="pay_1", amount_minor=5, currency="USD", received_on=books.FIRST_DAY
    )
    done = issue_at_once(policy_ids=policy_ids, through=books.FIRST_DAY, actor=house.me)
    assert sorted(done.left) == sorted([shared, waiting, low_id])
    assert list(Invoice.objects.values_list("policy_id", flat=True)) == [plain]


def test_a_policy_with_shares_gets_its_schedule_from_the_one_by_one_path(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(schedules, "create", lambda *given: made.append(given))
        policies = [books.bound(house, **row) for row in BOOK[:2]]
        made.clear()
        account = BillingAccount.objects.create(operator=house.operator, number="A-1", payor=policies[0].insured)
        PayorShare.objects.create(policy=policies[0], account=account, share_ppm=1_000_000)
        assert schedule_at_once(policy_ids=[policy.id for policy in policies], actor=house.me) == 1
    assert [policy.id for policy, *_ in made] == [policies[0].id]
    assert Schedule.objects.get().policy_id == policies[1].id


def test_every_endpoint_that_wants_it_is_owed_each_event_of_a_bulk(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for types in ([], ["schedule.created"], ["invoice.issued"]):
        Endpoint.objects.create(organization=house.operator, url="https://example.org/hook", event_types=types)
    with monkeypatch.context() as patch:
        patch.setattr(schedules, "create", lambda *_: None)
        policy_ids = [books.bound(house, **row).id for row in BOOK[:3]]
    before = Delivery.objects.count()
    schedule_at_once(policy_ids=policy_ids, actor=house.me)
    assert Delivery.objects.count() - before == 2 * 3
    assert Delivery.objects.filter(event__type="schedule.created").count() == 2 * 3
    assert set(Delivery.objects.values_list("state", flat=True)) == {"due"}
    assert EventRecord.objects.filter(type="schedule.created").count() == 3


def test_a_bulk_leaves_an_audit_entry_for_every_schedule(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    policy_ids = bound_in_bulk(house, monkeypatch, BOOK[:3])
    entries = AuditEntry.objects.filter(action="schedule.create").order_by("id")
    assert [entry.object_id for entry in entries] == list(
        Schedule.objects.filter(policy_id__in=policy_ids).order_by("id").values_list("id", flat=True)
    )
    assert {entry.actor_id for entry in entries} == {"usr_test"}


def test_quotes_have_no_schedule(house: House) -> None:
    lifecycle.quote(request=books.request(number="Q-1"), actor=house.me)
    assert not Schedule.objects.exists()
