"""Receipts: what a payor paid, for what and how, as a page, a PDF and an e-mail."""

from __future__ import annotations

from dataclasses import dataclass

from billing import letters
from billing.letters import Addressee, Column, Due, Letter
from payments import payable
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


def receipt_pdf(receipt: Receipt) -> bytes:
    """The PDF of a receipt."""
    return letters.pdf(receipt_letter(receipt))


def receipt_letter(receipt: Receipt) -> Letter:
    """What a receipt's document says; a guest's names nobody."""
    payment, currency = receipt.payment, receipt.payment.currency
    taken = payment.attempts.order_by("-number").first()
    on = (taken.decided_at if taken and taken.decided_at else payment.created_at).date()
    rows = [
        [part.policy_number, part.number, letters.amount(part.amount_minor, currency)] for part in receipt.parts
    ]
    if payment.surcharge_minor:
        rows.append(["", "Fee for this way of paying", letters.amount(payment.surcharge_minor, currency)])
    columns = [Column("Policy"), Column("Bill", wide=True), Column("Paid", figure=True)]
    total = ["Total", "", letters.amount(payment.amount_minor, currency)]
    return Letter(
        title="Receipt",
        number=payment.id,
        dated=on,
        sender=payment.policy.operator.name,
        recipient=Addressee(receipt.payor or "Our customer", [], "Received from"),
        facts=[("Receipt", payment.id), ("Paid on", letters.day(on)), ("Paid by", receipt.method)],
        due=Due("Amount paid", letters.full(payment.amount_minor, currency), _standing(payment)),
        sections=[letters.table("What was paid", columns, rows, total)],
    )


def _standing(payment: Payment) -> str:
    return {
        Payment.State.SUCCEEDED: "Thank you.",
        Payment.State.REFUNDED: "This payment was given back.",
        Payment.State.RETURNED: "The bank took this payment back; what it paid is owed again.",
        Payment.State.DISPUTED: "This payment is disputed.",
    }.get(Payment.State(payment.state), "This payment is not final yet.")
