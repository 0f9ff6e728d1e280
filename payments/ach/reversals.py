"""Reversals: a debit that was a mistake of ours goes back whole, within five banking days, once.

The books see it as a refund; only the entry is described REVERSAL, as the receiver's bank expects it.
"""

from __future__ import annotations

from enum import StrEnum

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, Invalid, RuleViolation
from payments import outcomes, refunds
from payments.ach import calendar, codes, staging, terms
from payments.ach.staging import Order
from payments.models import AchEntry, Attempt, GatewayAccount, Payment

Purpose, State = AchEntry.Purpose, AchEntry.State


class Why(StrEnum):
    """The mistakes that the rules let an originator reverse."""

    DUPLICATE = "duplicate"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_DATE = "wrong_date"


class NotReversible(Conflict):
    """Only a settled debit of ours that was not reversed before is reversed."""

    code = "ach_not_reversible"


class ReversalTooLate(RuleViolation):
    """The five banking days after settlement are over; give the money back as a refund."""

    code = "ach_reversal_too_late"


@command
def reverse(*, entry_id: str, why: str, note: str, actor: Actor) -> AchEntry:
    """Send a settled debit back whole, because it was a mistake. The right one is collected anew.

    Takes:  `why` duplicate, wrong_amount or wrong_date; `note`, what happened.
    Gives:  the reversing entry, staged for the next file.
    Raises: NotFound, Forbidden, Invalid, BadText, NotReversible, ReversalTooLate, NotRefundable, ApprovalRequired above
            the limit of refunds.
    """
    found = access.get_operable(
        actor, AchEntry.objects.all(), entry_id, permission=Permission.PAYMENTS_WRITE, field="entry"
    )
    if why not in list(Why):
        raise Invalid(f"An entry is reversed for {', '.join(Why)}.", field="why")
    note = texts.line(note, field="note", at_most=160)
    attempt = Attempt.objects.filter(pk=found.reference).first() if found.purpose == Purpose.CHARGE else None
    if attempt is None:
        raise NotReversible("Only the debit of a payment is reversed.", field="entry")
    outcomes.lock_payment(attempt.payment_id)
    account = GatewayAccount.objects.get(pk=found.account_id)
    rows = AchEntry.objects.select_for_update(of=("self",), no_key=True).select_related("payment_method__party")
    entry = rows.get(pk=found.pk)
    _check(entry, account)
    payment = Payment.objects.select_related("policy").get(pk=attempt.payment_id)
    refund = refunds.plan_locked(
        payment, amount_minor=entry.amount_minor, reason=f"Reversal, {why}: {note}", actor=actor
    )
    order = Order(
        reference=refund.id,
        purpose=Purpose.REVERSAL,
        amount_minor=entry.amount_minor,
        takes=False,
        sec_code=entry.sec_code,
        receiver_id=entry.receiver_id,
        reverses=entry,
    )
    reversal = staging.stage_locked(account, entry.payment_method, order)
    audit.record(
        action="ach_entry.reverse",
        object_id=entry.id,
        organization_id=account.organization_id,
        after={"reversal": reversal.id, "refund": refund.id, "why": why},
        reason=note,
    )
    return reversal


def _check(entry: AchEntry, account: GatewayAccount) -> None:
    if AchEntry.objects.filter(reverses=entry).exists():
        raise NotReversible("It was reversed before.", field="entry")
    if entry.state != State.SETTLED or entry.settles_on is None:
        raise NotReversible(
            f"It is {entry.get_state_display().lower()}; only a settled debit is reversed.", field="entry"
        )
    until = calendar.reversal_deadline(entry.settles_on, codes.reversal_banking_days())
    if terms.read(account.settings).file_day(clock.now()) > until:
        raise ReversalTooLate(
            f"A reversal had to be sent by {until.isoformat()}; refund the payment instead.",
            citation=staging.RULES,
            field="entry",
        )
