"""Our side of what carriers and agencies state, read from the books: by policy and item, of a period."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F, Sum

from billing.models import Application, Receipt, TrustMovement
from payments.models import Deposit, DepositItem, Payment, PaymentPart, SourceKind, SourceStatement
from policies.models import Component, Participant, PayeeKind, Policy
from reconciliation.sides import WHOLE, Side

REMITTANCE = "remittance"
"""The item of a remittance as a whole; it belongs to no policy."""
ITEMS: dict[str, tuple[str, ...]] = {SourceKind.CARRIER: tuple(Component.values), SourceKind.AGENCY: ()}
"""What an item may be: a carrier's is a component; an agency's is an invoice's number."""
ROLES = {SourceKind.CARRIER: Participant.Role.CARRIER, SourceKind.AGENCY: Participant.Role.AGENCY}


def ours(statement: SourceStatement) -> list[Side]:
    """What our books say of the same policies, items and days."""
    if statement.kind == SourceKind.CARRIER:
        return [*_collected(statement), *_remitted(statement)]
    return [*_paid_online(statement), *_paid_by_deposit(statement)]


def policies_of(statement: SourceStatement, marks: Iterable[str]) -> dict[str, Policy]:
    """The policies that marks name: ours, with the other side in its role, and exactly that number."""
    rows = Policy.objects.filter(
        operator_id=statement.organization_id,
        number__in=set(marks),
        participants__organization_id=statement.counterparty_id,
        participants__role=ROLES[SourceKind(statement.kind)],
    )
    return {policy.number: policy for policy in rows}


def knows(organization_id: str, kind: str, counterparty_id: str) -> bool:
    """Whether an organization has that role on any policy of ours."""
    return Participant.objects.filter(
        policy__operator_id=organization_id, organization_id=counterparty_id, role=ROLES[SourceKind(kind)]
    ).exists()


def _collected(statement: SourceStatement) -> list[Side]:
    """Net of our commission, what was collected for the carrier: that is what is remitted, or remitted too early."""
    rows = Application.objects.filter(
        line__invoice__policy__operator_id=statement.organization_id,
        line__invoice__currency=statement.currency,
        line__payee_kind=PayeeKind.CARRIER,
        line__payee=statement.counterparty_id,
        applied_on__range=(statement.from_on, statement.to_on),
    )
    sums = (
        rows.order_by()
        .values_list("line__invoice__policy__number", "line__component")
        .annotate(net=Sum(F("amount_minor") - F("commission_minor")))
    )
    return [Side(number, component, net) for number, component, net in sums]


def _remitted(statement: SourceStatement) -> list[Side]:
    """The remittances the statement names, as they stand in our books."""
    if not statement.remittances:
        return []
    rows = TrustMovement.objects.filter(
        organization_id=statement.organization_id,
        owner=statement.counterparty_id,
        currency=statement.currency,
        reference__in=statement.remittances,
        kind=TrustMovement.Kind.WITHDRAWAL,
        state=TrustMovement.State.MADE,
    )
    return [Side("", REMITTANCE, sum(rows.values_list("amount_minor", flat=True)))]


def _paid_online(statement: SourceStatement) -> list[Side]:
    """What the agency paid by itself, through a processor, and what still stands of it."""
    parts = PaymentPart.objects.filter(
        policy__operator_id=statement.organization_id,
        policy__participants__organization_id=statement.counterparty_id,
        policy__participants__role=Participant.Role.AGENCY,
        payment__initiator=Payment.Initiator.AGENCY,
        payment__currency=statement.currency,
    ).select_related("policy", "invoice")
    by_source = {part.source_id: part for part in parts}
    stands = Receipt.objects.filter(
        source_id__in=by_source, received_on__range=(statement.from_on, statement.to_on), reversal__isnull=True
    )
    return [
        Side(by_source[source].policy.number, by_source[source].invoice.number, amount)
        for source, amount in stands.values_list("source_id", "amount_minor")
    ]


def _paid_by_deposit(statement: SourceStatement) -> list[Side]:
    """What came from agencies by check or wire and is placed on policies of this one."""
    rows = DepositItem.objects.filter(
        deposit__organization_id=statement.organization_id,
        deposit__kind=Deposit.Kind.AGENCY,
        deposit__received_on__range=(statement.from_on, statement.to_on),
        state=DepositItem.State.PLACED,
        currency=statement.currency,
        policy__participants__organization_id=statement.counterparty_id,
        policy__participants__role=Participant.Role.AGENCY,
    )
    return [
        Side(number, invoice or WHOLE, amount)
        for number, invoice, amount in rows.values_list("policy__number", "invoice__number", "amount_minor")
    ]
