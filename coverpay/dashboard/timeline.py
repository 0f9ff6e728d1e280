"""A policy's life in time order, across the apps: cover, schedule, invoices, payments, books, payouts, bank."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q, Sum

from billing.models import Invoice, Schedule
from compliance import access
from coverpay.dashboard import told
from coverpay.dashboard.told import Moment
from coverpay.kernel.actors import Actor
from payments.models import Attempt, Dispute, Payment, PaymentPart, Payout, PayoutLine, Refund
from policies.models import Policy, Transaction
from reconciliation.ledger.models import Entry
from reconciliation.models import Match, MatchBookLine

ORDER = ("cover", "bill", "late", "pay", "payout", "books", "bank")
"""What comes first of what happened at the same moment; within a kind, the part of ids after the prefix rises."""


def of(actor: Actor, policy: Policy) -> list[Moment]:
    """Everything that happened to a visible policy, oldest first, as far as the actor may see each part.

    The number of queries does not depend on how much happened.
    """
    paying = PaymentPart.objects.filter(policy=policy).values("payment_id")
    payments = list(access.visible(actor, Payment.objects.filter(pk__in=paying)).select_related("invoice"))
    attempts = list(
        access.visible(actor, Attempt.objects.filter(payment__in=paying)).select_related("account", "payment")
    )
    refunds = list(access.visible(actor, Refund.objects.filter(payment__in=paying)))
    disputes = list(access.visible(actor, Dispute.objects.filter(payment__in=paying)))
    sources = [attempt.id for attempt in attempts] + [refund.id for refund in refunds]
    lines = _payout_lines(actor, sources)
    payouts = {line.payout_id: line.payout for line in lines}
    moments = [
        *_cover(policy),
        *told.of(actor, policy),
        *_billing(actor, policy),
        *_payments(payments),
        *_attempts(attempts),
        *_refunds(refunds),
        *_disputes(disputes),
        *_books(actor, policy, [*sources, *payouts, *(dispute.id for dispute in disputes)]),
        *_payouts(list(payouts.values()), lines),
        *_bank(actor, list(payouts)),
    ]
    return sorted(moments, key=lambda moment: (moment.at, ORDER.index(moment.kind), moment.object_id.partition("_")[2]))


def _cover(policy: Policy) -> Iterator[Moment]:
    quoted = (Transaction.Kind.NEW_BUSINESS, Transaction.Kind.RENEWAL)
    changes = Transaction.objects.filter(term__policy=policy).select_related("term").order_by("id")
    for change in changes.annotate(total=Sum("charges__amount_minor")):
        kind, first = change.get_kind_display(), change.kind in quoted
        yield Moment(
            at=change.processed_at,
            kind="cover",
            title=f"Quoted: {kind.lower()}" if first else kind,
            detail=f"Cover {change.term}" if first else told.joined(f"effective {change.effective_on}", change.reason),
            amount_minor=change.total,
            currency=policy.program.currency,
        )


def _billing(actor: Actor, policy: Policy) -> Iterator[Moment]:
    schedules = access.visible(actor, Schedule.objects.filter(policy=policy)).select_related("plan_version", "term")
    for schedule in schedules.prefetch_related("installments").order_by("id"):
        dates = [str(installment.due_on) for installment in schedule.installments.all()]
        due = f"{schedule.plan_version.name}: due {', '.join(dates) or 'nothing more'}"
        first = schedule.number == 1
        yield Moment(
            at=schedule.created_at,
            kind="cover" if first else "bill",
            title=_set(schedule),
            detail=due if first else told.joined(schedule.reason, due),
        )
    for invoice in access.visible(actor, Invoice.objects.filter(policy=policy)):
        yield Moment(
            at=invoice.created_at,
            kind="bill",
            title=f"Invoice {invoice.number}",
            object_id=invoice.id,
            detail=told.joined(f"due {invoice.due_on}", invoice.reason),
            state=invoice.state,
            state_label=invoice.get_state_display(),
            amount_minor=invoice.total_minor,
            currency=invoice.currency,
        )


def _set(schedule: Schedule) -> str:
    """What a schedule being set meant at the time."""
    if schedule.number > 1:
        return f"Schedule {schedule.number} set"
    return "Bound, schedule set" if schedule.term.number == 1 else "Renewal's schedule set"


def _payments(payments: list[Payment]) -> Iterator[Moment]:
    for payment in payments:
        yield Moment(
            at=payment.created_at,
            kind="pay",
            title=f"Payment by {payment.method}",
            object_id=payment.id,
            detail=f"for invoice {payment.invoice.number}",
            state=payment.state,
            state_label=payment.get_state_display(),
            amount_minor=payment.amount_minor,
            currency=payment.currency,
        )


def _attempts(attempts: list[Attempt]) -> Iterator[Moment]:
    for attempt in attempts:
        yield Moment(
            at=attempt.decided_at or attempt.created_at,
            kind="pay",
            title=f"Attempt {attempt.number} at {attempt.account.gateway}",
            object_id=attempt.id,
            detail=" · ".join(word for word in (attempt.gateway_reference, attempt.outcome_code) if word),
            state=attempt.state,
            state_label=attempt.get_state_display(),
        )


def _refunds(refunds: list[Refund]) -> Iterator[Moment]:
    for refund in refunds:
        yield Moment(
            at=refund.created_at,
            kind="pay",
            title="Refund",
            object_id=refund.id,
            detail=refund.reason,
            state=refund.state,
            state_label=refund.get_state_display(),
            amount_minor=-refund.amount_minor,
            currency=refund.currency,
        )


def _disputes(disputes: list[Dispute]) -> Iterator[Moment]:
    for dispute in disputes:
        yield Moment(
            at=dispute.opened_at,
            kind="pay",
            title="Disputed by the payor",
            object_id=dispute.id,
            detail=dispute.reason,
            state=dispute.state,
            state_label=dispute.get_state_display(),
            amount_minor=-dispute.amount_minor,
            currency=dispute.currency,
        )


def _books(actor: Actor, policy: Policy, source_ids: list[str]) -> Iterator[Moment]:
    rows = Entry.objects.filter(Q(subject_id=policy.id) | Q(source_id__in=source_ids))
    for entry in access.visible(actor, rows).prefetch_related("lines"):
        lines = list(entry.lines.all())
        yield Moment(
            at=entry.created_at,
            kind="books",
            title=f"Posted {entry.kind}",
            object_id=entry.id,
            detail=entry.memo,
            state="reversed" if entry.reverses_id else "",
            state_label="Reversal" if entry.reverses_id else "",
            amount_minor=max(line.amount_minor for line in lines),
            currency=lines[0].currency,
        )


def _payout_lines(actor: Actor, references: list[str]) -> list[PayoutLine]:
    visible = access.visible(actor, Payout.objects.all())
    rows = PayoutLine.objects.filter(our_reference__in=references, payout__in=visible)
    return list(rows.select_related("payout__account"))


def _payouts(payouts: list[Payout], lines: list[PayoutLine]) -> Iterator[Moment]:
    for payout in payouts:
        ours = sum(line.gross_minor for line in lines if line.payout_id == payout.id)
        yield Moment(
            at=payout.created_at,
            kind="payout",
            title=f"In payout {payout.reference}",
            object_id=payout.id,
            detail=f"{payout.account.gateway} paid out on {payout.paid_on}; this policy's part, gross",
            amount_minor=ours,
            currency=payout.currency,
        )


def _bank(actor: Actor, payout_ids: list[str]) -> Iterator[Moment]:
    ours = MatchBookLine.objects.filter(live=True, ledger_line__entry__source_id__in=payout_ids)
    matches = access.visible(actor, Match.objects.filter(pk__in=ours.values("match_id"))).select_related("bank_account")
    for match in matches.prefetch_related("bank_lines__statement_line"):
        seen = match.statement_lines[-1]
        yield Moment(
            at=match.matched_at,
            kind="bank",
            title="Seen on the bank statement",
            object_id=seen.id,
            detail=f"{match.bank_account}, {seen.posted_on}: {match.reason}",
            state="matched",
            state_label="Matched",
            amount_minor=match.amount_minor,
            currency=seen.currency,
        )
