"""Reads of payments for pages: lists, what needs a person, and what payouts and the bank say of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery

from compliance import access
from coverpay.kernel.actors import Actor
from payments.models import Attempt, Dispute, GatewayAccount, Payment, PaymentPart, Payout, PayoutLine, Refund
from reconciliation.ledger.models import Entry
from reconciliation.models import Break, Match, MatchBookLine
from reconciliation.queries import MATCH_SIDES

TAKEN = (Payment.State.SUCCEEDED, Payment.State.REFUNDED, Payment.State.RETURNED, Payment.State.DISPUTED)


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
