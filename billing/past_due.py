"""What is past due on a term: what a delinquency follows, and what of it can end cover.

A term answers for its own money only. Penalties of ours (late fee and the like) are asked for, but never followed, and
of what is followed only premium and its taxes can end cover.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Sum

from billing import delinquency_plans, open_items
from billing.delinquency_plans import DelinquencySpec
from billing.models import Invoice, InvoiceLine, Notice, Receipt
from compliance import business_days
from coverpay.kernel.figures import Explained
from policies.models import Component, Policy, Term

PENALTIES = (Component.LATE_FEE, Component.NSF_FEE, Component.REINSTATEMENT_FEE, Component.CANCELLATION_FEE)
PREMIUM_RELATED = (Component.PREMIUM, Component.SURPLUS_LINES_TAX, Component.STAMPING_FEE)


@dataclass(frozen=True, slots=True)
class PastDueLine:
    """One line of an overdue invoice with what is open of it."""

    number: str
    due_on: dt.date
    component: str
    description: str
    open_minor: int


@dataclass(frozen=True, slots=True)
class PastDue:
    """What is past due on one term, earliest due date first."""

    term_id: str
    lines: tuple[PastDueLine, ...]

    @property
    def followed_minor(self) -> int:
        return sum(line.open_minor for line in self.lines)

    @property
    def premium_lines(self) -> list[PastDueLine]:
        return [line for line in self.lines if line.component in PREMIUM_RELATED]

    @property
    def premium_minor(self) -> int:
        return sum(line.open_minor for line in self.premium_lines)


def by_term(policy: Policy, spec: DelinquencySpec, on: dt.date) -> list[PastDue]:
    """What is past due on each term of a policy on a day, grace over; terms with nothing are left out."""
    rows = (
        InvoiceLine.objects.filter(invoice__policy=policy, invoice__state=Invoice.State.OPEN, invoice__due_on__lt=on)
        .exclude(component__in=PENALTIES)
        .select_related("invoice", "installment_item__installment")
        .order_by("invoice__due_on", "invoice_id", "position")
    )
    found: dict[str, list[PastDueLine]] = {}
    for line in open_items.locked_lines(rows):
        due_on = _due_on(line)
        late = delinquency_plans.past_due_from(spec, due_on, business_days_later) <= on
        if late and line.open > 0:
            found.setdefault(line.term_id, []).append(
                PastDueLine(line.invoice.number, due_on, line.component, line.description, line.open)
            )
    return [PastDue(term_id, tuple(lines)) for term_id, lines in found.items()]


def _due_on(line: InvoiceLine) -> dt.date:
    """When a line was due: never before its own installment is, nor before it was first asked for.

    An invoice of several installments is due with the earliest; that makes none of the others late.
    """
    invoice, item = line.invoice, line.installment_item
    days = [invoice.due_on, item.installment.due_on if item is not None else invoice.due_on]
    return max(days if invoice.supersedes_id else [*days, invoice.issued_on])


def of_term(term: Term, spec: DelinquencySpec, on: dt.date) -> PastDue:
    """What is past due on one term on a day; nothing, if nothing is."""
    return next((each for each in by_term(term.policy, spec, on) if each.term_id == term.id), PastDue(term.id, ()))


def received_since(notice: Notice) -> int:
    """What came in for the policy after a notice was made and was not taken back, whatever it was applied to."""
    rows = Receipt.objects.filter(policy_id=notice.policy_id, created_at__gte=notice.created_at, reversal__isnull=True)
    return rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0


def why(lines: Sequence[PastDueLine], *, plan: str = "", citation: str = "") -> Explained:
    """Why so much is past due: line by line."""
    return Explained(
        formula="what is open of the term's own lines, due before the day and past grace",
        inputs={
            f"{number} {line.number} {line.component}_minor": line.open_minor for number, line in enumerate(lines, 1)
        },
        rule="past due: a term answers for its own money, and penalties are not followed",
        rule_version=plan,
        citation=citation,
    )


def oldest_due_on(lines: Sequence[PastDueLine]) -> dt.date:
    return min(line.due_on for line in lines)


def business_days_later(on: dt.date, days: int) -> dt.date:
    """Some business days of the Federal Reserve later."""
    for _ in range(days):
        on = business_days.shift(on + dt.timedelta(days=1), "next")
    return on
