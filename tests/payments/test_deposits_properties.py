"""Whatever is done with deposits, in whatever order: every cent is placed, held or gone, and the books stand."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from billing import accounts as billing_accounts
from billing.models import Receipt
from coverpay import books as proof
from coverpay.kernel.errors import DomainError
from payments import accounts, announcements, attempts, deposit_returns, deposit_sweeps, deposits
from payments.collection import Wanted
from payments.deposits import Item
from payments.models import Deposit, DepositItem, Payment
from policies.models import Policy
from tests.support import books, plain
from tests.support.books import House
from tests.support.deposits import taken_in
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def market(house: House) -> list[str]:
    """What a stub may say: policies, invoices, an account, an announced payment, a cancelled policy, and nonsense."""
    accounts.open_account(gateway="manual", merchant="desk", bank_account_id=house.bank.id, actor=house.me)
    accounts.publish_routing(rules=[{"gateway": "manual"}], effective_from=books.SINCE, actor=house.me)
    policies = [plain.bound(house) for _ in range(5)]
    bills = [plain.billed(house, policy) for policy in policies]
    account = billing_accounts.open_account(number="ACC-1", payor_id=policies[0].insured_id, actor=house.me)
    ids = [policy.id for policy in policies[:2]]
    billing_accounts.attach(account_id=account.id, policy_ids=ids, actor=house.me)
    plain.cancelled(house, policies[4], on=books.FIRST_DAY)
    payment = announcements.announce(items=[Wanted(bills[3].id)], method="check", note="by post", actor=house.me)
    attempts.submit(payment.attempts.get().id)
    numbers = [policy.number for policy in policies]
    return [*numbers, *(bill.number for bill in bills[:3]), "ACC-1", payment.id, "", "nonsense"]


def acts(house: House, chance: random.Random, names: list[str]) -> list[Callable[[], object]]:
    """What people do, each to something at random."""
    amounts = (1, 100, 299_999, 300_000, 600_000, 900_000)

    def some() -> str:
        return chance.choice(list(DepositItem.objects.values_list("id", flat=True)) or ["dpi_none"])

    def record() -> Deposit:
        items = [
            Item(chance.choice(amounts), chance.choice(names), "Aloha", chance.choice(["", "1001", "1002"]))
            for _ in range(chance.randint(1, 4))
        ]
        return taken_in(house, *items, reference=f"slip-{chance.randint(1, 30)}")

    def place() -> DepositItem:
        policy = chance.choice(list(Policy.objects.all()))
        return deposits.place(item_id=some(), policy_id=policy.id, reason="Said so", actor=house.me)

    return [
        record,
        record,
        place,
        lambda: deposits.take_out(item_id=some(), reason="Wrong", actor=house.me),
        lambda: deposits.send_back(item_id=some(), reason="Not ours", actor=house.me),
        lambda: deposit_returns.bounce(item_id=some(), reason="NSF", actor=house.me),
        deposit_sweeps.sweep,
    ]


@pytest.mark.parametrize("seed", range(4))
def test_every_cent_is_placed_held_or_gone_whatever_is_done(house: House, seed: int) -> None:
    chance = random.Random(seed)
    names = market(house)
    doing = acts(house, chance, names)
    for _ in range(40):
        with suppress(DomainError):
            chance.choice(doing)()
    deposit_sweeps.sweep()
    assert proof.check() == [] and differences(house) == []
    there = sum(DepositItem.objects.exclude(state="bounced").values_list("amount_minor", flat=True))
    held = sum(DepositItem.objects.filter(state="suspense").values_list("amount_minor", flat=True))
    assert books.balance(house, "trust_cash") == there
    assert books.balance(house, "suspense_cash") == -held
    assert books.balance(house, "processor_clearing") == 0
    standing = Receipt.objects.filter(reversal__isnull=True).exclude(kind="transfer")
    assert sum(standing.values_list("amount_minor", flat=True)) == there - held
    assert Payment.objects.get().state in ("processing", "succeeded", "returned")
