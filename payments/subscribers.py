"""What payments do when a lower layer tells them something."""

from __future__ import annotations

from django.db.models import Q

from billing.events import SuspenseMoved
from billing.models import Application, CashTransfer, SuspenseItem
from coverpay.kernel import clock
from payments import recovery
from payments.models import DepositItem


def end_recovery_of_what_is_paid(event: SuspenseMoved) -> None:
    """What was being won back is here, in another way."""
    if event.state == SuspenseItem.State.PLACED:
        brought = Q(receipt__suspense_item=event.item_id) | Q(
            receipt__in=CashTransfer.objects.filter(from_receipt__suspense_item=event.item_id).values("to_receipt")
        )
        covered = Application.objects.filter(brought).values_list("line__invoice_id", flat=True)
        recovery.paid_locked(set(covered))


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
