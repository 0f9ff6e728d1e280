"""Money that came to the bank unasked: one credit with its items, each placed where it says, or kept for a person."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from billing import cash, journal, suspense
from billing.models import Receipt, SuspenseItem
from billing.suspense import DepositDiffers, DepositNotUsable
from compliance import access, business_days
from compliance.permissions import Permission
from coverpay.kernel import card_numbers, clock, commands, ids, jobs, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.card_numbers import CardNumberRefused
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition, Invalid
from coverpay.kernel.money import MAX_MINOR, Money
from payments import deposit_news, deposit_targets, outcomes
from payments.deposit_targets import Target
from payments.gateways.base import Outcome, Status
from payments.models import Attempt, Deposit, DepositItem, PaymentPart
from policies import locks
from reconciliation.ledger.models import Fund
from reconciliation.models import BankAccount

State = DepositItem.State
MOST_ITEMS = 10_000
CHECK_RETURN_DAYS = 5
"""Business days after which a deposited check is rarely returned; what it cured may come back until then."""


class DepositDoesNotTie(Invalid):
    """The items do not come to what the deposit says it is."""

    code = "deposit_does_not_tie"


@dataclass(frozen=True, slots=True)
class Item:
    """One check, wire or stub as it was keyed or read.

    `reference` is what it says it is for. Funding of a premium finance company names the company as `payor`, and in
    `financed_minor` what it financed in all.
    """

    amount_minor: int
    reference: str = ""
    payor: str = ""
    check_number: str = ""
    memo: str = ""
    financed_minor: int | None = None


@command
def record(
    *,
    bank_account_id: str,
    kind: str,
    reference: str,
    received_on: dt.date,
    amount_minor: int,
    items: Sequence[Item],
    actor: Actor,
    problems: Sequence[str] = (),
) -> Deposit:
    """Keep one credit at the bank with all its items; nothing is placed yet, but announced payments are.

    The same reference again with the same content gives the deposit it made.

    Takes:  the bank's or sender's own `reference`; the deposit's total; `problems` of the file it was read from.
    Posts:  Dr trust_cash (the bank account) · Cr suspense_cash, an entry an item; what an announced payment posts.
    Raises: NotFound, Forbidden, Invalid, BadText, DepositNotUsable, DepositDoesNotTie, DepositDiffers,
            CardNumberRefused.
    """
    bank = access.get_operable(
        actor, BankAccount.objects.all(), bank_account_id, permission=Permission.CASH_WRITE, field="bank_account"
    )
    reference = texts.line(reference, field="reference", at_most=80)
    items = _checked(bank, kind, received_on, amount_minor, items)
    content = _hash(received_on, amount_minor, items)
    deposit, created = Deposit.objects.get_or_create(
        bank_account=bank,
        kind=kind,
        reference=reference,
        defaults={
            "organization_id": bank.organization_id,
            "amount_minor": amount_minor,
            "currency": bank.currency,
            "received_on": received_on,
            "content_hash": content,
            "problems": list(problems),
        },
    )
    if not created:
        commands.unchanged()
        if deposit.content_hash != content:
            raise DepositDiffers(
                f"{reference} was recorded before as deposit {deposit.id}, with other items.", field="reference"
            )
        return deposit
    announced = _announced(bank, items)
    _lock_policies(announced.values())
    rows = _rows(deposit, items, announced)
    _into_suspense(deposit, [row for row in rows if row.attempt_id is None])
    DepositItem.objects.bulk_create(rows)
    for row in rows:
        if row.attempt_id is not None:
            _arrived(row)
    deposit_news.recorded(deposit, rows)
    jobs.wake("payments.place_deposit", deposit.id)
    return deposit


def take_in(*, actor: Actor, **said: Any) -> Deposit:
    """Record a deposit, as `record` does, and place at once what says where it belongs."""
    deposit = record(actor=actor, **said)
    place_found(deposit.id, actor=actor)
    return deposit


def place_found(deposit_id: str, *, actor: Actor) -> int:
    """Place each item of a deposit nobody looked at yet. Gives how many it looked at."""
    waiting = DepositItem.objects.filter(deposit_id=deposit_id, state=State.SUSPENSE, why="").order_by("position")
    looked_at = list(waiting.values_list("id", flat=True))
    for item_id in looked_at:
        place_one(item_id=item_id, actor=actor)
    return len(looked_at)


@command
def place_one(*, item_id: str, actor: Actor) -> DepositItem:
    """Look at one item nobody looked at yet: place it where it says, or keep it with the reason.

    Posts:  as `suspense.place`; what goes to further policies of an account is a transfer.
    Raises: NotFound, Forbidden.
    """
    item = one(item_id, actor)
    organization_id = item.deposit.organization_id
    locks.lock_many(deposit_targets.find(organization_id, item).policy_ids)
    held = suspense.lock_item(_suspense_of(item))
    item = _again(item)
    if item.state != State.SUSPENSE or item.why:
        commands.unchanged()
        return item
    target = deposit_targets.find(organization_id, item)
    if target.shares:
        item = _place(item, held, target)
        deposit_news.item_moved("deposit.item_placed", item, reason=target.why)
    else:
        item.why = target.why[:200]
        item.save(update_fields=["why"])
        deposit_news.item_moved("deposit.item_held", item, reason=target.why)
    return item


@step
def _place(found: DepositItem, held: SuspenseItem, target: Target) -> DepositItem:
    """Place a locked item where it belongs, each policy's share with its own invoices first."""
    policies = {policy.id: policy for policy in locks.lock_many(target.policy_ids)}
    (policy_id, _, first), *others = target.shares
    onward = [(policies[other], minor, invoice_ids) for other, minor, invoice_ids in others]
    suspense.place_locked(
        held,
        policies[policy_id],
        reason=target.why,
        first=first,
        onward=onward,
        provisional_until=_provisional_until(found),
    )
    placed = _again(found)
    if not others and len(first) == 1:
        placed.invoice_id = first[0]
        placed.save(update_fields=["invoice"])
    return placed


def _provisional_until(item: DepositItem) -> dt.date | None:
    """The day until which the bank may still return a check; other money is final."""
    if item.deposit.kind not in (Deposit.Kind.CHECK, Deposit.Kind.LOCKBOX):
        return None
    day = item.deposit.received_on
    for _ in range(CHECK_RETURN_DAYS):
        day = business_days.shift(day + dt.timedelta(days=1), "next")
    return day


def place(*, item_id: str, policy_id: str, reason: str, actor: Actor) -> DepositItem:
    """Say whose the money of a held item is; see `suspense.place`. Cover never comes back by it.

    Raises: NotFound, Forbidden, BadText, IllegalTransition, DepositNotUsable.
    """
    item = one(item_id, actor)
    suspense.place(item_id=_suspense_of(item), policy_id=policy_id, reason=reason, actor=actor)
    return _again(item)


def take_out(*, item_id: str, reason: str, actor: Actor) -> DepositItem:
    """Undo a placing to the cent; see `suspense.undo`. Raises: NotFound, Forbidden, BadText, IllegalTransition."""
    item = one(item_id, actor)
    suspense.undo(item_id=_suspense_of(item), reason=reason, actor=actor)
    return _again(item)


def send_back(*, item_id: str, reason: str, actor: Actor) -> DepositItem:
    """Send the money of a held item back; see `suspense.return_to_sender`.

    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    item = one(item_id, actor)
    suspense.return_to_sender(item_id=_suspense_of(item), reason=reason, actor=actor)
    return _again(item)


def _checked(
    bank: BankAccount, kind: str, received_on: dt.date, amount_minor: int, items: Sequence[Item]
) -> list[Item]:
    if kind not in Deposit.Kind.values:
        raise Invalid(f"A deposit is one of {', '.join(Deposit.Kind.values)}.", field="kind")
    if bank.ledger_account.fund != Fund.TRUST:
        raise DepositNotUsable("Premium is deposited to a trust account.", field="bank_account")
    if received_on > clock.today():
        raise Invalid("The day lies ahead; say when the money came.", field="received_on")
    if not 0 < len(items) <= MOST_ITEMS:
        raise Invalid(f"A deposit has 1 to {MOST_ITEMS} items.", field="items")
    checked = [_checked_item(item, kind, f"items.{position}") for position, item in enumerate(items, start=1)]
    total = sum(item.amount_minor for item in checked)
    if total != amount_minor:
        currency = bank.currency
        raise DepositDoesNotTie(
            f"The items come to {Money(total, currency)}, the deposit to {Money(amount_minor, currency)}.",
            field="amount_minor",
            difference_minor=amount_minor - total,
        )
    return checked


def _checked_item(item: Item, kind: str, at: str) -> Item:
    if not 0 < item.amount_minor <= MAX_MINOR:
        raise Invalid("The amount must be above zero.", field=f"{at}.amount_minor")
    place = card_numbers.place_of([item.reference, item.payor, item.check_number, item.memo])
    if place is not None:
        raise CardNumberRefused("This looks like a card number, which never belongs here.", field=at)
    finance = kind == Deposit.Kind.PREMIUM_FINANCE
    if finance and (item.financed_minor is None or item.financed_minor < item.amount_minor):
        raise Invalid(
            "Say what the finance company financed in all; it funds that or less.", field=f"{at}.financed_minor"
        )
    return Item(
        amount_minor=item.amount_minor,
        reference=texts.line(item.reference, field=f"{at}.reference", at_most=80, empty=True),
        payor=texts.line(item.payor, field=f"{at}.payor", at_most=200, empty=not finance),
        check_number=texts.line(item.check_number, field=f"{at}.check_number", at_most=20, empty=True),
        memo=texts.line(item.memo, field=f"{at}.memo", at_most=300, empty=True),
        financed_minor=item.financed_minor if finance else None,
    )


def _hash(received_on: dt.date, amount_minor: int, items: Sequence[Item]) -> str:
    content = [received_on.isoformat(), amount_minor, [asdict(item) for item in items]]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _announced(bank: BankAccount, items: Sequence[Item]) -> dict[int, Attempt]:
    """The items that are announced payments, to the cent: position and attempt, each payment once."""
    announced: dict[int, Attempt] = {}
    expected = deposit_targets.expected(bank)
    for position, item in enumerate(items, start=1):
        fits = [attempt for attempt in expected.get(item.reference, []) if attempt.amount_minor == item.amount_minor]
        if len(fits) == 1 and fits[0] not in announced.values():
            announced[position] = fits[0]
    return announced


@step
def _lock_policies(attempts: Any) -> None:
    parts = PaymentPart.objects.filter(payment__attempts__in=list(attempts))
    receipts = Receipt.objects.filter(source_id__in=[part.source_id for part in parts])
    locks.lock_many(
        {*parts.values_list("policy_id", flat=True), *cash.reach(list(receipts.values_list("id", flat=True)))}
    )


def _rows(deposit: Deposit, items: Sequence[Item], announced: Mapping[int, Attempt]) -> list[DepositItem]:
    return [
        DepositItem(
            id=ids.new("dpi"),
            deposit=deposit,
            position=position,
            amount_minor=item.amount_minor,
            currency=deposit.currency,
            check_number=item.check_number,
            payor_name=item.payor,
            reference=item.reference,
            memo=item.memo,
            financed_minor=item.financed_minor,
            attempt=announced.get(position),
        )
        for position, item in enumerate(items, start=1)
    ]


@step
def _into_suspense(deposit: Deposit, rows: Sequence[DepositItem]) -> None:
    """Give each row a suspense item of its own, with its posting."""
    made = [
        SuspenseItem(
            id=ids.new("sus"),
            operator_id=deposit.organization_id,
            why=SuspenseItem.Why.UNIDENTIFIED,
            bank_account=deposit.bank_account,
            source_id=f"{deposit.id}:{row.position}",
            payor_name=row.payor_name,
            policy_reference=row.reference,
            memo=row.memo,
            amount_minor=row.amount_minor,
            currency=row.currency,
            received_on=deposit.received_on,
        )
        for row in rows
    ]
    SuspenseItem.objects.bulk_create(made)
    journal.suspense_opened_many(made)
    for row, item in zip(rows, made, strict=True):
        row.suspense_item = item


@step
def _arrived(row: DepositItem) -> None:
    """The money of an announced payment is here: the payment succeeds, if it still waits."""
    assert row.attempt_id is not None
    attempt = outcomes.locked(row.attempt_id)
    money = Money(row.amount_minor, row.currency)
    outcomes.enter(attempt, Outcome(Status.SUCCEEDED, row.id, "deposited", f"Deposit {row.deposit_id}", money))
    if attempt.state != Attempt.State.SUCCEEDED:
        raise IllegalTransition(f"Payment {attempt.payment_id} was decided meanwhile; try again.", field="items")
    row.place()
    row.policy_id, row.invoice_id = attempt.payment.policy_id, attempt.invoice_id
    row.why = f"It is the announced payment {attempt.payment_id}."
    row.save(update_fields=["state", "policy", "invoice", "why"])


def _again(item: DepositItem) -> DepositItem:
    """The item as it is now."""
    return DepositItem.objects.select_related("deposit").get(pk=item.pk)


def one(item_id: str, actor: Actor) -> DepositItem:
    """One item to act on. Raises: NotFound, Forbidden."""
    rows = DepositItem.objects.select_related("deposit")
    return access.get_operable(actor, rows, item_id, permission=Permission.CASH_WRITE, field="deposit_item")


def _suspense_of(item: DepositItem) -> str:
    """Raises: IllegalTransition for an item that is an announced payment."""
    if item.suspense_item_id is None:
        raise IllegalTransition(f"{item.why} Act on the payment instead.", field="deposit_item")
    return item.suspense_item_id
