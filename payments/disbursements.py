"""Disbursements: unapplied cash paid out, once screened and, above a limit, allowed by another person.

Requested → (held) → approved → issued → cleared. From the issue on the books count it as paid: an outstanding check is
a ledger line that the bank has not shown yet. `payments.disbursing` moves on what is due, `payments.checks` writes the
checks.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Sum
from django_fsm import can_proceed

from billing import cash
from billing.models import ReturnPremium
from billing.pay_outs import NotEnoughUnapplied
from compliance import access, approvals, audit, events
from compliance.models import Screening
from compliance.permissions import Permission
from coverpay.kernel import clock, jobs, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid, NotFound
from coverpay.kernel.money import Money
from payments.models import Disbursement, PaymentMethod
from policies import locks
from policies.models import Party, Policy
from reconciliation.ledger.models import Fund
from reconciliation.models import BankAccount

S = Disbursement.State
ISSUE = "disbursement.issue"
RESERVED = (S.REQUESTED, S.HELD, S.APPROVED, S.SUBMITTED, S.UNKNOWN)


class WayNotUsable(Invalid):
    """The way of paying out needs a bank account, a payee's account or an address that is missing or does not fit."""

    code = "way_not_usable"


class ScreeningOpen(Conflict):
    """A possible match with a list of blocked persons waits for a person, or was found to be one."""

    code = "screening_open"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: how much, to whom and how. No amount: all that is free, or all of the return premium."""

    method: str
    amount_minor: int | None = None
    kind: str = Disbursement.Kind.OVERPAYMENT
    return_premium_id: str | None = None
    payee_id: str | None = None
    bank_account_id: str | None = None
    payment_method_id: str | None = None


@command
def request(*, policy_id: str, wish: Wish, reason: str, actor: Actor) -> Disbursement:
    """Ask for unapplied cash of a policy to be paid out. It is screened next; above the limit a permit is asked for.

    Raises: NotFound, Forbidden, NotEnoughUnapplied, WayNotUsable, Conflict (the return premium is on its way), BadText.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.PAYMENTS_WRITE, field="policy")
    reason = texts.line(reason, field="reason", at_most=300)
    policy = locks.lock(policy_id)
    return request_locked(policy, wish, reason=reason, actor=actor)


@step
def request_locked(
    policy: Policy, wish: Wish, *, reason: str, actor: Actor, reissues: Disbursement | None = None
) -> Disbursement:
    """Ask for a disbursement of a locked policy. Raises: as `request`."""
    owed = _return_premium(policy, wish.return_premium_id)
    amount = _amount(policy, wish, owed)
    payee = _payee(policy, wish.payee_id)
    made = Disbursement.objects.create(
        organization_id=policy.operator_id,
        policy=policy,
        return_premium=owed,
        kind=Disbursement.Kind.RETURN_PREMIUM if owed else _one_of(Disbursement.Kind.values, wish.kind, "kind"),
        method=_one_of(Disbursement.Method.values, wish.method, "method"),
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        payee=payee,
        payee_name=payee.name,
        address=_address(payee),
        reason=reason,
        reissues=reissues,
        due_on=owed.due_on if owed else None,
        next_check_at=clock.now(),
        requested_by=actor.id,
        **_way(policy, payee, wish, amount.currency),
    )
    if amount.amount_minor > settings.DISBURSEMENT_LIMIT_MINOR:
        permit = approvals.ask(
            organization_id=policy.operator_id,
            action=ISSUE,
            object_id=made.id,
            amount=amount,
            reason=reason,
            actor=actor,
        )
        made.permit_id = permit.id
        made.save(update_fields=["permit_id"])
    tell("disbursement.requested", made, reason=reason)
    jobs.wake("payments.advance_disbursement", made.id)
    return made


@command
def hold(*, disbursement_id: str, reason: str, actor: Actor) -> Disbursement:
    """Stop a disbursement that is not sent yet. Raises: NotFound, Forbidden, BadText, IllegalTransition."""
    made = locked(disbursement_id, actor)
    reason = texts.line(reason, field="reason", at_most=300)
    hold_locked(made, reason)
    return made


@command
def release(*, disbursement_id: str, reason: str, actor: Actor) -> Disbursement:
    """Let a held disbursement go on; it is screened again.

    Raises: NotFound, Forbidden, BadText, IllegalTransition, ScreeningOpen.
    """
    made = locked(disbursement_id, actor)
    reason = texts.line(reason, field="reason", at_most=300)
    screening = Screening.objects.filter(pk=made.screening_id).first()
    if screening is not None and screening.state in (Screening.State.POSSIBLE, Screening.State.BLOCKED):
        raise ScreeningOpen(
            f"Screening {screening.id} is {screening.get_state_display().lower()}; it is decided first.",
            field="disbursement",
            screening=screening.id,
        )
    move(made, "release", hold_reason="", next_check_at=clock.now())
    tell("disbursement.requested", made, reason=reason)
    jobs.wake("payments.advance_disbursement", made.id)
    return made


@command
def cancel(*, disbursement_id: str, reason: str, actor: Actor) -> Disbursement:
    """Give up a disbursement that is not sent yet; the cash stays with the policy.

    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    made = locked(disbursement_id, actor)
    reason = texts.line(reason, field="reason", at_most=300)
    move(made, "cancel", next_check_at=None, outcome_message=reason)
    tell("disbursement.cancelled", made, reason=reason)
    return made


def free_minor(policy: Policy) -> int:
    """Unapplied cash of a policy that no disbursement under way counts on, minor units."""
    under_way = Disbursement.objects.filter(policy=policy, state__in=RESERVED).aggregate(sum=Sum("amount_minor"))
    return cash.waiting_minor(policy) - (under_way["sum"] or 0)


@step
def locked(disbursement_id: str, actor: Actor, permission: Permission = Permission.PAYMENTS_WRITE) -> Disbursement:
    """Lock a disbursement's policy, then read it. Raises: NotFound, Forbidden."""
    found = access.get_operable(
        actor, Disbursement.objects.all(), disbursement_id, permission=permission, field="disbursement"
    )
    locks.lock(found.policy_id)
    return Disbursement.objects.select_related("policy", "bank_account").get(pk=found.pk)


@step
def hold_locked(made: Disbursement, reason: str) -> None:
    """Stop a locked disbursement, with the reason a person will read."""
    move(made, "hold", hold_reason=texts.shown(reason, 300), next_check_at=None)
    tell("disbursement.held", made, reason=reason)


@step
def move(made: Disbursement, verb: str, **changes: object) -> None:
    """Move a locked disbursement by one of its verbs. Raises: IllegalTransition, naming what it is."""
    transition = getattr(made, verb)
    if not transition_allowed(made, verb):
        raise IllegalTransition(
            f"The disbursement is {made.get_state_display().lower()}; this is not possible any more.",
            field="disbursement",
            state=made.state,
        )
    transition()
    for name, value in changes.items():
        setattr(made, name, value)
    made.save(update_fields=["state", *changes])


def transition_allowed(made: Disbursement, verb: str) -> bool:
    """Whether a verb is possible in the state the disbursement is in."""
    return can_proceed(getattr(made, verb))


@step
def tell(type: str, made: Disbursement, *, reason: str = "") -> None:
    """Keep and tell what became of a disbursement."""
    facts = {
        "state": made.state,
        "kind": made.kind,
        "method": made.method,
        "amount_minor": made.amount_minor,
        "currency": made.currency,
        "check_number": made.check_number,
    }
    audit.record(
        action=type,
        object_id=made.id,
        organization_id=made.organization_id,
        after={**facts, "payee": made.payee_id, "permit": made.permit_id, "screening": made.screening_id},
        reason=reason,
    )
    events.record(
        type=type,
        organization_id=made.organization_id,
        object_id=made.id,
        subject_id=made.policy_id,
        data={"disbursement": made.id, "policy": made.policy_id, **facts},
    )


def _return_premium(policy: Policy, return_premium_id: str | None) -> ReturnPremium | None:
    if return_premium_id is None:
        return None
    owed = ReturnPremium.objects.filter(pk=return_premium_id, policy=policy).first()
    if owed is None:
        raise NotFound(f"The policy has no return premium {return_premium_id}.", field="return_premium")
    ended = (S.VOIDED, S.CANCELLED, S.FAILED, S.RETURNED)
    standing = Disbursement.objects.filter(return_premium=owed).exclude(state__in=ended).first()
    if standing is not None:
        raise Conflict(
            f"Disbursement {standing.id} of this return premium is {standing.get_state_display().lower()}.",
            field="return_premium",
            disbursement=standing.id,
        )
    return owed


def _amount(policy: Policy, wish: Wish, owed: ReturnPremium | None) -> Money:
    free = free_minor(policy)
    currency = policy.program.currency
    wanted = wish.amount_minor
    if wanted is None:
        wanted = owed.refundable_minor if owed else free
    if wanted <= 0 and free > 0:
        raise Invalid("The amount must be above zero.", field="amount_minor")
    if owed is not None and wanted > owed.refundable_minor:
        raise Invalid(f"Only {Money(owed.refundable_minor, currency)} of it is owed in cash.", field="amount_minor")
    if wanted > free or free <= 0:
        raise NotEnoughUnapplied(
            f"Only {Money(max(free, 0), currency)} of the policy's cash is unapplied and free to go out.",
            field="amount_minor",
            free_minor=max(free, 0),
        )
    return Money(wanted, currency)


def _payee(policy: Policy, payee_id: str | None) -> Party:
    if payee_id is None:
        return policy.insured
    payee = Party.objects.filter(pk=payee_id, organization_id=policy.operator_id).first()
    if payee is None:
        raise NotFound(f"No party {payee_id}.", field="payee")
    return payee


def _way(policy: Policy, payee: Party, wish: Wish, currency: str) -> dict[str, object]:
    if wish.method == Disbursement.Method.ORIGINAL:
        return {}
    bank = BankAccount.objects.filter(pk=wish.bank_account_id, organization_id=policy.operator_id).first()
    if bank is None or bank.currency != currency or bank.ledger_account.fund != Fund.TRUST:
        raise WayNotUsable(f"Name the trust bank account in {currency} that pays it.", field="bank_account")
    if wish.method == Disbursement.Method.CHECK:
        if not (payee.address_line and payee.city and payee.state and payee.postal_code):
            raise WayNotUsable(f"{payee.name} has no complete address for a check.", field="payee")
        return {"bank_account": bank}
    own = PaymentMethod.objects.filter(pk=wish.payment_method_id, party=payee, kind=PaymentMethod.Kind.ACH).first()
    if own is None or own.state in (PaymentMethod.State.BLOCKED, PaymentMethod.State.REMOVED):
        raise WayNotUsable(f"Name a bank account of {payee.name} that is not blocked.", field="payment_method")
    return {"bank_account": bank, "payment_method": own}


def _address(payee: Party) -> str:
    town = " ".join(part for part in (payee.state, payee.postal_code) if part)
    return ", ".join(part for part in (payee.address_line, payee.city, town) if part)


def _one_of(words: list[str], word: str, field: str) -> str:
    if word not in words:
        raise Invalid(f"One of {', '.join(words)}.", field=field)
    return word


def overdue(organization_id: str, on: dt.date) -> int:
    """How many return premiums are past the last lawful day and not issued yet."""
    waiting = Disbursement.objects.filter(organization_id=organization_id, state__in=RESERVED, due_on__lt=on)
    return waiting.count()
