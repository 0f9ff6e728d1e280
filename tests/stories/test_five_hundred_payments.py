"""Five hundred payments while everything breaks: both books agree to the cent, and nobody pays twice."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from coverpay.demo.client import Client
from coverpay.demo.processor.client import Processor
from coverpay.local.stack import Stack
from tests.stories.conftest import QUICK, outside_world
from tests.support.storm import Row, Storm, Wish
from tests.support.story import Story

pytestmark = pytest.mark.xdist_group("stack")

SEED, PAYMENTS, KILLS, REFUNDS = 20_260_301, 500, 20, 30
PATIENT = {
    "SWEEP_SECONDS": "3",
    "ATTEMPT_CHECK_SECONDS": "1,1,1,2,2,3",
    "BREAKER_FAILURES": "1000",
    "CATCH_UP_SECONDS": "5",
    "REFUND_LIMIT_MINOR": "100000000",
}
# token, and how many of a thousand payments use it
TOKENS = {
    "pm_card_visa": 360,
    "pm_card_chargeDeclined": 20,
    "pm_card_chargeDeclinedInsufficientFunds": 40,
    "pm_card_chargeDeclinedExpiredCard": 20,
    "pm_card_chargeDeclinedLostCard": 10,
    "pm_card_authenticationRequired": 10,
    "pm_nobody_knows": 10,
    "pm_usBankAccount_success": 120,
    "pm_usBankAccount_insufficientFunds": 30,
    "pm_usBankAccount_accountClosed": 10,
    "pm_usBankAccount_returnedLater": 30,
    "pm_usBankAccount_success__timeout_after": 10,
    "pm_card_wrongAmount": 20,
    "pm_card_createDispute": 20,
    "pm_card_visa__timeout_before": 20,
    "pm_card_visa__timeout_after": 30,
    "pm_card_visa__reset_before": 30,
    "pm_card_visa__reset_after": 30,
    "pm_card_visa__busy": 40,
    "pm_card_visa__unavailable": 30,
    "pm_card_visa__error_before": 20,
    "pm_card_visa__error_after": 30,
    "pm_card_visa__slow": 20,
    "pm_card_visa__truncated": 20,
    "pm_card_visa__odd": 20,
}
NOISE = [
    {"place": "GET /v1/", "seed": SEED, "ppm": 80_000, "faults": ["busy", "unavailable", "reset_before", "truncated"]},
    {"place": "POST /v1/refunds", "seed": SEED, "ppm": 300_000,
     "faults": ["busy", "unavailable", "reset_before", "reset_after", "error_after", "truncated", "timeout_after"]},
]  # fmt: skip
DELIVERIES = {"seed": SEED, "lost_ppm": 150_000, "twice_ppm": 200_000, "late_seconds": 5}


@pytest.fixture(scope="module")
def storm() -> Iterator[Storm]:
    """A running CoverPay whose only processor is the one that breaks."""
    folder = Path(tempfile.mkdtemp(prefix="coverpay-storm-"))
    folder.chmod(0o755)
    try:
        with (
            Processor(folder / "processor.sqlite3") as processor,
            Stack(folder / "var", outside_world() | QUICK | PATIENT) as stack,
        ):
            stack.start_stores()
            stack.manage("migrate", "--noinput")
            stack.manage("demo_book")
            stack.start_programs()
            told = json.loads((stack.var / "demo.json").read_text())
            processor.ask("settings", slow_seconds=0.5, deliveries=DELIVERIES, noise=NOISE, hang_seconds=5)
            yield Storm(Story(stack, Client(stack.web.url, told["api_key"])), processor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wishes(invoices: list[str], chance: random.Random) -> list[Wish]:
    tokens = chance.choices(list(TOKENS), list(TOKENS.values()), k=len(invoices))
    return [
        Wish(invoice, "ach" if token.startswith("pm_usBankAccount") else "card", token)
        for invoice, token in zip(invoices, tokens, strict=True)
    ]


def give_some_back(storm: Storm, chance: random.Random) -> None:
    """Ask for refunds of card payments that stand, and let the worker die among them."""
    standing = [row for row in storm.attempts() if row["payment_state"] == "succeeded"]
    for row in chance.sample(standing, REFUNDS):
        storm.story.api.post(f"payments/{row['payment_id']}/refund", f"refund {row['id']}", {"reason": "Asked for"})
    storm.kill_worker()  # the twentieth time


def live_through_it(storm: Storm, chance: random.Random) -> None:
    """Pay, kill, wait, refund, let time pass, and have a person decide what is left."""
    asked = wishes(storm.bill(PAYMENTS, chance), chance)
    assert len(asked) == PAYMENTS
    size = -(-PAYMENTS // (KILLS - 1))
    for start in range(0, PAYMENTS, size):
        storm.pay(asked[start : start + size])
        storm.kill_worker()
        if start == 5 * size:
            storm.processor.kill()
            storm.processor.start()
    storm.wait("every charge to be decided, pending or with a person", storm.moving)
    give_some_back(storm, chance)
    storm.wait("every refund to be decided", storm.moving)
    storm.processor.settle(storm.key)
    storm.told()
    storm.wait("bank debits to end", lambda: [row for row in storm.attempts() if row["state"] == "pending"])
    storm.wait("returns to be heard of", lambda: unheard(storm))


def unheard(storm: Storm) -> list[str]:
    """Charges that the processor says were taken back, and we do not know of yet."""
    withdrawn = {row["intent"] for row in storm.totals()["charges"] if row["withdrawn"]}
    return [
        row["id"]
        for row in storm.attempts()
        if row["gateway_reference"] in withdrawn and row["payment_state"] == "succeeded"
    ]


def bounded(attempts: list[Row]) -> bool:
    """Sent five times at most; asked six times and a last one, and once more each time it was sent again after that.

    A bank debit that is pending is asked about until it ends.
    """
    asked = max(row["check_count"] for row in attempts if row["method"] == "card")
    return max(row["submit_count"] for row in attempts) <= 5 and asked <= 6 + 1 + 5


def ours(storm: Storm) -> dict[str, tuple[int, int, int]]:
    """Per attempt what we say was taken, given back, and taken back."""
    given: Counter[str] = Counter()
    for refund in storm.refunds():
        given[refund["attempt_id"]] += refund["amount_minor"] if refund["state"] == "succeeded" else 0
    found = {}
    for row in storm.attempts():
        taken = row["taken_minor"] or 0
        back = taken if row["payment_state"] in ("returned", "disputed") else 0
        found[row["id"]] = (taken, given[row["id"]], back)
    return {name: amounts for name, amounts in found.items() if any(amounts)}


def theirs(storm: Storm) -> dict[str, tuple[int, int, int]]:
    """The same by the processor's books."""
    found: dict[str, tuple[int, int, int]] = {}
    for row in storm.totals()["charges"]:
        amounts = (row["taken"], row["refunded"], row["withdrawn"])
        if any(amounts):
            name = row["metadata"]["coverpay_reference"]
            assert name not in found, f"{name} was charged twice"
            found[name] = amounts
    return found


def test_five_hundred_payments_while_everything_breaks(storm: Storm) -> None:
    live_through_it(storm, random.Random(SEED))
    attempts = storm.attempts()
    assert len(attempts) == PAYMENTS
    unknown = [row for row in attempts if row["state"] == "unknown"]
    assert all(row["has_break"] or row["handed_over"] for row in unknown)
    assert bounded(attempts)
    assert storm.decide() == len(unknown)
    assert not [row for row in storm.attempts() if row["state"] not in ("succeeded", "declined")]
    assert not [row for row in storm.refunds() if row["state"] not in ("succeeded", "declined")]

    assert ours(storm) == theirs(storm)
    taken = Counter(row["invoice_id"] for row in storm.attempts() if row["taken_minor"])
    assert max(taken.values()) == 1
    books = storm.totals()
    assert storm.clearing_minor() == books["held"]

    storm.processor.ask("close_day", account=storm.key, on="2026-03-02")
    body = {"account": storm.account, "since": "2026-03-01"}
    storm.processor.ask("settings", noise=[])
    (payout,) = storm.story.api.post("payouts", "import payouts", body)["payouts"]
    assert payout["amount_minor"] == storm.totals()["paid_out"] == books["held"] - books["fees"]
    assert storm.clearing_minor() == 0
    checked = storm.story.check_books()
    assert checked.returncode == 0, checked.stdout + checked.stderr
