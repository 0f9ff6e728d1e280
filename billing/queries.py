"""Reads of billing for pages: open amounts, schedules, and every line with why it is what it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Min, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing import open_items
from billing.models import (
    Application,
    Installment,
    InstallmentItem,
    Invoice,
    InvoiceLine,
    LineCredit,
    PlanVersion,
    Schedule,
)
from compliance import access, explanations
from compliance.models import Explanation
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from policies.events import PlansInForce, PremiumPaid
from policies.models import Component, Policy, Term
from policies.queries import payee_names

DUE_SOON_DAYS = 7


@dataclass(frozen=True, slots=True)
class LineShown:
    """One invoice line with its payee's name, what cash covers and credits lower of it, and why it is what it is."""

    line: InvoiceLine
    payee: str
    applied_minor: int
    credited_minor: int
    open_minor: int
    reasons: list[Explanation]


@dataclass(frozen=True, slots=True)
class Balance:
    """What a policy was charged, is still to be billed, was asked for and covered; minor units of one currency.

    `invoiced_minor` is what invoices ask for, less what credits lowered. `offered_minor` is what a renewal that is
    only offered would charge; it and its bills to come are in no other figure.
    """

    currency: str
    charged_minor: int
    offered_minor: int
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
    """Add `applied_minor`, `credited_minor` and `open_minor` to invoices."""
    return rows.annotate(applied_minor=_of_invoice(Application), credited_minor=_of_invoice(LineCredit)).annotate(
        open_minor=F("total_minor") - F("applied_minor") - F("credited_minor")
    )


def _of_invoice(model: type[Application] | type[LineCredit]) -> Coalesce:
    rows: QuerySet[Any] = model._default_manager.filter(line__invoice=OuterRef("pk"))
    return Coalesce(Subquery(rows.order_by().values("line__invoice").values(sum=Sum("amount_minor"))), 0)


def one(actor: Actor, invoice_id: str) -> Invoice:
    """One visible invoice with `open_minor`, its policy and insured. Raises: NotFound."""
    rows = with_open(Invoice.objects.select_related("policy__insured", "policy__operator"))
    return access.get(actor, rows, invoice_id)


def lines_of(invoice: Invoice) -> list[LineShown]:
    """The lines of a visible invoice.

    A line's reasons run backwards: what was credited, how the plan split the charge into this installment, then how
    the charge arose. A line that replaces another has the reasons of the first one too.
    """
    lines: list[Any] = list(open_items.with_open(invoice.lines.order_by("position")))
    names = payee_names((line.payee_kind, line.payee) for line in lines)
    first = _first_of(lines)
    subjects = {line.id: _subjects(line, first[line.id]) for line in lines}
    known = explanations.of(*{subject for keys in subjects.values() for subject, _ in keys})
    return [
        LineShown(
            line=line,
            payee=names[line.payee],
            applied_minor=line.applied,
            credited_minor=line.credited,
            open_minor=line.open,
            reasons=[
                reason
                for subject, figure in subjects[line.id]
                for reason in known
                if reason.subject_id == subject and figure in (None, reason.figure)
            ],
        )
        for line in lines
    ]


def _first_of(lines: Sequence[InvoiceLine]) -> dict[str, InvoiceLine]:
    """The line that each line replaces in the end: the one that an installment was billed by."""
    rows = InvoiceLine.objects.select_related("installment_item__installment").prefetch_related("credits")
    seen = {line.id: line for line in rows.filter(pk__in=[line.id for line in lines])}
    edge = {line.replaces_id for line in seen.values() if line.replaces_id}
    while edge:
        found = {line.id: line for line in rows.filter(pk__in=edge)}
        seen.update(found)
        edge = {line.replaces_id for line in found.values() if line.replaces_id}
    first = {}
    for line in lines:
        origin = seen[line.id]
        while origin.replaces_id:
            origin = seen[origin.replaces_id]
        first[line.id] = origin
    return first


def _subjects(line: InvoiceLine, first: InvoiceLine) -> list[tuple[str, str | None]]:
    """What explains a line, with the figure that counts where an object has several."""
    keys: list[tuple[str, str | None]] = [(credit.id, None) for each in {line, first} for credit in each.credits.all()]
    keys.append((line.id, None))
    item = first.installment_item
    if item is not None:
        keys.append((item.installment.schedule_id, item.component))
        if item.charge_id:
            keys.append((item.charge_id, None))
    return keys


def schedules_of(policy: Policy) -> list[Schedule]:
    """The schedules of a visible policy, each installment with `total_minor` and its invoice."""
    installments = Installment.objects.select_related("invoice").annotate(total_minor=Sum("items__amount_minor"))
    return list(
        policy.schedules.select_related("plan_version")
        .prefetch_related(Prefetch("installments", installments.order_by("sequence")))
        .order_by("id")
    )


def balance_of(policy: Policy) -> Balance:
    """What a visible policy was charged, asked for and covered; plan fees count once they are scheduled.

    A term counts from the day it was bound or accepted on; a renewal not taken counts nowhere.
    """
    renewals = policy.terms.filter(number__gt=1)
    offered = renewals.filter(state=Term.State.OFFERED).values("pk")
    apart = renewals.filter(state__in=[Term.State.OFFERED, Term.State.NOT_TAKEN]).values("pk")
    unbilled = InstallmentItem.objects.filter(
        installment__policy=policy, installment__invoice__isnull=True, installment__replaced_by__isnull=True
    ).exclude(installment__schedule__term__in=apart)
    return Balance(
        currency=policy.program.currency,
        charged_minor=_sum(policy.charges.exclude(transaction__term__in=apart)),
        offered_minor=_sum(policy.charges.filter(transaction__term__in=offered)),
        unbilled_minor=_sum(unbilled),
        invoiced_minor=_sum(policy.invoices.all(), "total_minor")
        - _sum(LineCredit.objects.filter(line__invoice__policy=policy)),
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
