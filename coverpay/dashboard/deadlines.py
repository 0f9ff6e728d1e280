"""By when return premium would have to be paid back, added to the preview of a cancellation."""

from __future__ import annotations

from dataclasses import replace

from compliance import deadlines
from coverpay.dashboard.previews import Preview
from coverpay.kernel import clock
from policies import transactions
from policies.cancellations import CancellationRequest
from policies.models import Policy


def added(shown: Preview, policy: Policy, asked: CancellationRequest) -> Preview:
    """The preview with the deadline by the state's rule, or with what a person must decide about it first."""
    term = transactions.current_term(policy)
    conditions = transactions.conditions_of(term)
    found = deadlines.return_premium_due(
        policy.operator_id,
        state=term.state_code,
        line=conditions.line,
        admitted=conditions.admitted,
        cancelled_on=asked.effective_on,
        initiator=asked.initiator,
        noticed_on=clock.today(),
        financed=asked.reason == "finance_company",
    )
    due = found.due_on.isoformat() if found.due_on else "no deadline is established"
    return replace(
        shown,
        facts=[*shown.facts, ("Return premium to be paid by", due)],
        warning=found.needs_decision,
        citation=found.citation,
    )
