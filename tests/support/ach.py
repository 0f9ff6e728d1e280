"""A house that debits bank accounts by its own bank: staged, filed, sent, settled and returned."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from billing.models import Invoice
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from payments import accounts, attempts, collection
from payments.ach import files, receiving, settling
from payments.collection import Source, Wanted
from payments.models import AchEntry, AchFile, GatewayAccount, Payment
from policies import locks
from tests.support import ach_bank, books, paying
from tests.support.books import House

CUT_OFF_UTC = dt.time(21, 5)
"""Five minutes after 16:00 in New York, in winter."""


@dataclass(frozen=True)
class Desk:
    """The house with its ACH account."""

    house: House
    account: GatewayAccount


def open_desk(house: House, **changes: Any) -> Desk:
    """An ACH account that takes every bank debit of the house."""
    account = paying.ach_account(house, **changes)
    rules = [{"when": {"method": ["ach"]}, "gateway": "nacha"}, {"when": {"method": ["card"]}, "gateway": "sandbox"}]
    accounts.publish_routing(rules=rules, effective_from=books.SINCE, actor=house.me)
    return Desk(house, account)


def debit(desk: Desk, invoice: Invoice | None = None, **more: Any) -> Payment:
    """Begin a debit of the insured's checking account and stage its entry. The mandate was given on paper."""
    invoice = invoice or books.billed(desk.house)
    method = more.pop("method", None) or paying.mandated(
        desk.house, invoice.policy, given="paper", evidence="Folder 7", holder_name="Aloha Foods"
    )
    payment = collection.collect(
        invoice_id=invoice.id, method="ach", payment_method_id=method.id, actor=desk.house.me, **more
    )
    attempts.submit(payment.attempts.get().id)
    return Payment.objects.get(pk=payment.id)


def again(desk: Desk, payment: Payment) -> Payment:
    """Present a returned payment again, as recovery does, and stage its entry."""
    made = _again(payment_id=payment.id, actor=desk.house.me)
    attempts.submit(made.attempts.get().id)
    return Payment.objects.get(pk=made.id)


@command
def _again(*, payment_id: str, actor: Actor) -> Payment:
    payment = Payment.objects.get(pk=payment_id)
    policy = locks.lock(payment.policy_id)
    wanted = [Wanted(payment.invoice_id, payment.amount_minor)]
    source = Source("ach", payment_method=payment.payment_method)
    return collection.collect_locked(policy, wanted, source=source, initiator="recovery", represents=payment)


def entry_of(payment: Payment) -> AchEntry:
    return AchEntry.objects.get(reference=payment.attempts.get().id)


def at(day: dt.date, time: dt.time = CUT_OFF_UTC) -> None:
    """Move the frozen clock on to a day, shortly after the cut-off."""
    clock.advance(dt.datetime.combine(day, time, dt.UTC) - clock.now())


def sent(desk: Desk) -> AchFile:
    """Build the file of what is staged, and send it."""
    file = files.build_file(account_id=desk.account.id, actor=desk.house.me)
    assert file is not None
    return files.mark_sent(file_id=file.id, actor=desk.house.me)


def settled(desk: Desk, payment: Payment, on: dt.date) -> Payment:
    """Let the settlement day come."""
    at(on)
    settling.settle_due()
    return Payment.objects.get(pk=payment.id)


def received(
    desk: Desk, *rows: ach_bank.Row, sec: str = "PPD", on: dt.date | None = None, name: str = "r.ach"
) -> AchFile:
    """A file of returns from the bank."""
    content = ach_bank.file(rows, sec=sec, on=on or clock.today())
    return receiving.receive(account_id=desk.account.id, name=name, content=content, actor=desk.house.me)


def lines(file: AchFile) -> list[str]:
    return receiving.content_of(file).decode().splitlines()
