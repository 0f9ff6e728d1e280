"""Cash application. Money received, its distribution to items, and the item are three different things."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import cast

from django.db.models import Sum
from django.db.models.functions import Coalesce

from billing import invoices, journal
from billing.models import Application, Invoice, InvoiceLine, Receipt, ReceiptReversal
from compliance import audit, events, explanations
from compliance.explanations import Figure
from coverpay.kernel import clock, ids
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Conflict
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money, round_minor
from policies.models import Policy

PPM = 1_000_000


class ReceiptReversed(Conflict):
    """The receipt was taken back; nothing can be applied from it."""

    code = "receipt_reversed"


@step
def receive(policy: Policy, *, source_id: str, amount: Money, received_on: dt.date) -> Receipt:
    """Keep that money came for a locked policy; the same source brings one receipt, however often it is told."""
    receipt, created = Receipt.objects.get_or_create(
        source_id=source_id,
        defaults={
            "policy": policy,
            "amount_minor": amount.amount_minor,
            "currency": amount.currency,
            "received_on": received_on,
        },
    )
    if created:
        audit.record(
            action="receipt.create",
            object_id=receipt.id,
            organization_id=policy.operator_id,
            after={
                "amount_minor": amount.amount_minor,
                "currency": amount.currency,
                "source": source_id,
            },
        )
    return receipt


@step
def apply(receipt: Receipt) -> list[Application]:
    """Apply what is left of a receipt to the policy's open lines, earliest due date first.

    Takes:  a receipt of a locked policy.
    Gives:  new applications that sum to min(left, open); the rest stays unapplied.
    Posts:  Dr unapplied_cash · Cr premium_receivable; Dr billed_uncollected · Cr payees and commission_in_trust.
    Raises: ReceiptReversed.
    """
    if ReceiptReversal.objects.filter(receipt=receipt).exists():
        raise ReceiptReversed(f"Receipt {receipt.id} was taken back; it has nothing to apply.")
    left = unapplied_minor(receipt)
    written: list[Application] = []
    for line in _open_lines(receipt):
        take = min(left, line.amount_minor - _standing(line)[0])
        if take > 0:
            written.append(_application(receipt, line, take))
            left -= take
    if written:
        Application.objects.bulk_create(written)
        _explain(receipt, written)
        journal.cash_applied(receipt, written)
        audit.record(
            action="receipt.apply",
            object_id=receipt.id,
            organization_id=receipt.policy.operator_id,
            before={"unapplied_minor": left + sum(application.amount_minor for application in written)},
            after={"unapplied_minor": left},
        )
        _settle(receipt, {application.line.invoice_id for application in written})
    return written


@step
def take_back(receipt: Receipt, *, reason: str, on: dt.date) -> ReceiptReversal:
    """Take a whole receipt back: every application is undone to the cent, history kept, invoices reopen.

    Posts:  the exact opposite of each entry that applied it.
    """
    reversal, created = ReceiptReversal.objects.get_or_create(
        receipt=receipt, defaults={"reason": reason, "reversed_on": on}
    )
    if not created:
        return reversal
    standing = list(
        receipt.applications.filter(reverses__isnull=True, reversed_by__isnull=True).select_related("line__invoice")
    )
    Application.objects.bulk_create(
        Application(
            id=ids.new("app"),
            receipt=receipt,
            line=application.line,
            amount_minor=-application.amount_minor,
            commission_minor=-application.commission_minor,
            applied_on=on,
            reverses=application,
        )
        for application in standing
    )
    journal.cash_unapplied(receipt, standing, reason=reason, on=on)
    _settle(receipt, {application.line.invoice_id for application in standing})
    audit.record(
        action="receipt.take_back",
        object_id=receipt.id,
        organization_id=receipt.policy.operator_id,
        before={"applied_minor": sum(application.amount_minor for application in standing)},
        after={"applied_minor": 0},
        reason=reason,
    )
    return reversal


def unapplied_minor(receipt: Receipt) -> int:
    """What of a receipt is not applied, minor units; zero once it was taken back."""
    if ReceiptReversal.objects.filter(receipt=receipt).exists():
        return 0
    applied = receipt.applications.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    return receipt.amount_minor - applied


def _open_lines(receipt: Receipt) -> list[InvoiceLine]:
    lines = (
        InvoiceLine.objects.filter(
            invoice__policy_id=receipt.policy_id,
            invoice__state=Invoice.State.OPEN,
            invoice__currency=receipt.currency,
        )
        .select_related("invoice")
        .annotate(
            applied=Coalesce(Sum("applications__amount_minor"), 0),
            commission=Coalesce(Sum("applications__commission_minor"), 0),
        )
        .order_by("invoice__due_on", "invoice_id", "position")
    )
    return list(lines)


def _application(receipt: Receipt, line: InvoiceLine, take: int) -> Application:
    before, commission_before = _standing(line)
    return Application(
        id=ids.new("app"),
        receipt=receipt,
        line=line,
        amount_minor=take,
        commission_minor=commission_on(before + take, line.commission_ppm) - commission_before,
        applied_on=clock.today(),
    )


def _standing(line: InvoiceLine) -> tuple[int, int]:
    """What is applied to an open line now, and the commission of it, as `_open_lines` read them."""
    return cast(int, line.applied), cast(int, line.commission)  # type: ignore[attr-defined]


def commission_on(applied: int, ppm: int) -> int:
    """The commission on what is applied so far, rounded once.

    Each application takes this less the commission that stands already, so that in any split, and after any taking
    back, the commission of a covered line is that of the line as a whole.
    """
    return round_minor(Decimal(applied) * ppm / PPM)


def _explain(receipt: Receipt, applications: Sequence[Application]) -> None:
    explanations.record(
        Figure(
            application.id,
            "commission",
            application.commission_minor,
            receipt.currency,
            Explained(
                formula="round(applied so far × rate) − commission before",
                inputs={
                    "applied_before_minor": _standing(application.line)[0],
                    "applied_now_minor": application.amount_minor,
                    "commission_before_minor": _standing(application.line)[1],
                    "rate_ppm": application.line.commission_ppm,
                },
                rule="commission at the rate of the charge, earned as it is collected",
            ),
        )
        for application in applications
        if application.commission_minor
    )


def _settle(receipt: Receipt, invoice_ids: set[str]) -> None:
    """Bring invoices in line with what covers them now."""
    for invoice in Invoice.objects.filter(pk__in=invoice_ids).order_by("id"):
        still_open = invoices.open_minor(invoice)
        if still_open == 0 and invoice.state == Invoice.State.OPEN:
            invoice.settle()
            _tell(receipt, invoice, "invoice.paid", still_open)
        elif still_open and invoice.state == Invoice.State.PAID:
            invoice.reopen()
            _tell(receipt, invoice, "invoice.reopened", still_open)


def _tell(receipt: Receipt, invoice: Invoice, event: str, still_open: int) -> None:
    invoice.save(update_fields=["state"])
    operator_id = receipt.policy.operator_id
    audit.record(
        action=event,
        object_id=invoice.id,
        organization_id=operator_id,
        after={"state": invoice.state, "open_minor": still_open, "receipt": receipt.id},
    )
    events.record(
        type=event,
        organization_id=operator_id,
        object_id=invoice.id,
        subject_id=invoice.policy_id,
        data={
            "invoice": invoice.id,
            "policy": invoice.policy_id,
            "open_minor": still_open,
        },
    )
