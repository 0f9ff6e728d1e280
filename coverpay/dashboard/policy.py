"""The page of one policy: its cover, its money, what is past due, who takes part, and everything that happened."""

from __future__ import annotations

from typing import Any

from django.views.generic import TemplateView

import billing.queries
import policies.queries
from billing import slots
from compliance import access
from compliance.http import StaffPage
from compliance.permissions import Permission
from coverpay.dashboard import agenda, cover, money, timeline
from coverpay.kernel import clock
from payments import recovery_queries
from payments.models import Autopay
from policies.models import Policy

P = Permission


class PolicyDetail(StaffPage, TemplateView):
    """One policy with every figure and why, what comes next, and what may be done about it."""

    reads = P.POLICIES_READ
    template_name = "policies/policy/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        policy = policies.queries.one(self.actor, self.kwargs["policy_id"])
        today = clock.today()
        bills = access.may(self.actor, P.BILLING_READ)
        operates = access.operable(self.actor, Policy.objects.filter(pk=policy.pk)).exists()
        terms = cover.terms_of(policy, today)
        term = cover.current(list(policy.terms.all()), today)
        own = money.of(policy) if bills else None
        if own:
            own.schedules.sort(key=lambda row: row.term_id != term.id)
        past_due = money.past_due_of(policy) if bills else []
        due_to_bill = billing.queries.is_due_to_bill(policy)
        return super().get_context_data(
            policy=policy,
            today=today,
            term=term,
            shown=next(row for row in terms if row.term.id == term.id),
            terms=sorted(terms, key=lambda row: row.term.id != term.id),
            balance=billing.queries.balance_of(policy) if bills else None,
            money=own,
            past_due=past_due,
            notices=money.notices_of(policy) if bills else [],
            timeline=timeline.of(self.actor, policy),
            upcoming=agenda.upcoming(policy, terms, own, past_due, today),
            actions=agenda.actions(self.actor, policy, terms, operates=operates, due_to_bill=due_to_bill),
            can_bill=operates and access.may(self.actor, P.BILLING_WRITE) and due_to_bill,
            shows_payors=operates and bills,
            payors=slots.payors_of(policy) if operates and bills else [],
            autopay=_autopay(policy) if operates and access.may(self.actor, P.PAYMENTS_READ) else None,
            recovering=recovery_queries.running_of(self.actor, policy),
            can_set_payors=operates and access.may(self.actor, P.BILLING_WRITE),
            can_enrol=operates and access.may(self.actor, P.PAYMENTS_WRITE),
            can_undo=operates and access.may(self.actor, P.POLICIES_WRITE),
            can_move_cash=operates and access.may(self.actor, P.CASH_WRITE),
            **kwargs,
        )


def _autopay(policy: Policy) -> Autopay | None:
    """The method that pays the policy's invoices now."""
    rows = Autopay.objects.filter(policy=policy, ended_at__isnull=True)
    return rows.select_related("payment_method").first()
