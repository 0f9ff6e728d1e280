"""Settlement: what processors paid out, line by line, into the books."""

from __future__ import annotations

import datetime as dt

from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import commands, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Busy, DomainError, Invalid
from coverpay.kernel.ids import is_id
from coverpay.kernel.money import Money
from payments import accounts, journal
from payments.gateways.base import NotSent, PayoutLineReport, PayoutReport
from payments.models import Attempt, GatewayAccount, Payout, PayoutLine, Refund
from reconciliation import breaks
from reconciliation.models import Break


class PayoutDoesNotTie(Invalid):
    """What the processor reports does not add up, or cannot have reached the bank account; nothing was recorded."""

    code = "payout_does_not_tie"


class GatewayAway(Busy):
    """The processor cannot be reached right now."""

    code = "gateway_away"


def import_payouts(*, account_id: str, since: dt.date, actor: Actor) -> list[Payout]:
    """Fetch an account's payouts since a day and record each that is new. One that is refused stops no other.

    Gives:  every payout the processor listed, recorded now or before.
    Raises: NotFound, Forbidden, GatewayAway, and the first refusal after all others are recorded.
    """
    account = access.get_operable(
        actor,
        GatewayAccount.objects.all(),
        account_id,
        permission=Permission.RECONCILIATION_WRITE,
        field="account",
    )
    try:
        reports = accounts.gateway_of(account).payouts(account.merchant, since)
    except NotSent as error:
        raise GatewayAway(f"{account} cannot be reached ({error}); try again later.", field="account") from None
    recorded: list[Payout] = []
    refused: list[DomainError] = []
    for report in reports:
        try:
            recorded.append(record_payout(account_id=account.id, report=report, actor=actor))
        except DomainError as error:
            refused.append(error)
    if refused:
        raise refused[0]
    return recorded


@command
def record_payout(*, account_id: str, report: PayoutReport, actor: Actor) -> Payout:
    """Write one payout with its lines and postings, once.

    Posts:  Dr trust_cash, due_from_operating · Cr processor_clearing; Dr processor_fees · Cr due_to_trust.
    """
    account = access.get_operable(
        actor,
        GatewayAccount.objects.select_for_update(of=("self",), no_key=True).select_related("bank_account"),
        account_id,
        permission=Permission.RECONCILIATION_WRITE,
        field="account",
    )
    payout, created = record_locked(account, report)
    if not created:
        commands.unchanged()
    return payout


@step
def record_locked(account: GatewayAccount, report: PayoutReport) -> tuple[Payout, bool]:
    """Write one payout of a locked account, once. Gives: it, and whether it is new.

    Posts:  as `record_payout`.
    Raises: PayoutDoesNotTie.
    """
    known = Payout.objects.filter(account=account, reference=report.reference).first()
    if known is not None:
        return known, False
    _check(report, account)
    payout = Payout.objects.create(
        organization_id=account.organization_id,
        account=account,
        reference=report.reference,
        amount_minor=report.net.amount_minor,
        currency=report.net.currency,
        paid_on=report.paid_on,
    )
    unknown = _unknown_lines(report, account)
    lines = [
        PayoutLine(
            id=ids.new("pyl"),
            payout=payout,
            kind=line.kind,
            gateway_reference=texts.shown(line.gateway_reference, 80),
            our_reference="" if position in unknown or line.kind == PayoutLine.Kind.FEE else line.our_reference,
            gross_minor=line.gross_minor,
            fee_minor=line.fee_minor,
        )
        for position, line in enumerate(report.lines)
    ]
    PayoutLine.objects.bulk_create(lines)
    journal.payout_recorded(payout, lines)
    for position, why in unknown.items():
        _open_break(payout, lines[position], report.lines[position], why)
    _tell(payout, lines)
    return payout, True


def _check(report: PayoutReport, account: GatewayAccount) -> None:
    net = sum(line.gross_minor - line.fee_minor for line in report.lines)
    if net != report.net.amount_minor:
        raise PayoutDoesNotTie(
            f"Payout {report.reference} says {report.net}, its lines sum to {Money(net, report.net.currency)}.",
            field="payout",
        )
    if report.net.currency != account.bank_account.currency:
        raise PayoutDoesNotTie(
            f"Payout {report.reference} is in {report.net.currency}, its bank account in "
            f"{account.bank_account.currency}.",
            field="payout",
        )
    for line in report.lines:
        if line.kind not in PayoutLine.Kind.values:
            raise PayoutDoesNotTie(f"Payout {report.reference} has a line of kind {line.kind!r}.", field="payout")
        if line.kind == PayoutLine.Kind.FEE and line.gross_minor:
            raise PayoutDoesNotTie(f"Payout {report.reference} has a fee that moves money besides.", field="payout")


def _unknown_lines(report: PayoutReport, account: GatewayAccount) -> dict[int, str]:
    """The lines that no attempt or refund of ours stands behind, or that were paid out before: position and why."""
    references = {line.our_reference for line in report.lines if is_id(line.our_reference)}
    ours = {
        PayoutLine.Kind.CHARGE: set(
            Attempt.objects.filter(pk__in=references, account=account).values_list("id", flat=True)
        ),
        PayoutLine.Kind.REFUND: set(
            Refund.objects.filter(pk__in=references, attempt__account=account).values_list("id", flat=True)
        ),
    }
    for kind in (PayoutLine.Kind.RETURN, PayoutLine.Kind.DISPUTE, PayoutLine.Kind.DISPUTE_WON):
        ours[kind] = ours[PayoutLine.Kind.CHARGE]
    paid = set(PayoutLine.objects.filter(our_reference__in=references).values_list("our_reference", "kind"))
    unknown: dict[int, str] = {}
    for position, line in enumerate(report.lines):
        if line.kind == PayoutLine.Kind.FEE:
            continue  # what the processor keeps for the account belongs to no charge
        if line.our_reference not in ours[PayoutLine.Kind(line.kind)]:
            unknown[position] = "which we do not know"
        elif (line.our_reference, line.kind) in paid:
            unknown[position] = "which was paid out before"
        paid.add((line.our_reference, line.kind))
    return unknown


def _open_break(payout: Payout, line: PayoutLine, reported: PayoutLineReport, why: str) -> None:
    breaks.open_break(
        organization_id=payout.organization_id,
        kind=Break.Kind.PAYOUT_UNKNOWN_CHARGE,
        subject_id=line.id,
        difference=Money(line.gross_minor, payout.currency),
        reason=f"Payout {payout.reference} holds {line.kind} {line.gateway_reference}, {why}.",
        inputs={"our_reference": texts.shown(reported.our_reference, 80), "fee_minor": line.fee_minor},
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
