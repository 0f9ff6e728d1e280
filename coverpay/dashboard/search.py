"""Find anything by what staff have at hand: a number, a name, a reference or an id."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from billing.models import Invoice
from compliance import access
from coverpay.kernel.actors import Actor
from payments.models import Payment, Payout
from policies.models import Policy

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought, at most SHOWN of each kind, newest first."""

    policies: list[Policy]
    invoices: list[Invoice]
    payments: list[Payment]
    payouts: list[Payout]

    def __bool__(self) -> bool:
        return bool(self.policies or self.invoices or self.payments or self.payouts)


def search(actor: Actor, text: str) -> Found:
    """Search the numbers, names and references that the actor may see."""
    insured = Q(insured__name__icontains=text) | Q(insured__reference=text)
    policies = Policy.objects.filter(Q(number__icontains=text) | insured).select_related("insured", "program")
    invoices = Invoice.objects.filter(number__icontains=text).select_related("policy__insured")
    payments = Payment.objects.filter(attempts__gateway_reference=text).select_related("invoice", "policy__insured")
    payouts = Payout.objects.filter(reference__icontains=text).select_related("account")
    return Found(
        policies=list(access.visible(actor, policies).order_by("-id")[:SHOWN]),
        invoices=list(access.visible(actor, invoices).order_by("-id")[:SHOWN]),
        payments=list(access.visible(actor, payments).order_by("-id").distinct()[:SHOWN]),
        payouts=list(access.visible(actor, payouts).order_by("-id")[:SHOWN]),
    )
