"""What a payor sees who opened a link: the open invoices it is about, and nothing of anybody else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db.models import Q, QuerySet

from billing import plans, queries
from billing.models import Invoice, InvoiceLine, Schedule
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from payments import pay_links
from payments.models import Mandate, PayLink, PaymentMethod, PaymentPart, ScheduledPayment

EXPLAINED = 40
ENDING = 6
"""How much of a number is shown to who does not know it."""


@dataclass(frozen=True, slots=True)
class Payable:
    """One open invoice as its payor sees it.

    `paying`: a payment of it is under way; `scheduled_on`: one is to come that day; `partial`: less may be paid.
    """

    invoice: Invoice
    number: str
    policy_number: str
    program: str
    open_minor: int
    partial: bool
    paying: bool
    scheduled_on: dt.date | None

    @property
    def id(self) -> str:
        return self.invoice.id

    @property
    def overdue(self) -> bool:
        return self.invoice.due_on < clock.today()

    @property
    def open(self) -> Money:
        return Money(self.open_minor, self.invoice.currency)


def of_link(link: PayLink) -> list[Payable]:
    """The open invoices that a link is about, by due date."""
    rows = queries.with_open(_invoices(link)).select_related("policy__program").order_by("due_on", "number")
    found: list[Any] = [row for row in cast(Iterable[Any], rows) if row.open_minor > 0]
    ids = [row.id for row in found]
    paying = set(PaymentPart.objects.filter(invoice__in=ids, live=True).values_list("invoice_id", flat=True))
    planned = ScheduledPayment.objects.filter(invoice__in=ids, state=ScheduledPayment.State.PLANNED)
    scheduled = dict(planned.values_list("invoice_id", "collect_on"))
    partial = _partial(ids)
    return [
        Payable(
            invoice=row,
            number=shown(row.number, link),
            policy_number=shown(row.policy.number, link),
            program=row.policy.program.name,
            open_minor=row.open_minor,
            partial=partial.get(row.id, False),
            paying=row.id in paying,
            scheduled_on=scheduled.get(row.id),
        )
        for row in found
    ]


def scheduled_of(link: PayLink) -> list[ScheduledPayment]:
    """What is to be paid later of the bills a link is about, by day."""
    rows = ScheduledPayment.objects.filter(invoice__in=_invoices(link), state=ScheduledPayment.State.PLANNED)
    return list(rows.select_related("invoice", "payment_method").order_by("collect_on", "id"))


def methods_of(link: PayLink) -> list[PaymentMethod]:
    """The kept methods to offer: those of the party the link is for, that it said to keep; none to a guest."""
    if not link.party_id:
        return []
    standing = Mandate.objects.filter(revoked_at__isnull=True, recurring=True, policy__isnull=True)
    rows = PaymentMethod.objects.filter(party=link.party_id, state=PaymentMethod.State.ACTIVE)
    return list(rows.filter(mandates__in=standing).distinct().order_by("-is_default", "-id"))


def why(link: PayLink, found: Sequence[Payable]) -> Mapping[str, list[queries.LineShown]]:
    """What each invoice asks for, line by line; to a guest without how the amounts came about.

    Of more bills than EXPLAINED none is: their documents say it.
    """
    if len(found) > EXPLAINED:
        return {}
    lines_of = {each.id: queries.lines_of(each.invoice) for each in found}
    if not link.party_id:
        for lines in lines_of.values():
            for line in lines:
                line.reasons.clear()
    return lines_of


def _invoices(link: PayLink) -> QuerySet[Invoice]:
    rows = Invoice.objects.filter(state=Invoice.State.OPEN, policy__operator_id=link.organization_id)
    if link.invoice_id:
        rows = rows.filter(pk=link.invoice_id)
    if link.billing_account_id:
        return rows.filter(account_id=link.billing_account_id)
    payor = pay_links.payor_of(link)
    return rows.filter(Q(account__isnull=True) | Q(account__payor=payor), policy_id=link.policy_id)


def _partial(invoice_ids: Sequence[str]) -> dict[str, bool]:
    """Whether the plans of all that an invoice bills let its payor pay a part."""
    billed = list(InvoiceLine.objects.filter(invoice__in=invoice_ids).values_list("invoice_id", "term_id").distinct())
    newest = Schedule.objects.filter(term_id__in={term_id for _, term_id in billed}).select_related("plan_version")
    allows = {
        schedule.term_id: plans.read(schedule.plan_version.spec).partial_payments
        for schedule in newest.order_by("term_id", "-number").distinct("term_id")
    }
    found: dict[str, bool] = {}
    for invoice_id, term_id in billed:
        found[invoice_id] = found.get(invoice_id, True) and allows.get(term_id, False)
    return found


def shown(number: str, link: PayLink) -> str:
    """The number of a policy or bill; to a guest of an account, who knows only the account's, its end."""
    if link.party_id or link.policy_id:
        return number
    return f"···{number[-ENDING:]}"
