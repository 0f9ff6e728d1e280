"""What payments do when a lower layer tells them something."""

from __future__ import annotations

from billing.events import SuspenseMoved
from billing.models import SuspenseItem
from coverpay.kernel import clock
from payments.models import DepositItem


def follow_the_suspense_item(event: SuspenseMoved) -> None:
    """An item of a deposit stands where its suspense item stands."""
    item = DepositItem.objects.filter(suspense_item_id=event.item_id).first()
    if item is None:
        return
    if event.state == SuspenseItem.State.PLACED:
        item.place()
        item.policy_id = event.policy_id
    elif event.state == SuspenseItem.State.OPEN:
        item.take_out()
        item.policy = item.invoice = None
    else:
        item.bounce()
        item.bounced_on = clock.today()
    item.why = event.reason[:200]
    item.save(update_fields=["state", "policy", "invoice", "why", "bounced_on"])
