"""Payments a payor says are on their way: kept as expected, and made by the deposit that brings the money."""

from __future__ import annotations

from collections.abc import Sequence

from billing.models import Invoice
from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Invalid, NotFound
from payments import collection
from payments.collection import Source, Wanted
from payments.gateways.manual import Manual
from payments.models import Payment
from policies import locks

METHODS = tuple(sorted(Manual.capabilities.methods))


@command
def announce(
    *, items: Sequence[Wanted], method: str, note: str, actor: Actor, initiator: str = Payment.Initiator.STAFF
) -> Payment:
    """Expect a check, wire, cash or funding for one invoice or several of one operator; nobody is charged.

    Takes:  `note`, what is known of it (a check's number, who sends it).
    Raises: NotFound, Forbidden, BadText, Invalid (method), NotTogether, NothingOwed, PaymentInProgress,
            AmountAboveOpen, NoRoute.
    """
    access.require(actor, Permission.PAYMENTS_WRITE)
    if method not in METHODS:
        raise Invalid(f"What is announced is one of {', '.join(METHODS)}.", field="method")
    note = texts.line(note, field="note", at_most=120)
    asked = {item.invoice_id for item in items}
    policies = dict(access.operable(actor, Invoice.objects.filter(pk__in=asked)).values_list("id", "policy_id"))
    if not asked or asked - set(policies):
        raise NotFound("Not every one of these is an invoice of yours.", field="invoices")
    locked = {policy.id: policy for policy in locks.lock_many(set(policies.values()))}
    return collection.collect_locked(locked, items, source=Source(method, token=note), initiator=initiator)
