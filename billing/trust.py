"""Draws, remittances, interest and repayments of trust money; no withdrawal leaves less than owners are owed.

The ledger itself refuses an entry of a withdrawal that breaches the floor (SQLSTATE CP020), whoever posts it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings

from billing import journal
from billing.models import TrustMovement
from compliance import access, approvals, audit, events, explanations
from compliance.explanations import Figure
from compliance.permissions import Permission
from compliance.rules import lookup
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid, RuleViolation
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money
from reconciliation import trust
from reconciliation.ledger import accounts
from reconciliation.ledger.models import Book, Fund
from reconciliation.models import BankAccount
from reconciliation.trust import Position

ACTION = "trust.withdraw"
DRAWS = {
    "commission_in_trust": "commission_income",
    "fee_in_trust": "fee_income",
    "interest_in_trust": "interest_income",
}
"""What is ours to draw, and the income it becomes."""
REMITS = ("premium_payable", "carrier_fee_payable", "tax_payable")
Kind = TrustMovement.Kind


class TrustFloorBreached(RuleViolation):
    """The withdrawal would leave less in the fiduciary accounts than owners are owed."""

    code = "trust_floor_breached"


class MoreThanOwed(Conflict):
    """Nobody is paid more than was received for them and is still here."""

    code = "more_than_owed"


class NotAWithdrawal(Invalid):
    """The account cannot be drawn from like this."""

    code = "not_a_withdrawal"


class InterestNotOurs(RuleViolation):
    """No established rule lets us keep the interest of fiduciary money in that state; a person must decide."""

    code = "interest_not_ours"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What is to leave: of which account and owner, how much, to where, under which reference."""

    code: str
    amount: Money
    bank_account_id: str
    reference: str
    owner: str = ""
    operating_account_id: str | None = None
    state: str = ""


@command
def withdraw(*, wanted: Withdrawal, reason: str, actor: Actor) -> TrustMovement:
    """Draw what is ours, or remit what a carrier or state is owed, if the floor stands afterwards.

    Takes:  `owner`, a carrier or state for remittances; `operating_account_id` for draws; `state`, whose rule lets us
            keep interest, for interest.
    Posts:  Dr the account drawn · Cr trust_cash; for a draw also Dr operating_cash · Cr the income.
    Raises: NotFound, Forbidden, NotAWithdrawal, MoreThanOwed, TrustFloorBreached with the computation, InterestNotOurs,
            ApprovalRequired above `settings.TRUST_WITHDRAWAL_LIMIT_MINOR`, Conflict for a reference used before.
    """
    bank, own = _accounts(wanted, actor)
    reason = texts.line(reason, field="reason", at_most=300)
    owner = wanted.owner or (bank.organization_id if wanted.code in DRAWS else "")
    if wanted.code == "interest_in_trust":
        owner = bank.id
        _interest_is_ours(bank.organization_id, wanted.state)
    before = _locked_position(bank)
    floor = _checked(before, wanted, owner, bank)
    permit_id = _permit(bank, wanted, actor)
    movement = _made(
        bank, own, Kind.WITHDRAWAL, wanted.code, owner, wanted.amount, wanted.reference, reason,
        permit_id=permit_id, cash_minor=before.cash_minor, floor_minor=floor,
    )  # fmt: skip
    journal.trust_withdrawn(movement, income=DRAWS.get(wanted.code))
    _explain(movement, before, floor)
    _tell("trust.withdrawn", movement, reason)
    return movement


@command
def record_interest(*, bank_account_id: str, amount: Money, reference: str, actor: Actor) -> TrustMovement:
    """Keep interest the bank credited to a fiduciary account; it is nobody's to draw before a rule or person says so.

    Posts:  Dr trust_cash · Cr interest_in_trust.
    Raises: NotFound, Forbidden, Invalid, Conflict for a reference used before.
    """
    bank = _trust_bank(bank_account_id, actor)
    _positive(amount, bank)
    return keep_interest_locked(bank, amount, reference=reference, on=clock.today())


@step
def keep_interest_locked(bank: BankAccount, amount: Money, *, reference: str, on: dt.date) -> TrustMovement:
    """Keep interest above zero that a fiduciary account was credited on a day.

    Posts:  as `record_interest`.
    Raises: BadText, Conflict for a reference used before.
    """
    words = "Interest credited."
    movement = _made(bank, None, Kind.INTEREST, "interest_in_trust", bank.id, amount, reference, words, moved_on=on)
    journal.trust_interest(movement)
    _tell("trust.interest_credited", movement, "")
    return movement


@command
def repay(
    *, bank_account_id: str, operating_account_id: str, amount: Money, reference: str, reason: str, actor: Actor
) -> TrustMovement:
    """Let operating pay back what fiduciary money bore for it, such as processors' fees.

    Posts:  Dr trust_cash · Cr due_from_operating; Dr due_to_trust · Cr operating_cash.
    Raises: NotFound, Forbidden, Invalid, MoreThanOwed, Conflict for a reference used before.
    """
    bank = _trust_bank(bank_account_id, actor)
    own = _operating(operating_account_id, bank, actor)
    _positive(amount, bank)
    reason = texts.line(reason, field="reason", at_most=300)
    owed = _locked_position(bank).due_from_operating_minor
    if amount.amount_minor > owed:
        raise MoreThanOwed(f"Operating owes trust {Money(max(owed, 0), amount.currency)}.", field="amount_minor")
    movement = _made(bank, own, Kind.REPAYMENT, "due_from_operating", "", amount, reference, reason)
    journal.trust_repaid(movement)
    _tell("trust.repaid", movement, reason)
    return movement


@command
def undo(*, movement_id: str, reason: str, actor: Actor) -> TrustMovement:
    """Take a movement back that did not happen after all. A credit of interest is only undone if the floor stands.

    Posts:  its exact opposite.
    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    found = access.get_operable(
        actor, TrustMovement.objects.all(), movement_id, permission=Permission.CASH_WRITE, field="movement"
    )
    reason = texts.line(reason, field="reason", at_most=300)
    _locked_position(found.bank_account)
    movement = TrustMovement.objects.get(pk=found.pk)
    if movement.state != TrustMovement.State.MADE:
        raise IllegalTransition("The movement is undone already.", field="movement")
    movement.undo()
    movement.undone_reason = reason
    movement.save(update_fields=["state", "undone_reason"])
    journal.trust_undone(movement, on=clock.today())
    _tell("trust.undone", movement, reason)
    return movement


def preview(*, wanted: Withdrawal, actor: Actor) -> tuple[Position, int]:
    """The position now and the floor after a withdrawal; writes nothing. Raises: as `withdraw`, but no permit."""
    bank, _ = _accounts(wanted, actor)
    owner = wanted.owner or (bank.organization_id if wanted.code in DRAWS else "")
    book = Book.objects.filter(organization_id=bank.organization_id).first()
    before = trust.position(book.id if book else "", bank.currency)
    return before, _checked(before, wanted, bank.id if wanted.code == "interest_in_trust" else owner, bank)


def _checked(before: Position, wanted: Withdrawal, owner: str, bank: BankAccount) -> int:
    """The floor after the withdrawal. Raises: MoreThanOwed, TrustFloorBreached."""
    amount = wanted.amount
    owed = before.owed(wanted.code, owner)
    if amount.amount_minor > owed:
        raise MoreThanOwed(
            f"Only {Money(max(owed, 0), amount.currency)} of it is collected and still in trust.", field="amount_minor"
        )
    floor = before.without(wanted.code, owner, amount.amount_minor)
    left = before.cash_minor - amount.amount_minor
    if left < floor or before.in_account(bank.id) < amount.amount_minor:
        short = floor - left if left < floor else amount.amount_minor - before.in_account(bank.id)
        most = max(min(amount.amount_minor - short, owed), 0)
        raise TrustFloorBreached(
            f"It would leave {Money(left, amount.currency)} where owners are owed {Money(floor, amount.currency)}, or "
            f"overdraw {bank}; at most {Money(most, amount.currency)} can leave now.",
            citation=trust.CITATION,
            field="amount_minor",
            cash_minor=before.cash_minor,
            floor_minor=floor,
            most_minor=most,
        )
    return floor


def _accounts(wanted: Withdrawal, actor: Actor) -> tuple[BankAccount, BankAccount | None]:
    bank = _trust_bank(wanted.bank_account_id, actor)
    _positive(wanted.amount, bank)
    if wanted.code in DRAWS:
        return bank, _operating(wanted.operating_account_id or "", bank, actor)
    if wanted.code not in REMITS:
        raise NotAWithdrawal(f"Draw from {', '.join(DRAWS)} or remit from {', '.join(REMITS)}.", field="code")
    if not wanted.owner:
        raise NotAWithdrawal("Say whom it is paid to.", field="owner")
    return bank, None


def _trust_bank(bank_account_id: str, actor: Actor) -> BankAccount:
    rows = BankAccount.objects.select_related("ledger_account")
    bank = access.get_operable(actor, rows, bank_account_id, permission=Permission.CASH_WRITE, field="bank_account")
    if bank.ledger_account.fund != Fund.TRUST:
        raise NotAWithdrawal(f"{bank} is no fiduciary account.", field="bank_account")
    return bank


def _operating(bank_account_id: str, bank: BankAccount, actor: Actor) -> BankAccount:
    rows = BankAccount.objects.select_related("ledger_account")
    own = access.get_operable(actor, rows, bank_account_id, permission=Permission.CASH_WRITE, field="operating_account")
    if own.ledger_account.fund != Fund.OPERATING or own.currency != bank.currency:
        raise NotAWithdrawal(f"{own} is no operating account in {bank.currency}.", field="operating_account")
    return own


def _positive(amount: Money, bank: BankAccount) -> None:
    if amount.amount_minor <= 0 or amount.currency != bank.currency:
        raise Invalid(f"An amount above zero in {bank.currency}.", field="amount_minor")


@step
def _locked_position(bank: BankAccount) -> Position:
    """The position now, with the book locked, so that two withdrawals never count on the same money."""
    book_id = accounts.open_book(bank.organization_id).id
    Book.objects.select_for_update(no_key=True).get(pk=book_id)
    return trust.position(book_id, bank.currency)


def _interest_is_ours(organization_id: str, state: str) -> None:
    ruled = lookup.lookup(
        organization_id, "interest_allowed", jurisdiction=state, line="producer_funds", on=clock.today()
    )
    if ruled.needs_decision or ruled.value is not True:
        raise InterestNotOurs(
            ruled.needs_decision or f"{state} says: {ruled.value}.", citation=ruled.citation, field="state"
        )


def _permit(bank: BankAccount, wanted: Withdrawal, actor: Actor) -> str:
    if wanted.amount.amount_minor <= settings.TRUST_WITHDRAWAL_LIMIT_MINOR:
        return ""
    permit = approvals.consume(
        organization_id=bank.organization_id, action=ACTION, object_id=bank.id, amount=wanted.amount, actor=actor
    )
    return permit.id


@step
def _made(
    bank: BankAccount, own: BankAccount | None, kind: str, code: str, owner: str, amount: Money, reference: str,
    reason: str, *, permit_id: str = "", cash_minor: int = 0, floor_minor: int = 0, moved_on: dt.date | None = None,
) -> TrustMovement:  # fmt: skip
    reference = texts.line(reference, field="reference", at_most=80)
    if TrustMovement.objects.filter(bank_account=bank, reference=reference).exists():
        raise Conflict(f"{reference} is a movement of this account already.", field="reference")
    return TrustMovement.objects.create(
        organization_id=bank.organization_id,
        kind=kind,
        code=code,
        owner=owner,
        bank_account=bank,
        operating_account=own,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        moved_on=moved_on or clock.today(),
        reference=reference,
        reason=reason,
        permit_id=permit_id,
        cash_minor=cash_minor,
        floor_minor=floor_minor,
    )


def _explain(movement: TrustMovement, before: Position, floor: int) -> None:
    why = before.why()
    inputs = {**why.inputs, "withdrawn_minor": movement.amount_minor, "floor_after_minor": floor}
    explained = Explained(
        "cash − withdrawn ≥ Σ max(owed to each other owner after it, 0)", inputs, why.rule, "", why.citation
    )
    left = before.cash_minor - movement.amount_minor
    explanations.record([Figure(movement.id, "left in trust", left, movement.currency, explained)])


@step
def _tell(type: str, movement: TrustMovement, reason: str) -> None:
    facts = {
        "kind": movement.kind,
        "account": movement.code,
        "owner": movement.owner,
        "amount_minor": movement.amount_minor,
        "currency": movement.currency,
        "reference": movement.reference,
        "state": movement.state,
    }
    audit.record(
        action=type,
        object_id=movement.id,
        organization_id=movement.organization_id,
        after={**facts, "cash_minor": movement.cash_minor, "floor_minor": movement.floor_minor},
        reason=reason,
    )
    events.record(
        type=type,
        organization_id=movement.organization_id,
        object_id=movement.id,
        data={"movement": movement.id, **facts},
    )
