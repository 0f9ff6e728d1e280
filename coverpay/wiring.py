"""Who listens to which event, in this order, and who answers which question. Only this module imports subscribers."""

from __future__ import annotations

import billing.queries
import billing.subscribers
import coverpay.webhooks.subscribers
import policies.events
from compliance.events import EventRecorded, EventsRecorded
from coverpay.kernel import bus


def wire() -> None:
    bus.wire(
        {
            policies.events.PolicyBound: [billing.subscribers.schedule_what_was_bound],
            policies.events.TermChanged: [],
            policies.events.CancellationAnnounced: [],
            policies.events.CancellationRescinded: [],
            policies.events.PolicyCancelled: [],
            policies.events.PolicyReinstated: [],
            policies.events.PolicyRewritten: [],
            policies.events.RenewalOffered: [],
            policies.events.RenewalAccepted: [],
            policies.events.RenewalNotTaken: [],
            policies.events.TermExpired: [],
            policies.events.PoliciesBound: [billing.subscribers.schedule_what_was_bound_at_once],
            EventRecorded: [coverpay.webhooks.subscribers.plan_deliveries],
            EventsRecorded: [coverpay.webhooks.subscribers.plan_many_deliveries],
        },
        {
            policies.events.PremiumPaid: billing.queries.premium_paid,
            policies.events.PlansInForce: billing.queries.plans_in_force,
        },
    )
