"""Who listens to which event, in this order. The only module that imports subscribers."""

from __future__ import annotations

import billing.subscribers
import coverpay.webhooks.subscribers
from compliance.events import EventRecorded
from coverpay.kernel import bus
from policies.events import PolicyBound


def wire() -> None:
    bus.wire(
        {
            PolicyBound: [billing.subscribers.schedule_what_was_bound],
            EventRecorded: [coverpay.webhooks.subscribers.plan_deliveries],
        }
    )
