"""Invoices of many policies at once."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from billing import journal
from billing.bulk.schedules import with_shares
from billing.models import Invoice, InvoiceLine
from compliance import audit, events, explanations
from compliance.explanations import Figure
from coverpay.kernel import clock, copying, ids
from coverpay.kernel.commands import step
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money
from policies.models import Component, Policy

_DUE = """
SELECT i.policy_id, i.id, i.sequence, i.due_on, i.account_id, s.term_id, s.currency,
       (SELECT v.spec ->> 'low_bill'
          FROM billing_schedule last JOIN billing_planversion v ON v.id = last.plan_version_id
         WHERE last.term_id = s.term_id ORDER BY last.number DESC LIMIT 1),
       t.id, t.component, t.amount_minor, t.payee_kind, t.payee, t.commission_ppm
  FROM billing_installment i
  JOIN billing_schedule s ON s.id = i.schedule_id
  JOIN billing_installmentitem t ON t.installment_id = i.id
 WHERE i.policy_id = ANY(%s) AND i.invoice_id IS NULL AND i.replaced_by_id IS NULL AND i.bill_on <= %s
 ORDER BY i.policy_id, i.due_on, t.id
"""
_WAITING = """
SELECT DISTINCT r.policy_id FROM billing_receipt r
 WHERE r.policy_id = ANY(%s) AND NOT EXISTS (SELECT FROM billing_receiptreversal v WHERE v.receipt_id = r.id)
   AND r.amount_minor <> (SELECT coalesce(sum(a.amount_minor), 0) FROM billing_application a WHERE a.receipt_id = r.id)
"""
_COUNTS = "SELECT policy_id, count(*) FROM billing_invoice WHERE policy_id = ANY(%s) GROUP BY policy_id"
_BILLED = """
UPDATE billing_installment i SET invoice_id = billed.invoice_id
  FROM unnest(%s::text[], %s::text[]) AS billed(id, invoice_id)
 WHERE i.id = billed.id
"""
_LABELS = {component.value: str(component.label) for component in Component}


@dataclass(frozen=True, slots=True)
class Issued:
    """What a chunk came to: invoices written, what they ask for, and the policies left to the one-by-one path."""

    count: int
    amount_minor: int
    left: list[str]


@dataclass(frozen=True, slots=True)
class Item:
    """An item of an installment that is due to be billed."""

    installment_id: str
    sequence: int
    due_on: dt.date
    account_id: str | None
    term_id: str
    currency: str
    low_bill: str | None
    id: str
    component: str
    amount_minor: int
    payee_kind: str
    payee: str
    commission_ppm: int


@dataclass(frozen=True, slots=True)
class Bill:
    """One invoice to write."""

    id: str
    policy: Policy
    number: str
    currency: str
    total_minor: int
    issued_on: dt.date
    due_on: dt.date
    items: Sequence[Item]

    @property
    def policy_id(self) -> str:
        return self.policy.id


@dataclass(slots=True)
class Written:
    """The rows of a chunk, table by table, ready to be copied."""

    invoices: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[tuple[Any, ...]] = field(default_factory=list)
    billed: dict[str, str] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    audits: list[audit.Noted] = field(default_factory=list)
    facts: list[events.Fact] = field(default_factory=list)


@step
def issue_due(policies: Sequence[Policy], through: dt.date) -> Issued:
    """Bill every installment, due to be billed through a day, of many locked policies: one invoice a policy.

    Takes:  policies locked in ascending id.
    Gives:  what was billed, and the unusual policies that `invoices.issue` must take one by one.
    Posts:  Dr premium_receivable · Cr billed_uncollected.
    """
    policy_ids = [policy.id for policy in policies]
    due = _due(policy_ids, through)
    unusual = with_shares(policy_ids) | _with_waiting_money(policy_ids)
    left = [policy_id for policy_id, items in due.items() if policy_id in unusual or not _is_plain(items)]
    apart = set(left)
    bills = _bills([policy for policy in policies if policy.id in due and policy.id not in apart], due)
    written = Written()
    line_ids = iter(ids.many("inl", sum(len(bill.items) for bill in bills)))
    for bill in bills:
        _add(written, bill, [next(line_ids) for _ in bill.items])
    if bills:
        _copy(written, bills)
    return Issued(len(bills), sum(bill.total_minor for bill in bills), left)


def _due(policy_ids: Sequence[str], through: dt.date) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [list(policy_ids), through])
        for policy_id, *item in cursor.fetchall():
            found[policy_id].append(Item(*item))
    return found


def _with_waiting_money(policy_ids: Sequence[str]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [list(policy_ids)])
        return {policy_id for (policy_id,) in cursor.fetchall()}


def _is_plain(items: Sequence[Item]) -> bool:
    """Whether it makes one invoice of one term to the insured, with a first installment that is enough to be sent."""
    first = items[0]
    total = Money(
        sum(item.amount_minor for item in items if item.installment_id == first.installment_id), first.currency
    )
    return total.amount_minor > 0 and all(
        item.account_id is None
        and (item.term_id, item.currency) == (first.term_id, first.currency)
        and total >= Money.parse(item.low_bill or "0", item.currency)
        for item in items
    )


def _bills(policies: Iterable[Policy], due: Mapping[str, Sequence[Item]]) -> list[Bill]:
    policies = list(policies)
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [[policy.id for policy in policies]])
        counts = dict(cursor.fetchall())
    today = clock.today()
    return [
        Bill(
            id=id,
            policy=policy,
            number=f"{policy.number}-{counts.get(policy.id, 0) + 1:03d}",
            currency=due[policy.id][0].currency,
            total_minor=sum(item.amount_minor for item in due[policy.id]),
            issued_on=today,
            due_on=due[policy.id][0].due_on,
            items=due[policy.id],
        )
        for id, policy in zip(ids.many("inv", len(policies)), policies, strict=True)
    ]


def _add(written: Written, bill: Bill, line_ids: Sequence[str]) -> None:
    """Add the invoice's row, its lines, why its total is what it is, the audit entry and the public event."""
    operator_id = bill.policy.operator_id
    written.invoices.append(
        (bill.id, bill.policy.id, bill.number, bill.currency, bill.total_minor, bill.issued_on, bill.due_on, None,
         None, None, "", Invoice.State.OPEN.value, clock.now())
    )  # fmt: skip
    for position, (id, item) in enumerate(zip(line_ids, bill.items, strict=True), start=1):
        description = f"{_LABELS[item.component]}, installment {item.sequence}"
        written.billed[item.installment_id] = bill.id
        written.lines.append(
            (id, bill.id, item.id, None, item.term_id, position, item.component, description, item.amount_minor,
             item.payee_kind, item.payee, item.commission_ppm)
        )  # fmt: skip
    why = Explained(
        formula=" + ".join(item.component for item in bill.items),
        inputs={f"{place} {item.component}_minor": item.amount_minor for place, item in enumerate(bill.items, start=1)},
        rule="invoice of every installment whose bill date is here",
    )
    written.figures.append(Figure(bill.id, "total", bill.total_minor, bill.currency, why))
    facts = {
        "number": bill.number,
        "total_minor": bill.total_minor,
        "currency": bill.currency,
        "due_on": bill.due_on.isoformat(),
    }
    written.audits.append(audit.Noted("invoice.issue", bill.id, operator_id, after=facts))
    data = {"invoice": bill.id, "policy": bill.policy.id, **facts}
    written.facts.append(events.Fact("invoice.issued", operator_id, bill.id, bill.policy.id, data))


def _copy(written: Written, bills: Sequence[Bill]) -> None:
    copying.insert(
        Invoice,
        ("id", "policy_id", "number", "currency", "total_minor", "issued_on", "due_on", "account_id",
         "account_bill_id", "supersedes_id", "reason", "state", "created_at"),
        written.invoices,
    )  # fmt: skip
    copying.insert(
        InvoiceLine,
        ("id", "invoice_id", "installment_item_id", "replaces_id", "term_id", "position", "component", "description",
         "amount_minor", "payee_kind", "payee", "commission_ppm"),
        written.lines,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_BILLED, [list(written.billed), list(written.billed.values())])
    explanations.record_many(written.figures)
    for operator_id in sorted({bill.policy.operator_id for bill in bills}):
        journal.invoices_issued(operator_id, [bill for bill in bills if bill.policy.operator_id == operator_id])
    audit.record_many(written.audits)
    events.record_many(written.facts)
