"""Money that is only held: captured, all of it or a part, or let go."""

from __future__ import annotations

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, jobs, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import Money
from payments import orders, outcomes
from payments.models import Attempt, Payment

S, Phase = Attempt.State, Attempt.Phase


class NotHeld(Conflict):
    """The payment holds no money that could be captured or let go."""

    code = "not_held"


class CaptureAboveHeld(Invalid):
    """More is to be captured than is held."""

    code = "capture_above_held"


@command
def capture(*, payment_id: str, actor: Actor, amount_minor: int | None = None) -> Payment:
    """Take what a payment holds, or a part of it; the rest is let go by the processor.

    Less than what is held fills the payment's parts in their order, and takes the surcharge in proportion.

    Takes:  an amount up to what is held; all of it by default. The same again changes nothing.
    Raises: NotFound, Forbidden, NotHeld, CaptureAboveHeld, Invalid.
    """
    attempt = _held(payment_id, actor)
    wanted = attempt.amount_minor if amount_minor is None else amount_minor
    if wanted <= 0:
        raise Invalid("The amount must be above zero.", field="amount_minor")
    if wanted > attempt.amount_minor:
        held = Money(attempt.amount_minor, attempt.currency)
        raise CaptureAboveHeld(f"Only {held} is held.", field="amount_minor")
    if attempt.phase == Phase.CAPTURE and attempt.capture_minor == wanted:
        commands.unchanged()
        return attempt.payment
    if attempt.phase != Phase.CHARGE:
        raise NotHeld(f"The payment is about to be {attempt.get_phase_display().lower()}d already.", field="payment")
    attempt.phase, attempt.capture_minor = Phase.CAPTURE, wanted
    attempt.submit_count = 0
    attempt.next_check_at = clock.now()
    attempt.save(update_fields=["phase", "capture_minor", "submit_count", "next_check_at"])
    audit.record(
        action="payment.capture",
        object_id=attempt.payment_id,
        organization_id=attempt.payment.policy.operator_id,
        after={"attempt": attempt.id, "held_minor": attempt.amount_minor, "capture_minor": wanted},
    )
    jobs.wake("payments.submit", attempt.id)
    return attempt.payment


@command
def void(*, payment_id: str, reason: str, actor: Actor) -> Payment:
    """Let go what a payment holds; no money moves. What was planned to be captured, and is not sent yet, is let go too.

    Raises: NotFound, Forbidden, NotHeld, BadText.
    """
    reason = texts.line(reason, field="reason", at_most=200)
    attempt = _held(payment_id, actor)
    if attempt.phase == Phase.VOID:
        commands.unchanged()
    else:
        orders.plan_letting_go(attempt, reason)
    return attempt.payment


@step
def _held(payment_id: str, actor: Actor) -> Attempt:
    """The locked attempt of a payment that holds money. Raises: NotFound, Forbidden, NotHeld."""
    rows = Payment.objects.all()
    access.get_operable(actor, rows, payment_id, permission=Permission.PAYMENTS_WRITE, field="payment")
    last = Attempt.objects.filter(payment=payment_id).order_by("-number").values_list("id", flat=True)[0]
    attempt = outcomes.locked(last)
    if attempt.state != S.AUTHORIZED:
        raise NotHeld(f"The payment is {attempt.get_state_display().lower()}; nothing is held.", field="payment")
    return attempt
