"""Asking for a refund: what may still go back of a payment, and who must allow it."""

from __future__ import annotations

from django.conf import settings

from billing import cash
from compliance import access, approvals, audit
from compliance.permissions import Permission
from coverpay.kernel import clock, jobs, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import Money
from payments import accounts, outcomes, takings
from payments.models import Attempt, Payment, Refund

ACTION = "refund.give"
LIVE = (Refund.State.PLANNED, Refund.State.SUBMITTED, Refund.State.UNKNOWN)


class NotRefundable(Conflict):
    """Only a succeeded payment without a live refund, whose money is still with its policy, is given back."""

    code = "not_refundable"


class AmountAboveRefundable(Invalid):
    """More would be given back than what was taken and has not gone back yet."""

    code = "amount_above_refundable"


@command
def request(*, payment_id: str, reason: str, actor: Actor, amount_minor: int | None = None) -> Refund:
    """Plan to give back a succeeded payment, or a part of it; a worker sends it after the commit.

    Takes:  an amount up to what was taken and has not gone back; all of it by default.
    Raises: NotFound, Forbidden, NotRefundable, AmountAboveRefundable, Invalid without a reason; ApprovalRequired when
            more than `settings.REFUND_LIMIT_MINOR` goes back in all, unless someone else approved exactly this amount.
    """
    payment = access.get_operable(
        actor,
        Payment.objects.all(),
        payment_id,
        permission=Permission.PAYMENTS_WRITE,
        field="payment",
    )
    reason = texts.line(reason, field="reason", at_most=200)
    outcomes.lock_payment(payment.id)
    payment = Payment.objects.select_related("policy").get(pk=payment.id)
    return plan_locked(payment, amount_minor=amount_minor, reason=reason, actor=actor)


@step
def plan_locked(
    payment: Payment,
    *,
    reason: str,
    actor: Actor,
    amount_minor: int | None = None,
    disbursement_id: str = "",
) -> Refund:
    """Plan to give back a payment whose policies are locked.

    Takes:  the disbursement that goes out this way, which was approved on its own.
    Raises: NotRefundable, AmountAboveRefundable, Invalid, ApprovalRequired.
    """
    attempt = _refundable(payment)
    amount = Money(_amount(payment, attempt, amount_minor), payment.currency)
    permit_id = "" if disbursement_id else _permitted(payment, amount, actor)
    refund = Refund.objects.create(
        payment=payment,
        attempt=attempt,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        surcharge_minor=takings.surcharge_share(attempt, amount.amount_minor),
        reason=reason,
        permit_id=permit_id,
        disbursement_id=disbursement_id,
        next_check_at=clock.now(),
    )
    audit.record(
        action="refund.create",
        object_id=refund.id,
        organization_id=payment.policy.operator_id,
        after={"payment": payment.id, "amount_minor": refund.amount_minor, "surcharge_minor": refund.surcharge_minor},
        reason=reason,
    )
    jobs.wake("payments.submit_refund", refund.id)
    return refund


def refundable_minor(payment: Payment) -> int:
    """What of a payment may still be given back: taken, and neither gone back nor about to, minor units."""
    attempt = payment.attempts.filter(state=Attempt.State.SUCCEEDED).first()
    if payment.state != Payment.State.SUCCEEDED or attempt is None:
        return 0
    on_its_way = sum(payment.refunds.filter(state__in=LIVE).values_list("amount_minor", flat=True))
    return max((attempt.taken_minor or attempt.amount_minor) - takings.given_back(payment)[0] - on_its_way, 0)


def _refundable(payment: Payment) -> Attempt:
    """The attempt that took the money. Raises: NotRefundable."""
    attempt = payment.attempts.select_related("account", "payment").filter(state=Attempt.State.SUCCEEDED).first()
    if payment.state != Payment.State.SUCCEEDED or attempt is None:
        raise NotRefundable(
            f"The payment is {payment.get_state_display().lower()}; only a succeeded one is refunded.",
            field="payment",
        )
    if payment.refunds.filter(state__in=LIVE).exists():
        raise NotRefundable("A refund of this payment is on its way.", field="payment")
    return attempt


def _amount(payment: Payment, attempt: Attempt, amount_minor: int | None) -> int:
    most = refundable_minor(payment)
    amount = most if amount_minor is None else amount_minor
    if amount <= 0:
        raise Invalid("The amount must be above zero.", field="amount_minor")
    if amount > most:
        raise AmountAboveRefundable(
            f"At most {Money(most, payment.currency)} of this payment can go back.", field="amount_minor"
        )
    carried = sum(
        transfer.amount_minor
        for receipt in takings.receipts_of(payment)
        for transfer in cash.standing_transfers(receipt)
    )
    if carried and amount > most - carried:
        raise NotRefundable(
            "Money of this payment was carried to another policy; take that back first.", field="payment"
        )
    taken = attempt.taken_minor or attempt.amount_minor
    if amount < taken and not accounts.capabilities_of(attempt.account).partial_refunds:
        raise NotRefundable(f"{attempt.account} gives payments back whole only.", field="amount_minor")
    return amount


def _permitted(payment: Payment, amount: Money, actor: Actor) -> str:
    """The permit that is used up, above the limit; what went back before counts. Raises: ApprovalRequired."""
    before = payment.refunds.filter(disbursement_id="").exclude(state=Refund.State.DECLINED)
    together = amount.amount_minor + sum(before.values_list("amount_minor", flat=True))
    if together <= settings.REFUND_LIMIT_MINOR:
        return ""
    operator_id = payment.policy.operator_id
    permit = approvals.consume(
        organization_id=operator_id, action=ACTION, object_id=payment.id, amount=amount, actor=actor
    )
    return permit.id
