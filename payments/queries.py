"""Reads of payments for pages: lists, what needs a person, and where the money of a payment is now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery

from compliance import access
from coverpay.kernel.actors import Actor
from payments.models import Attempt, Dispute, GatewayAccount, Payment, PaymentPart, Payout, PayoutLine, Refund
from reconciliation.ledger.models import Entry
from reconciliation.models import Break, Match, MatchBookLine
from reconciliation.queries import MATCH_SIDES

TAKEN = (Payment.State.SUCCEEDED, Payment.State.REFUNDED, Payment.State.RETURNED, Payment.State.DISPUTED)


@dataclass(frozen=True, slots=True)
class Stop:
    """One place the money of a payment passes: reached (when), here now, or still ahead."""

    title: str
    detail: str
    at: dt.datetime | None = None
    object_id: str = ""
    here: bool = False


def listed(text: str = "", show: str = "") -> QuerySet[Payment]:
    """Payments with the state of their last attempt; `show` is a payment state, unknown or nothing."""
    last = Attempt.objects.filter(payment=OuterRef("pk")).order_by("-number")
    rows = Payment.objects.select_related("invoice", "policy__insured").annotate(
        attempt_state=Subquery(last.values("state")[:1]),
        outcome_code=Subquery(last.values("outcome_code")[:1]),
    )
    if text:
        found = Q(policy__number__icontains=text) | Q(policy__insured__name__icontains=text)
        rows = rows.filter(found | Q(invoice__number__icontains=text) | Q(pk=text))
    if show == "unknown":
        return rows.filter(pk__in=Attempt.objects.filter(state=Attempt.State.UNKNOWN).values("payment"))
    return rows.filter(state=show) if show in Payment.State.values else rows


def one(actor: Actor, payment_id: str) -> Payment:
    """One visible payment with its parts, attempts, refunds and disputes. Raises: NotFound."""
    related = ("invoice", "policy__insured", "policy__operator", "payment_method")
    rows = Payment.objects.select_related(*related).prefetch_related(
        Prefetch("parts", PaymentPart.objects.select_related("invoice", "policy").order_by("position")),
        Prefetch("disputes", Dispute.objects.order_by("id")),
        Prefetch("attempts", Attempt.objects.select_related("account").order_by("number")),
        Prefetch("refunds", Refund.objects.order_by("id")),
    )
    return access.get(actor, rows, payment_id)


def entries_of(actor: Actor, payment: Payment, payouts: Sequence[PayoutLine]) -> list[Entry]:
    """The ledger entries that attempts, and payouts that held them, caused; as far as the actor may see books."""
    sources = [attempt.id for attempt in payment.attempts.all()] + [line.payout_id for line in payouts]
    sources += [refund.id for refund in payment.refunds.all()]
    of_disputes = Q()
    for dispute in payment.disputes.all():
        of_disputes |= Q(source_id__startswith=dispute.id)
    found = Entry.objects.filter(Q(source_id__in=sources) | of_disputes)
    return list(access.visible(actor, found).order_by("id"))


def breaks_of(actor: Actor, payment: Payment) -> list[Break]:
    """What does not tie about this payment's attempts, refunds and disputes, and waits for a person."""
    subjects = [attempt.id for attempt in payment.attempts.all()]
    subjects += [refund.id for refund in payment.refunds.all()]
    subjects += [dispute.id for dispute in payment.disputes.all()]
    rows = Break.objects.filter(subject_id__in=subjects, state=Break.State.OPEN).order_by("id")
    return list(access.visible(actor, rows))


def payout_lines_of(actor: Actor, payment: Payment) -> list[PayoutLine]:
    """The payout lines that name this payment's attempts or refunds."""
    references = [attempt.id for attempt in payment.attempts.all()] + [refund.id for refund in payment.refunds.all()]
    visible = access.visible(actor, Payout.objects.all())
    return list(
        PayoutLine.objects.filter(our_reference__in=references, payout__in=visible)
        .select_related("payout")
        .order_by("id")
    )


def bank_matches_of(actor: Actor, payout_ids: Sequence[str]) -> dict[str, Match]:
    """Where payouts were seen at the bank: payout id -> the standing match of its ledger line."""
    seen = MatchBookLine.objects.filter(live=True, ledger_line__entry__source_id__in=payout_ids)
    match_of = dict(seen.values_list("ledger_line__entry__source_id", "match_id"))
    found = access.visible(actor, Match.objects.filter(pk__in=match_of.values())).select_related("bank_account")
    matches = {match.id: match for match in found.prefetch_related(*MATCH_SIDES)}
    return {payout_id: matches[match_id] for payout_id, match_id in match_of.items() if match_id in matches}


def gateway_account_names(ids: Collection[str]) -> dict[str, str]:
    """Name processor accounts. The caller shows them only where the ids themselves were visible."""
    return {account.id: str(account) for account in GatewayAccount.objects.filter(pk__in=ids)}


def journey(payment: Payment, lines: Sequence[PayoutLine], matches: dict[str, Match]) -> list[Stop]:
    """Where the money of a payment has been and is: asked for, at the processor, in a payout, on the statement.

    Takes:  what `payout_lines_of` and `bank_matches_of` gave for this payment.
    """
    tried = list(payment.attempts.all())
    taken = next((attempt for attempt in tried if attempt.state == Attempt.State.SUCCEEDED), None)
    paid_out = next((line for line in lines if line.kind == PayoutLine.Kind.CHARGE), None)
    match = matches.get(paid_out.payout_id) if paid_out else None
    return _marked(
        [
            Stop("Initiated", f"by {payment.method}", payment.created_at),
            _at_processor(payment, taken, paid_out),
            _in_payout(taken, paid_out),
            _at_bank(paid_out, match),
        ]
    )


def _at_processor(payment: Payment, taken: Attempt | None, paid_out: PayoutLine | None) -> Stop:
    if taken is not None:
        return Stop("At the processor", taken.gateway_reference or taken.account.gateway, taken.decided_at)
    if paid_out is not None:
        return Stop("At the processor", "paid out, though its outcome is undecided here", paid_out.payout.created_at)
    nothing = payment.state == Payment.State.FAILED
    return Stop("At the processor", "no money moved" if nothing else "waiting for the outcome")


def _in_payout(taken: Attempt | None, line: PayoutLine | None) -> Stop:
    if line is None:
        return Stop("In a payout", "not paid out yet" if taken else "–")
    payout = line.payout
    return Stop("In a payout", f"{payout.reference}, {payout.paid_on}", payout.created_at, payout.id)


def _at_bank(paid_out: PayoutLine | None, match: Match | None) -> Stop:
    if match is None:
        return Stop("On the bank statement", "not seen yet" if paid_out else "–")
    seen = match.statement_lines[-1]
    where = f"{match.bank_account}, {seen.posted_on}"
    return Stop("On the bank statement", where, match.matched_at, seen.id)


def _marked(stops: list[Stop]) -> list[Stop]:
    """Mark the last stop reached as where the money is."""
    last = max(index for index, stop in enumerate(stops) if stop.at is not None)
    return [
        Stop(stop.title, stop.detail, stop.at, stop.object_id, here=index == last) for index, stop in enumerate(stops)
    ]
