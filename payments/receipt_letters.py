"""The receipt of a payment as a document."""

from __future__ import annotations

from billing import letters
from billing.letters import Addressee, Column, Due, Letter
from payments.models import Payment
from payments.receipts import Receipt


def pdf(receipt: Receipt) -> bytes:
    """The PDF of a receipt."""
    return letters.pdf(receipt_letter(receipt))


def receipt_letter(receipt: Receipt) -> Letter:
    """What a receipt's document says; a guest's names nobody."""
    payment, currency = receipt.payment, receipt.payment.currency
    taken = payment.attempts.order_by("-number").first()
    on = (taken.decided_at if taken and taken.decided_at else payment.created_at).date()
    rows = [[part.policy_number, part.number, letters.amount(part.amount_minor, currency)] for part in receipt.parts]
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
