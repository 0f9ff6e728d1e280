"""Stop payment: withdraw what is not sent, and call back at the processor what it has not taken yet."""

from __future__ import annotations

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict
from payments import orders, outcomes
from payments.gateways.base import Outcome, Status
from payments.models import Attempt, Payment

S = Attempt.State


class CannotStop(Conflict):
    """The payment cannot be stopped any more, or not yet; the message says what to do instead."""

    code = "cannot_stop"


@command
def stop(*, payment_id: str, reason: str, actor: Actor) -> Payment:
    """Stop a payment: one that waits is withdrawn at once, one that is held or pending is called back by a worker.

    Whether a pending one could be called back comes as `payment.voided` or `payment.not_stopped`.

    Raises: NotFound, Forbidden, BadText, CannotStop with what to do.
    """
    access.get_operable(actor, Payment.objects.all(), payment_id, permission=Permission.PAYMENTS_WRITE, field="payment")
    reason = texts.line(reason, field="reason", at_most=200)
    last = Attempt.objects.filter(payment=payment_id).order_by("-number").values_list("id", flat=True)[0]
    attempt = outcomes.locked(last)
    if attempt.state == S.PLANNED:
        outcomes.voided(attempt, Outcome(Status.VOIDED, code="stopped", message=reason))
    elif attempt.state not in (S.AUTHORIZED, S.PENDING):
        raise CannotStop(_instead(attempt), field="payment", state=attempt.state)
    elif attempt.phase == Attempt.Phase.VOID:
        commands.unchanged()
    else:
        orders.plan_letting_go(attempt, reason)
    return attempt.payment


def _instead(attempt: Attempt) -> str:
    if attempt.state == S.SUCCEEDED:
        return "The money is taken; refund the payment instead."
    if attempt.state in (S.SUBMITTED, S.UNKNOWN):
        return "It is on its way, and nobody knows yet whether the money moved; wait for its outcome, then refund it."
    return f"The payment is {attempt.get_state_display().lower()} already; there is nothing to stop."
