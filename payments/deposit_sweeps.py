"""What is left to do for deposits: items nobody looked at, and announced payments whose money is still in clearing."""

from __future__ import annotations

import datetime as dt

from django.db.models import Exists, Min, OuterRef, Q

from coverpay.kernel import clock
from payments import deposits, settlement, sweeps
from payments.errands import SWEEPER
from payments.models import DepositItem, PayoutLine

State = DepositItem.State
LEFT_ALONE = dt.timedelta(minutes=5)
"""How long the sweep leaves a deposit to the worker that was woken for it."""


def sweep(limit: int = 500, *, older: dt.timedelta = dt.timedelta(0)) -> int:
    """Place what nobody looked at, then clear what announced payments brought. Gives how many it touched.

    Takes:  `older`, how long a deposit is left to the worker that was woken for it.
    """
    waiting = DepositItem.objects.filter(
        state=State.SUSPENSE, why="", suspense_item__isnull=False, created_at__lte=clock.now() - older
    )
    items = list(waiting.order_by("id").values_list("id", flat=True)[:limit])
    return sweeps.each(items, _place_one) + clear()


def _place_one(item_id: str) -> None:
    deposits.place_one(item_id=item_id, actor=SWEEPER)


def place(deposit_id: str) -> None:
    """Place each item of a deposit that nobody looked at yet."""
    deposits.place_found(deposit_id, actor=SWEEPER)


def clear() -> int:
    """Record what deposits brought of announced payments, and what came back, as payouts. Gives how many accounts."""
    recorded = PayoutLine.objects.filter(our_reference=OuterRef("attempt_id"))
    rows = DepositItem.objects.filter(attempt__isnull=False).filter(
        ~Exists(recorded.filter(kind=PayoutLine.Kind.CHARGE))
        | (Q(state=State.BOUNCED) & ~Exists(recorded.filter(kind=PayoutLine.Kind.RETURN)))
    )
    due = rows.order_by().values("attempt__account_id").annotate(since=Min("deposit__received_on"))
    since = {row["attempt__account_id"]: row["since"] for row in due}

    def fetch(account_id: str) -> None:
        settlement.import_payouts(account_id=account_id, since=since[account_id], actor=SWEEPER)

    return sweeps.each(since, fetch)
