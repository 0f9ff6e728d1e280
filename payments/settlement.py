"""Settlement: what processors paid out, line by line, into the books."""

from __future__ import annotations

import datetime as dt

from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import commands, ids
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from payments import accounts, journal
from payments.gateways.base import PayoutReport
from payments.models import Attempt, GatewayAccount, Payout, PayoutLine, Refund
from reconciliation import breaks
from reconciliation.models import Break


class PayoutDoesNotTie(Invalid):
    """The processor's net differs from its lines; nothing of it was recorded."""

    code = "payout_does_not_tie"


def import_payouts(*, account_id: str, since: dt.date, actor: Actor) -> list[Payout]:
    """Fetch an account's payouts since a day and record each that is new.

    Gives:  every payout the processor listed, recorded now or before.
    Raises: NotFound, Forbidden, PayoutDoesNotTie.
    """
    account = access.get_operable(
        actor,
        GatewayAccount.objects.all(),
        account_id,
        permission=Permission.RECONCILIATION_WRITE,
        field="account",
    )
    reports = accounts.gateway_of(account).payouts(account.merchant, since)
    return [record_payout(account_id=account.id, report=report, actor=actor) for report in reports]


@command
def record_payout(*, account_id: str, report: PayoutReport, actor: Actor) -> Payout:
    """Write one payout with its lines and postings, once.

    Posts:  Dr trust_cash, due_from_operating · Cr processor_clearing; Dr processor_fees · Cr due_to_trust.
    """
    account = access.get_operable(
        actor,
        GatewayAccount.objects.select_for_update(of=("self",)),
        account_id,
        permission=Permission.RECONCILIATION_WRITE,
        field="account",
    )
    known = Payout.objects.filter(account=account, reference=report.reference).first()
    if known is not None:
        commands.unchanged()
        return known
    _check(report)
    payout = Payout.objects.create(
        organization_id=account.organization_id,
        account=account,
        reference=report.reference,
        amount_minor=report.net.amount_minor,
        currency=report.net.currency,
        paid_on=report.paid_on,
    )
    lines = PayoutLine.objects.bulk_create(
        PayoutLine(
            id=ids.new("pyl"),
            payout=payout,
            kind=line.kind,
            gateway_reference=line.gateway_reference,
            our_reference=line.our_reference,
            gross_minor=line.gross_minor,
            fee_minor=line.fee_minor,
        )
        for line in report.lines
    )
    journal.payout_recorded(payout, lines)
    _break_unknown_lines(payout, lines)
    _tell(payout, lines)
    return payout


def _check(report: PayoutReport) -> None:
    net = sum(line.gross_minor - line.fee_minor for line in report.lines)
    if net != report.net.amount_minor:
        raise PayoutDoesNotTie(
            f"Payout {report.reference} says {report.net}, its lines sum to {Money(net, report.net.currency)}.",
            field="payout",
        )


def _break_unknown_lines(payout: Payout, lines: list[PayoutLine]) -> None:
    references = [line.our_reference for line in lines]
    ours = set(Attempt.objects.filter(pk__in=references, account_id=payout.account_id).values_list("id", flat=True))
    ours |= set(
        Refund.objects.filter(pk__in=references, attempt__account_id=payout.account_id).values_list("id", flat=True)
    )
    for line in lines:
        if line.our_reference not in ours:
            breaks.open_break(
                organization_id=payout.organization_id,
                kind=Break.Kind.PAYOUT_UNKNOWN_CHARGE,
                subject_id=line.id,
                difference=Money(line.gross_minor, payout.currency),
                reason=f"Payout {payout.reference} holds {line.kind} {line.gateway_reference}, which we do not know.",
                inputs={
                    "our_reference": line.our_reference,
                    "fee_minor": line.fee_minor,
                },
            )


def _tell(payout: Payout, lines: list[PayoutLine]) -> None:
    facts = {
        "reference": payout.reference,
        "net_minor": payout.amount_minor,
        "gross_minor": sum(line.gross_minor for line in lines),
        "fee_minor": sum(line.fee_minor for line in lines),
        "currency": payout.currency,
    }
    audit.record(
        action="payout.record",
        object_id=payout.id,
        organization_id=payout.organization_id,
        after=facts,
    )
    events.record(
        type="payout.recorded",
        organization_id=payout.organization_id,
        object_id=payout.id,
        data={"payout": payout.id, **facts},
    )
