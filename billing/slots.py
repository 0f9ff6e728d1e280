"""The dates of a term that are not billed yet: read from installments, and written as the next schedule."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from billing.models import Installment, InstallmentItem, PayorShare, Schedule
from billing.standing import FEES, Key
from coverpay.kernel import ids
from coverpay.kernel.commands import step
from coverpay.kernel.money import allocate
from policies.models import Charge, Component, PayeeKind, Policy, Term


@dataclass(frozen=True, slots=True)
class Carried:
    """A fee that happened (late, returned payment, reinstatement): a change of the term leaves it as it is."""

    account_id: str | None
    key: Key
    amount_minor: int


@dataclass(slots=True)
class Slot:
    """One date with what it asks for by key, over all payors; `fee_minor` is the plan's installment fee."""

    bill_on: dt.date
    due_on: dt.date
    amounts: Counter[Key] = field(default_factory=Counter)
    fee_minor: int = 0
    carried: tuple[Carried, ...] = ()

    @property
    def charged_minor(self) -> int:
        """What it asks for of the contract's charges."""
        return sum(self.amounts.values())

    @property
    def total_minor(self) -> int:
        return self.charged_minor + self.fee_minor + sum(fee.amount_minor for fee in self.carried)


def unbilled(term: Term) -> list[Slot]:
    """What a term has still to bill, in order of due date. One query."""
    items = (
        InstallmentItem.objects.filter(
            installment__schedule__term=term, installment__invoice__isnull=True, installment__replaced_by__isnull=True
        )
        .select_related("installment")
        .order_by("installment__due_on", "installment__bill_on", "id")
    )
    return gathered(items)


def gathered(items: Iterable[InstallmentItem]) -> list[Slot]:
    """Items with their installments as slots, in the order they come."""
    slots: dict[tuple[dt.date, dt.date], Slot] = {}
    for item in items:
        row = item.installment
        slot = slots.setdefault((row.due_on, row.bill_on), Slot(row.bill_on, row.due_on))
        key = Key(item.component, item.payee_kind, item.payee, item.commission_ppm)
        if item.component == Component.INSTALLMENT_FEE:
            slot.fee_minor += item.amount_minor
        elif item.component in FEES:
            slot.carried += (Carried(row.account_id, key, item.amount_minor),)
        else:
            slot.amounts[key] += item.amount_minor
    return list(slots.values())


def payors_of(policy: Policy) -> list[PayorShare]:
    """The shares by which billing accounts pay a policy; none where the insured pays alone."""
    rows = PayorShare.objects.filter(policy=policy, ended_at__isnull=True)
    return list(rows.select_related("account").order_by("id"))


@step
def write(
    schedule: Schedule,
    policy: Policy,
    slots: Sequence[Slot],
    charge_of: Mapping[Key, str],
    *,
    payors: Sequence[PayorShare],
    first_sequence: int = 1,
) -> list[Installment]:
    """Write the installments of a schedule: one a date and payor, each item split by the payors' shares."""
    shares: list[tuple[str | None, int]] = [(payor.account_id, payor.share_ppm) for payor in payors]
    shares = shares or [(None, 1_000_000)]
    rows: list[Installment] = []
    items: list[InstallmentItem] = []
    for slot in slots:
        for account_id, amounts in _by_account(slot, shares, policy.operator_id).items():
            row = Installment(
                id=ids.new("ins"),
                schedule=schedule,
                policy=policy,
                sequence=first_sequence + len(rows),
                bill_on=slot.bill_on,
                due_on=slot.due_on,
                account_id=account_id,
            )
            rows.append(row)
            items += [_item(row, key, minor, charge_of) for key, minor in amounts]
    Installment.objects.bulk_create(rows)
    InstallmentItem.objects.bulk_create(items)
    return rows


def latest_charges(term: Term) -> dict[Key, str]:
    """The newest charge of each key: what an item that comes of several charges names as its origin."""
    charges = Charge.objects.filter(transaction__term=term).order_by("id").values_list("id", *Key._fields)
    return {Key(*key): id for id, *key in charges}


def _by_account(
    slot: Slot, shares: Sequence[tuple[str | None, int]], operator_id: str
) -> dict[str | None, list[tuple[Key, int]]]:
    """What each payor is asked for on a date, without what comes to nothing."""
    weights = [ppm for _, ppm in shares]
    fee = Key(Component.INSTALLMENT_FEE.value, PayeeKind.OPERATOR.value, operator_id, 0)
    split: dict[str | None, list[tuple[Key, int]]] = defaultdict(list)
    for key, minor in [*slot.amounts.items(), (fee, slot.fee_minor)]:
        for (account_id, _), part in zip(shares, allocate(minor, weights), strict=True):
            if part:
                split[account_id].append((key, part))
    for carried in slot.carried:
        split[carried.account_id].append((carried.key, carried.amount_minor))
    return split


def _item(row: Installment, key: Key, minor: int, charge_of: Mapping[Key, str]) -> InstallmentItem:
    return InstallmentItem(
        id=ids.new("iit"),
        installment=row,
        charge_id=None if key.component in FEES else charge_of[key],
        component=key.component,
        amount_minor=minor,
        payee_kind=key.payee_kind,
        payee=key.payee,
        commission_ppm=key.commission_ppm,
    )
