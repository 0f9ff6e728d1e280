"""Start collecting: one live charge per invoice, its key made and stored before anything is sent."""

from __future__ import annotations

from billing import invoices
from billing.models import Invoice
from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, jobs, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import Money
from payments import accounts, routing
from payments.models import Attempt, Payment, PaymentPart
from policies import locks
from policies.models import Policy


class PaymentInProgress(Conflict):
    """Another charge for the same invoice is alive; wait for its outcome."""

    code = "payment_in_progress"


class NothingOwed(Conflict):
    """Everything on the invoice is paid."""

    code = "nothing_owed"


class AmountAboveOpen(Invalid):
    """The amount is more than what is open on the invoice."""

    code = "amount_above_open"


class CardNumberRefused(Invalid):
    """What was sent as a token looks like a card number, which never belongs here."""

    code = "card_number_refused"


@command
def collect(
    *,
    invoice_id: str,
    method: str,
    token: str,
    actor: Actor,
    amount_minor: int | None = None,
) -> Payment:
    """Plan a charge for an invoice; a worker sends it after the commit.

    Takes:  `method` card or ach; the processor's `token` for it; an amount up to what is open (all of it by default).
    Raises: NotFound, Forbidden, NothingOwed, PaymentInProgress (with the payment), AmountAboveOpen, NoRoute, Invalid.
    """
    invoice = access.get_operable(
        actor,
        Invoice.objects.all(),
        invoice_id,
        permission=Permission.PAYMENTS_WRITE,
        field="invoice",
    )
    token = checked_token(method, token)
    policy = locks.lock(invoice.policy_id)
    return collect_locked(policy, invoice, method=method, token=token, amount_minor=amount_minor)


@step
def collect_locked(
    policy: Policy, invoice: Invoice, *, method: str, token: str, amount_minor: int | None = None
) -> Payment:
    """Plan a charge for an invoice of a locked policy, with a checked token.

    Raises: NothingOwed, PaymentInProgress, AmountAboveOpen, NoRoute, Invalid.
    """
    amount = Money(_amount(invoice, amount_minor), invoice.currency)
    live = Attempt.objects.filter(invoice=invoice, state__in=Attempt.LIVE).first()
    if live is not None:
        raise PaymentInProgress(
            f"Payment {live.payment_id} of this invoice is {live.get_state_display().lower()}; wait for its outcome.",
            field="invoice",
            payment=live.payment_id,
        )
    decision = accounts.route(policy.operator_id, method, amount)
    payment = Payment.objects.create(
        policy=policy,
        invoice=invoice,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        method=method,
        token=token,
    )
    PaymentPart.objects.create(payment=payment, policy=policy, invoice=invoice, amount_minor=amount.amount_minor)
    attempt = Attempt.objects.create(
        payment=payment,
        invoice=invoice,
        account_id=decision.account_id,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        routing=decision.as_json(),
        next_check_at=clock.now(),
    )
    _tell(payment, attempt, policy.operator_id)
    jobs.wake("payments.submit", attempt.id)
    return payment


def _tell(payment: Payment, attempt: Attempt, operator_id: str) -> None:
    facts = {
        "invoice": payment.invoice_id,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "method": payment.method,
    }
    audit.record(
        action="payment.create",
        object_id=payment.id,
        organization_id=operator_id,
        after={**facts, "attempt": attempt.id, "routing": attempt.routing},
    )
    events.record(
        type="payment.created",
        organization_id=operator_id,
        object_id=payment.id,
        subject_id=payment.policy_id,
        data={"payment": payment.id, "policy": payment.policy_id, **facts},
    )


def checked_token(method: str, token: str) -> str:
    """The token without spaces around it. Raises: Invalid, BadText, CardNumberRefused."""
    if method not in routing.METHODS:
        raise Invalid("The method is card or ach.", field="method")
    token = texts.line(token, field="token", at_most=120)
    digits = "".join(character for character in token if character.isalnum())
    if digits.isdecimal() and 12 <= len(digits) <= 19 and _luhn(digits):
        raise CardNumberRefused(
            "This looks like a card number. Send the processor's token instead.",
            field="token",
        )
    return token


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: the check digit of card numbers."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _amount(invoice: Invoice, amount_minor: int | None) -> int:
    still_open = invoices.open_minor(invoice)
    if still_open <= 0:
        raise NothingOwed(f"Invoice {invoice.number} is paid.", field="invoice")
    if amount_minor is None:
        return still_open
    if amount_minor <= 0:
        raise Invalid("The amount must be above zero.", field="amount_minor")
    if amount_minor > still_open:
        raise AmountAboveOpen(
            f"Only {Money(still_open, invoice.currency)} is open on invoice {invoice.number}.",
            field="amount_minor",
        )
    return amount_minor
