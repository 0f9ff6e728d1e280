"""What an attempt asks of its gateway: the charge, the capture of what is held, or letting it go."""

from __future__ import annotations

from dataclasses import dataclass

from compliance import audit
from coverpay.kernel import clock, jobs
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from payments import collection, mandates
from payments.gateways.base import CaptureOrder, Charge
from payments.models import Attempt, Payment

S, Phase = Attempt.State, Attempt.Phase


@dataclass(frozen=True, slots=True)
class LettingGo:
    """A charge to let go, by our reference."""

    merchant: str
    charge_reference: str


Order = Charge | CaptureOrder | LettingGo


def to_send(state: str, phase: str) -> bool:
    """Whether something is to be sent for an attempt, rather than asked about it."""
    if state == S.PLANNED:
        return True
    return (state == S.AUTHORIZED and phase != Phase.CHARGE) or (state == S.PENDING and phase == Phase.VOID)


@step
def of(attempt: Attempt) -> Order:
    """The order to send for a locked attempt in its phase."""
    merchant = attempt.account.merchant
    if attempt.phase == Phase.VOID:
        return LettingGo(merchant, attempt.id)
    if attempt.phase == Phase.CAPTURE:
        amount = Money(attempt.capture_minor or attempt.amount_minor, attempt.currency)
        return CaptureOrder(merchant, attempt.id, amount, attempt.gateway_reference)
    return _charge(attempt)


@step
def plan_letting_go(attempt: Attempt, reason: str) -> None:
    """Plan to let go what a locked attempt holds, or has pending."""
    attempt.phase = Phase.VOID
    attempt.submit_count = 0
    attempt.next_check_at = clock.now()
    attempt.save(update_fields=["phase", "submit_count", "next_check_at"])
    audit.record(
        action="attempt.let_go",
        object_id=attempt.id,
        organization_id=attempt.payment.policy.operator_id,
        after={"state": attempt.state, "phase": attempt.phase},
        reason=reason,
    )
    jobs.wake("payments.submit", attempt.id)


def _charge(attempt: Attempt) -> Charge:
    payment = attempt.payment
    token, customer = collection.token_at(payment, attempt.account)
    kept = payment.payment_method
    return Charge(
        reference=attempt.id,
        merchant=attempt.account.merchant,
        amount=Money(attempt.amount_minor, attempt.currency),
        method=payment.method,
        token=token,
        description=f"Invoice {payment.invoice.number}",
        capture=payment.capture,
        customer=customer,
        network_transaction_id=kept.network_transaction_id if kept else "",
        present=payment.initiator in (Payment.Initiator.PAYOR, Payment.Initiator.AGENCY),
        sec_code=_sec_code(payment),
        represents=_returned_charge(payment),
    )


def _sec_code(payment: Payment) -> str:
    """How a bank debit is presented: as the mandate it was begun under says."""
    if payment.payment_method is None or payment.method != "ach":
        return ""
    policies = list(payment.parts.values_list("policy_id", flat=True))
    return mandates.sec_code_for(payment.payment_method, policy_ids=policies, initiator=Payment.Initiator.RECOVERY)


def _returned_charge(payment: Payment) -> str:
    """The attempt that was returned and is presented again, if any."""
    if not payment.represents_id:
        return ""
    rows = Attempt.objects.filter(payment=payment.represents_id, state=S.SUCCEEDED)
    return rows.order_by("-number").values_list("id", flat=True).first() or ""
