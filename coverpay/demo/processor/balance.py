"""The processor's money: what entered and left each account's balance, its fees, and payouts to the bank."""

from __future__ import annotations

import datetime as dt
from typing import Any

from coverpay.demo.processor import events
from coverpay.demo.processor.store import Store, Thing

CARD_PPM, CARD_FIXED = 29_000, 30
DEBIT_PPM, DEBIT_AT_MOST = 8_000, 500
DISPUTE_FEE, RETURN_FEE = 1_500, 400


def fee(method: str, amount: int) -> int:
    """2.9% and 30 for a card; 0.8%, 500 at most, for a bank debit; half a unit counts as one."""
    if method == "us_bank_account":
        return min(DEBIT_AT_MOST, (amount * DEBIT_PPM + 500_000) // 1_000_000)
    return (amount * CARD_PPM + 500_000) // 1_000_000 + CARD_FIXED


def move(store: Store, account: str, category: str, source: Thing, amount: int, fee: int = 0) -> Thing:
    """Write one balance transaction."""
    types = {"dispute": "adjustment", "dispute_reversal": "adjustment", "fee": "stripe_fee"}
    return store.add(
        account, "txn", "balance_transaction",
        amount=amount, fee=fee, net=amount - fee, currency=source["currency"], reporting_category=category,
        type=types.get(category, category), source=source["id"], status="available", _payout=None,
    )  # fmt: skip


def close_day(store: Store, account: str, on: str) -> list[Thing]:
    """Pay out, per currency, what is in the balance; the money arrives on that day."""
    waiting = [row for row in store.all(account, "balance_transaction") if row["_payout"] is None]
    arrival = int(dt.datetime.fromisoformat(on).replace(tzinfo=dt.UTC).timestamp())
    made = []
    for currency in sorted({row["currency"] for row in waiting}):
        mine = [row for row in waiting if row["currency"] == currency]
        net = sum(row["net"] for row in mine)
        payout = store.add(
            account, "po", "payout",
            amount=net, currency=currency, arrival_date=arrival, automatic=True, status="paid", type="bank_account",
        )  # fmt: skip
        own = move(store, account, "payout", payout, -net)
        for row in [*mine, own]:
            store.save(row | {"_payout": payout["id"]})
        events.tell(store, account, "payout.paid", payout)
        made.append(payout)
    return made


def of_payout(store: Store, account: str, payout: str) -> list[Thing]:
    return [row for row in store.all(account, "balance_transaction") if row["_payout"] == payout]


def totals(store: Store, account: str) -> dict[str, Any]:
    """The books: each charge with all that became of it, and the sums."""
    refunds: dict[str, int] = {}
    for refund in store.all(account, "refund"):
        if refund["status"] != "failed":
            refunds[refund["charge"]] = refunds.get(refund["charge"], 0) + refund["amount"]
    withdrawn = {
        dispute["charge"]: -sum(row["amount"] for row in dispute["balance_transactions"])
        for dispute in store.all(account, "dispute")
    }
    charges = [
        {
            "charge": charge["id"],
            "intent": charge["payment_intent"],
            "metadata": charge["metadata"],
            "status": charge["status"],
            "asked": charge["_asked"],
            "taken": charge["amount_captured"] if charge["status"] == "succeeded" else 0,
            "refunded": refunds.get(charge["id"], 0),
            "withdrawn": withdrawn.get(charge["id"], 0),
        }
        for charge in reversed(store.all(account, "charge"))
    ]
    moved = store.all(account, "balance_transaction")
    return {
        "charges": charges,
        "held": sum(row["taken"] - row["refunded"] - row["withdrawn"] for row in charges),
        "fees": sum(row["fee"] for row in moved),
        "paid_out": sum(payout["amount"] for payout in store.all(account, "payout")),
        "balance": sum(row["net"] for row in moved),
    }
