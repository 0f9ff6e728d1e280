"""Who listens to which event, in this order, and who answers which question. Only this module imports subscribers."""

from __future__ import annotations

import billing.queries
import billing.subscribers
import coverpay.close_checks
import coverpay.parties
import coverpay.webhooks.subscribers
import payments.subscribers
import policies.events
import reconciliation.events
from billing.events import SuspenseMoved
from compliance.events import EventRecorded, EventsRecorded
from coverpay.kernel import bus


def wire() -> None:
    bus.wire(
        {
            policies.events.PolicyBound: [billing.subscribers.schedule_what_was_bound],
            policies.events.TermChanged: [billing.subscribers.adjust_to_the_change],
            policies.events.CancellationAnnounced: [],
            policies.events.CancellationRescinded: [],
            policies.events.PolicyCancelled: [billing.subscribers.settle_a_cancelled_term],
            policies.events.PolicyReinstated: [billing.subscribers.restore_a_reinstated_term],
            policies.events.PolicyRewritten: [billing.subscribers.carry_to_the_new_policy],
            policies.events.RenewalOffered: [billing.subscribers.schedule_what_was_bound],
            policies.events.RenewalAccepted: [],
            policies.events.RenewalNotTaken: [billing.subscribers.ask_no_more],
            policies.events.TermExpired: [],
            policies.events.PoliciesBound: [billing.subscribers.schedule_what_was_bound_at_once],
            SuspenseMoved: [
                payments.subscribers.follow_the_suspense_item,
                payments.subscribers.end_recovery_of_what_is_paid,
            ],
            EventRecorded: [coverpay.webhooks.subscribers.plan_deliveries],
            EventsRecorded: [coverpay.webhooks.subscribers.plan_many_deliveries],
        },
        {
            policies.events.PremiumPaid: billing.queries.premium_paid,
            reconciliation.events.OpenAbove: coverpay.close_checks.open_above,
            reconciliation.events.PartiesBehind: coverpay.parties.parties_behind,
            policies.events.PlansInForce: billing.queries.plans_in_force,
        },
    )
