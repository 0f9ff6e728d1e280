"""Cash application. Money received, its distribution to items, and the item are three different things."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing import agreed_plans, allocation, journal, open_items
from billing.models import (
    Application,
    CashOut,
    CashTransfer,
    Invoice,
    InvoiceLine,
    Receipt,
    ReceiptReversal,
    SuspenseItem,
)
from compliance import audit, events, explanations
from compliance.explanations import Figure
from coverpay.kernel import clock, ids
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Conflict
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money, round_minor
from policies import locks
from policies.models import Policy

PPM = 1_000_000


class ReceiptReversed(Conflict):
    """The receipt was taken back; nothing can be applied from it."""

    code = "receipt_reversed"


class ReceiptHeld(Conflict):
    """The money came after its policy was cancelled; a person places it first."""

    code = "receipt_held"


@step
def receive(
    policy: Policy, *, source_id: str, amount: Money, received_on: dt.date, kind: str = Receipt.Kind.PAYMENT
) -> Receipt:
    """Keep that money came for a locked policy; the same source brings one receipt, however often it is told.

    A payment for a cancelled policy is held: it opens a suspense item, and a person says what becomes of it.
    """
    receipt = Receipt(
        id=ids.new("rcp"),
        policy=policy,
        kind=kind,
        source_id=source_id,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        received_on=received_on,
    )
    Receipt.objects.bulk_create([receipt], ignore_conflicts=True)
    kept = Receipt.objects.get(source_id=source_id)
    if kept.id != receipt.id:
        return kept
    audit.record(
        action="receipt.create",
        object_id=receipt.id,
        organization_id=policy.operator_id,
        after={"amount_minor": amount.amount_minor, "currency": amount.currency, "source": source_id},
    )
    if kind == Receipt.Kind.PAYMENT and policy.state == Policy.State.CANCELLED:
        _hold(policy, receipt)
    return receipt


@step
def apply(receipt: Receipt, *, first: Collection[str] = ()) -> list[Application]:
    """Apply what is left of a receipt to the policy's open lines, in the order of the plan.

    Takes:  a receipt of a locked policy; `first`, ids of invoices to cover before all others.
    Gives:  new applications that sum to min(left, open); the rest stays unapplied.
    Posts:  Dr unapplied_cash · Cr premium_receivable; Dr billed_uncollected · Cr payees and commission_in_trust.
    Raises: ReceiptReversed, ReceiptHeld.
    """
    left, held = _standing(receipt)
    if left is None:
        raise ReceiptReversed(f"Receipt {receipt.id} was taken back; it has nothing to apply.")
    if held:
        raise ReceiptHeld("The money came after the policy was cancelled; place its suspense item.", field="receipt")
    written: list[Application] = []
    for line in _open_lines(receipt, first) if left else ():
        take = min(left, line.open)
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
        open_items.settle({application.line.invoice_id for application in written}, cause=receipt.id)
    return written


@step
def apply_waiting(policy: Policy) -> list[Application]:
    """Apply what is unapplied of every receipt of a locked policy, the oldest first; held receipts stay as they are."""
    return [application for receipt in waiting(policy) for application in apply(receipt)]


@step
def unapply(applications: Iterable[Application], *, reason: str, on: dt.date | None = None) -> list[Application]:
    """Take single applications back: the cash becomes unapplied, and the invoices are open again.

    Takes:  applications of one locked policy; those taken back already are left as they are.
    Gives:  the rows that take them back, the very cents of each.
    Posts:  the opposite of what applied them, per receipt.
    """
    asked = [application.pk for application in applications]
    standing = Application.objects.filter(pk__in=asked, reverses__isnull=True, reversed_by__isnull=True)
    rows = standing.select_related("receipt__policy", "line__invoice").order_by("receipt_id", "id")
    written: list[Application] = []
    for _, group in groupby(rows, key=lambda row: row.receipt_id):
        written += _taken_back(list(group), reason=reason, on=on or clock.today())
    return written


@step
def take_back(receipt: Receipt, *, reason: str, on: dt.date) -> ReceiptReversal:
    """Take a whole receipt back: every application is undone to the cent, history kept, invoices reopen.

    What of it was carried to other policies is taken back there first. A suspense item that holds it is closed.

    Posts:  the exact opposite of each entry that applied or transferred it.
    """
    reversal, created = ReceiptReversal.objects.get_or_create(
        receipt=receipt, defaults={"reason": reason, "reversed_on": on}
    )
    if not created:
        return reversal
    for transfer in standing_transfers(receipt):
        locks.lock(transfer.to_receipt.policy_id)
        take_back(transfer.to_receipt, reason=ReceiptReversal.Reason.UNDONE, on=on)
    moved = CashTransfer.objects.filter(to_receipt=receipt).select_related("from_receipt").first()
    standing = receipt.applications.filter(reverses__isnull=True, reversed_by__isnull=True)
    undone = unapply(standing, reason=reason, on=on)
    if moved is not None:
        journal.transfer_undone(moved, on=on)
    release(receipt)
    audit.record(
        action="receipt.take_back",
        object_id=receipt.id,
        organization_id=receipt.policy.operator_id,
        before={"applied_minor": -sum(row.amount_minor for row in undone)},
        after={"applied_minor": 0},
        reason=reason,
    )
    return reversal


def unapplied_minor(receipt: Receipt) -> int:
    """What of a receipt is neither applied, carried to another policy nor paid out, minor units.

    Zero once it was taken back.
    """
    return _standing(receipt)[0] or 0


def _standing(receipt: Receipt) -> tuple[int | None, bool]:
    """What is left of a receipt, and whether it is held, by one query. Nothing is known once it was taken back."""
    held = Exists(SuspenseItem.objects.filter(receipt=OuterRef("pk"), state=SuspenseItem.State.OPEN))
    rows = with_unapplied(Receipt.objects.filter(pk=receipt.pk)).annotate(held=held)
    found = rows.values_list("unapplied", "held").first()
    return (None, False) if found is None else (int(found[0]), found[1])


def with_unapplied(receipts: QuerySet[Receipt]) -> QuerySet[Any]:
    """Add `unapplied` to receipts that were not taken back: minor units neither applied, carried on nor paid out."""
    applied = Application.objects.filter(receipt=OuterRef("pk")).order_by().values("receipt")
    moved = CashTransfer.objects.filter(from_receipt=OuterRef("pk"), to_receipt__reversal__isnull=True)
    paid_out = CashOut.objects.filter(receipt=OuterRef("pk")).order_by().values("receipt")
    rows: QuerySet[Any] = receipts.filter(reversal__isnull=True).annotate(
        unapplied=F("amount_minor")
        - Coalesce(Subquery(applied.values(sum=Sum("amount_minor"))), 0)
        - Coalesce(Subquery(moved.order_by().values("from_receipt").values(sum=Sum("amount_minor"))), 0)
        - Coalesce(Subquery(paid_out.values(sum=Sum("amount_minor"))), 0)
    )
    return rows


def waiting(policy: Policy) -> QuerySet[Any]:
    """Receipts of a policy with unapplied cash that is free to be applied, the oldest first."""
    rows = with_unapplied(Receipt.objects.filter(policy=policy).select_related("policy"))
    held = SuspenseItem.objects.filter(receipt=OuterRef("pk"), state=SuspenseItem.State.OPEN)
    return rows.filter(unapplied__gt=0).exclude(pk__in=held.values("receipt_id")).order_by("received_on", "id")


def waiting_minor(policy: Policy) -> int:
    """What of a policy's cash waits to be applied, minor units."""
    return sum(receipt.unapplied for receipt in waiting(policy))


def is_held(receipt: Receipt) -> bool:
    """Whether the receipt waits in suspense for a person."""
    return SuspenseItem.objects.filter(receipt=receipt, state=SuspenseItem.State.OPEN).exists()


def standing_transfers(receipt: Receipt) -> QuerySet[CashTransfer]:
    """What of a receipt was carried to other policies and is still there."""
    rows = receipt.transfers_out.filter(to_receipt__reversal__isnull=True)
    return rows.select_related("to_receipt__policy", "from_receipt__policy").order_by("id")


def reach(receipt_ids: Collection[str]) -> set[str]:
    """The policies that cash of these receipts was carried to, however far: to lock before it is taken back."""
    found: set[str] = set()
    edge = set(receipt_ids)
    while edge:
        rows = CashTransfer.objects.filter(from_receipt__in=edge, to_receipt__reversal__isnull=True)
        pairs = list(rows.values_list("to_receipt_id", "to_receipt__policy_id"))
        edge = {receipt for receipt, _ in pairs}
        found |= {policy for _, policy in pairs}
    return found


def commission_on(applied: int, ppm: int) -> int:
    """The commission on what is applied so far, rounded once.

    Each application takes this less the commission that stands already, so that in any split, and after any taking
    back, the commission of a covered line is that of the line as a whole.
    """
    return round_minor(Decimal(applied) * ppm / PPM)


def _open_lines(receipt: Receipt, first: Collection[str]) -> list[Any]:
    rows = InvoiceLine.objects.filter(
        invoice__policy_id=receipt.policy_id,
        invoice__state=Invoice.State.OPEN,
        invoice__currency=receipt.currency,
    )
    lines = {line.id: line for line in open_items.locked_lines(rows.order_by("invoice__due_on", "invoice_id"))}
    if not lines:
        return []
    plan = agreed_plans.of_term(next(iter(lines.values())).term_id)
    turns = allocation.ordered(
        [
            allocation.OpenLine(line.id, line.invoice.due_on, line.component, (line.invoice_id, line.position))
            for line in lines.values()
        ],
        order=plan.allocation_order,
        components=plan.allocation_components,
    )
    in_turn = [lines[turn.id] for turn in turns]
    return sorted(in_turn, key=lambda line: line.invoice_id not in first) if first else in_turn


def _application(receipt: Receipt, line: Any, take: int) -> Application:
    return Application(
        id=ids.new("app"),
        receipt=receipt,
        line=line,
        amount_minor=take,
        commission_minor=commission_on(line.applied + take, line.commission_ppm) - line.commission,
        applied_on=clock.today(),
    )


def _taken_back(standing: Sequence[Application], *, reason: str, on: dt.date) -> list[Application]:
    """Undo standing applications of one receipt."""
    receipt = standing[0].receipt
    written = Application.objects.bulk_create(
        Application(
            id=ids.new("app"),
            receipt=receipt,
            line=row.line,
            amount_minor=-row.amount_minor,
            commission_minor=-row.commission_minor,
            applied_on=on,
            reverses=row,
        )
        for row in standing
    )
    journal.cash_unapplied(receipt, written, reason=reason, on=on)
    audit.record(
        action="receipt.unapply",
        object_id=receipt.id,
        organization_id=receipt.policy.operator_id,
        after={
            "unapplied_minor": sum(row.amount_minor for row in standing),
            "lines": [row.line_id for row in standing],
        },
        reason=reason,
    )
    open_items.settle({row.line.invoice_id for row in standing}, cause=receipt.id)
    return written


def _explain(receipt: Receipt, applications: Sequence[Application]) -> None:
    explanations.record(
        Figure(
            application.id,
            "commission",
            application.commission_minor,
            receipt.currency,
            Explained(
                formula="round(applied so far × rate) − commission before",
                inputs=_commission_inputs(application, application.line),
                rule="commission at the rate of the charge, earned as it is collected",
            ),
        )
        for application in applications
        if application.commission_minor
    )


def _commission_inputs(application: Application, line: Any) -> dict[str, str | int]:
    return {
        "applied_before_minor": line.applied,
        "applied_now_minor": application.amount_minor,
        "commission_before_minor": line.commission,
        "rate_ppm": line.commission_ppm,
    }


def _hold(policy: Policy, receipt: Receipt) -> None:
    item = SuspenseItem.objects.create(
        operator_id=policy.operator_id,
        why=SuspenseItem.Why.AFTER_CANCELLATION,
        source_id=receipt.source_id,
        payor_name=policy.insured.name,
        policy_reference=policy.number,
        amount_minor=receipt.amount_minor,
        currency=receipt.currency,
        received_on=receipt.received_on,
        receipt=receipt,
    )
    tell_suspense("suspense.opened", item, policy.id)


@step
def release(receipt: Receipt) -> None:
    """The held money is gone, all of it: nobody has to place it any more."""
    item = SuspenseItem.objects.filter(receipt=receipt, state=SuspenseItem.State.OPEN).first()
    if item is not None:
        item.decided_reason = "The money was taken back."
        item.give_back()
        item.save(update_fields=["state", "decided_reason"])
        tell_suspense("suspense.returned", item, receipt.policy_id)


@step
def tell_suspense(event: str, item: SuspenseItem, policy_id: str = "", *, reason: str = "") -> None:
    """Keep and tell what became of a suspense item."""
    facts = {"why": item.why, "amount_minor": item.amount_minor, "currency": item.currency, "state": item.state}
    audit.record(
        action=event, object_id=item.id, organization_id=item.operator_id, after={**facts, "policy": policy_id},
        reason=reason,
    )  # fmt: skip
    events.record(
        type=event,
        organization_id=item.operator_id,
        object_id=item.id,
        subject_id=policy_id,
        data={"suspense_item": item.id, "policy": policy_id or None, **facts},
    )
