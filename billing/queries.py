"""Reads of billing for pages: open amounts, schedules, and every line with why it is what it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Min, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing.models import Application, Installment, InstallmentItem, Invoice, InvoiceLine, PlanVersion, Schedule
from compliance import access, explanations
from compliance.models import Explanation
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from policies.events import PlansInForce, PremiumPaid
from policies.models import Component, Policy
from policies.queries import payee_names

DUE_SOON_DAYS = 7


@dataclass(frozen=True, slots=True)
class LineShown:
    """One invoice line with its payee's name, what cash covers of it, and why it is what it is."""

    line: InvoiceLine
    payee: str
    applied_minor: int
    open_minor: int
    reasons: list[Explanation]


@dataclass(frozen=True, slots=True)
class Balance:
    """What a policy was charged, is still to be billed, was asked for and covered; minor units of one currency."""

    currency: str
    charged_minor: int
    unbilled_minor: int
    invoiced_minor: int
    applied_minor: int

    @property
    def open_minor(self) -> int:
        return self.invoiced_minor - self.applied_minor


def listed(text: str = "", show: str = "") -> QuerySet[Invoice]:
    """Invoices with what is open; `show` is open, due, overdue, paid or nothing."""
    rows = with_open(Invoice.objects.select_related("policy__insured"))
    if text:
        rows = rows.filter(Q(number__icontains=text) | Q(policy__insured__name__icontains=text))
    return narrowed(rows, show)


def narrowed(rows: QuerySet[Invoice], show: str) -> QuerySet[Invoice]:
    """Keep the invoices that are open, due (within DUE_SOON_DAYS), overdue or paid; all for any other word."""
    today = clock.today()
    meaning = {
        "open": Q(state=Invoice.State.OPEN),
        "due": Q(state=Invoice.State.OPEN, due_on__range=(today, today + dt.timedelta(days=DUE_SOON_DAYS))),
        "overdue": Q(state=Invoice.State.OPEN, due_on__lt=today),
        "paid": Q(state=Invoice.State.PAID),
    }
    return rows.filter(meaning[show]) if show in meaning else rows


def with_open(rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Add `applied_minor` and `open_minor` to invoices."""
    applied = (
        Application.objects.filter(line__invoice=OuterRef("pk"))
        .order_by()
        .values("line__invoice")
        .values(sum=Sum("amount_minor"))
    )
    return rows.annotate(applied_minor=Coalesce(Subquery(applied), 0)).annotate(
        open_minor=F("total_minor") - F("applied_minor")
    )


def one(actor: Actor, invoice_id: str) -> Invoice:
    """One visible invoice with `open_minor`, its policy and insured. Raises: NotFound."""
    rows = with_open(Invoice.objects.select_related("policy__insured", "policy__operator"))
    return access.get(actor, rows, invoice_id)


def lines_of(invoice: Invoice) -> list[LineShown]:
    """The lines of a visible invoice.

    A line's reasons run backwards: how the plan split the charge into this installment, then how the charge arose.
    """
    lines = list(
        invoice.lines.annotate(applied=Coalesce(Sum("applications__amount_minor"), 0))
        .select_related("installment_item__installment")
        .order_by("position")
    )
    names = payee_names((line.payee_kind, line.payee) for line in lines)
    known = explanations.of(*_subjects(lines))
    return [
        LineShown(
            line=line,
            payee=names[line.payee],
            applied_minor=line.applied,
            open_minor=line.amount_minor - line.applied,
            reasons=_reasons(line, known),
        )
        for line in lines
    ]


def _subjects(lines: Sequence[InvoiceLine]) -> set[str]:
    items = [line.installment_item for line in lines]
    charges = {item.charge_id for item in items if item.charge_id}
    return charges | {item.installment.schedule_id for item in items} | {line.id for line in lines}


def _reasons(line: InvoiceLine, known: list[Explanation]) -> list[Explanation]:
    item = line.installment_item
    keys = [(line.id, None), (item.installment.schedule_id, item.component), (item.charge_id, None)]
    return [
        reason
        for subject, figure in keys
        for reason in known
        if reason.subject_id == subject and figure in (None, reason.figure)
    ]


def schedules_of(policy: Policy) -> list[Schedule]:
    """The schedules of a visible policy, each installment with `total_minor` and its invoice."""
    installments = Installment.objects.select_related("invoice").annotate(total_minor=Sum("items__amount_minor"))
    return list(
        policy.schedules.select_related("plan_version")
        .prefetch_related(Prefetch("installments", installments.order_by("sequence")))
        .order_by("id")
    )


def balance_of(policy: Policy) -> Balance:
    """What a visible policy was charged, asked for and covered; plan fees count once they are scheduled."""
    unbilled = InstallmentItem.objects.filter(
        installment__policy=policy, installment__invoice__isnull=True, installment__replaced_by__isnull=True
    )
    return Balance(
        currency=policy.program.currency,
        charged_minor=_sum(policy.charges.all()),
        unbilled_minor=_sum(unbilled),
        invoiced_minor=_sum(policy.invoices.all(), "total_minor"),
        applied_minor=_sum(Application.objects.filter(line__invoice__policy=policy)),
    )


def _sum(rows: QuerySet[Any], column: str = "amount_minor") -> int:
    return rows.order_by().aggregate(sum=Sum(column))["sum"] or 0


def premium_paid(question: PremiumPaid) -> int:
    """How much of a term's premium is paid by cash applied, net of what was taken back, in minor units."""
    lines = {"line__term_id": question.term_id, "line__component": Component.PREMIUM}
    return _sum(Application.objects.filter(**lines))


def plans_in_force(question: PlansInForce) -> frozenset[tuple[str, dt.date]]:
    """Which payment plans of an operator are in force on their day. One query."""
    codes = {code for code, _ in question.plans}
    rows = PlanVersion.objects.filter(organization_id=question.operator_id, code__in=codes).order_by()
    since = dict(rows.values("code").annotate(first=Min("effective_from")).values_list("code", "first"))
    return frozenset((code, day) for code, day in question.plans if code in since and since[code] <= day)


def is_due_to_bill(policy: Policy) -> bool:
    """Whether an installment of a visible policy has reached its bill date without an invoice."""
    return Installment.objects.filter(
        policy=policy, invoice__isnull=True, replaced_by__isnull=True, bill_on__lte=clock.today()
    ).exists()


def plans_of(actor: Actor) -> list[tuple[str, str]]:
    """The payment plans of the actor's organization in force today, as (code, name)."""
    rows = access.operable(actor, PlanVersion.objects.filter(effective_from__lte=clock.today()))
    latest = rows.order_by("code", "-effective_from", "-number").distinct("code")
    return [(plan.code, f"{plan.name} ({plan.code})") for plan in latest]
