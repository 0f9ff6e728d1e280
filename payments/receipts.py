"""Receipts: what a payor paid, for what and how, on a page and by e-mail; `receipt_letters` is the document."""

from __future__ import annotations

from dataclasses import dataclass

from coverpay.kernel import clock
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from payments import messages, payable
from payments.models import PayLink, Payment

PAID = (Payment.State.SUCCEEDED, Payment.State.REFUNDED, Payment.State.RETURNED, Payment.State.DISPUTED)


@dataclass(frozen=True, slots=True)
class Paid:
    """What a payment paid of one bill, with the numbers as its payor may see them."""

    number: str
    policy_number: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment as its payor sees it, with what it paid in order."""

    payment: Payment
    parts: tuple[Paid, ...]
    method: str
    payor: str = ""


def of(payment: Payment, link: PayLink | None = None) -> Receipt:
    """The receipt of a payment, for whoever made it by a link; without one, for the policy's insured."""
    rows = payment.parts.select_related("invoice", "policy").order_by("position")

    def number(text: str) -> str:
        return payable.shown(text, link) if link is not None else text

    parts = (Paid(number(row.invoice.number), number(row.policy.number), row.amount_minor) for row in rows)
    party = link.party if link is not None else payment.policy.insured
    return Receipt(payment, tuple(parts), method_words(payment), party.name if party else "")


def method_words(payment: Payment) -> str:
    """How it was paid, without a number: Visa ending in 4242."""
    kept = payment.payment_method
    kind = "card" if payment.method == "card" else "bank account"
    if kept is None:
        return kind.capitalize()
    return (
        f"{kept.brand or kind.capitalize()} ending in {kept.last4}" if kept.last4 else kept.brand or kind.capitalize()
    )


@step
def tell_locked(payment: Payment) -> None:
    """Plan the receipt's e-mail for a payment that its payor made or scheduled; a guest left no address."""
    if payment.initiator not in (Payment.Initiator.PAYOR, Payment.Initiator.SCHEDULE):
        return
    link = PayLink.objects.filter(payment=payment).select_related("party").first()
    kept = payment.payment_method
    party = link.party if link is not None else (kept.party if kept is not None else None)
    if party is None:
        return
    receipt, currency = of(payment, link), payment.currency
    messages.plan_locked(
        "receipt",
        organization=payment.policy.operator,
        key=f"receipt:{payment.id}",
        subject_id=payment.id,
        party=party,
        policy=payment.policy,
        context={
            "amount": Money(payment.amount_minor, currency),
            "paid_on": clock.today(),
            "method": receipt.method,
            "lines": [f"Bill {part.number}: {Money(part.amount_minor, currency)}" for part in receipt.parts],
            "surcharge": Money(payment.surcharge_minor, currency) if payment.surcharge_minor else None,
        },
    )
