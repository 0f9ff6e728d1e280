"""What is left to do for deposits: items nobody looked at, and announced payments whose money is still in clearing."""

from __future__ import annotations

from django.db.models import Exists, Min, OuterRef, Q

from payments import deposits, settlement, sweeps
from payments.attempts import SWEEPER
from payments.models import DepositItem, PayoutLine

State = DepositItem.State


def sweep(limit: int = 20) -> int:
    """Place what nobody looked at, then clear what announced payments brought. Gives how many it touched."""
    untouched = DepositItem.objects.filter(state=State.SUSPENSE, why="").order_by("deposit_id")
    waiting = list(untouched.values_list("deposit_id", flat=True).distinct()[:limit])
    return sweeps.each(waiting, place) + clear()


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
