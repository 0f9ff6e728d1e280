"""Return premium: what a change of a term gives back, how much of it is cash owed to the payor, and by when."""

from __future__ import annotations

from billing.models import ReturnPremium
from compliance import audit, deadlines, events, explanations
from compliance.deadlines import Deadline
from compliance.explanations import Figure
from coverpay.kernel.commands import step
from coverpay.kernel.figures import Explained
from policies import conditions
from policies.models import Cancellation, Initiator, Policy, Term, Transaction


@step
def record(
    policy: Policy, term: Term, transaction: Transaction, *, credited_minor: int, refundable_minor: int
) -> ReturnPremium | None:
    """Keep what a transaction gave back on a locked policy, with its deadline; once a transaction.

    Takes:  `credited_minor`, all that was credited; `refundable_minor`, the part of it that is unapplied cash now.
    Gives:  the record; None when nothing was credited. Where no rule says by when, it says what to decide.
    """
    found = ReturnPremium.objects.filter(transaction_id=transaction.id).first()
    if found is not None or credited_minor <= 0:
        return found
    deadline = _deadline(policy, term, transaction)
    owed = ReturnPremium.objects.create(
        policy=policy,
        term=term,
        transaction_id=transaction.id,
        credited_minor=credited_minor,
        refundable_minor=refundable_minor,
        currency=policy.program.currency,
        arose_on=transaction.effective_on,
        due_on=deadline.due_on,
        needs_decision=deadline.needs_decision[:300],
        citation=deadline.citation,
    )
    _explain(owed, deadline)
    _tell(owed)
    return owed


def _deadline(policy: Policy, term: Term, transaction: Transaction) -> Deadline:
    read = conditions.read(term.program_version.terms, policy.program.currency)
    ended = Cancellation.objects.filter(transaction=transaction).first()
    return deadlines.return_premium_due(
        policy.operator_id,
        state=term.state_code,
        line=read.line,
        admitted=read.admitted,
        cancelled_on=transaction.effective_on if ended else transaction.processed_at.date(),
        initiator=ended.initiator if ended else Initiator.INSURED,
        noticed_on=ended.requested_on if ended else None,
        financed=ended is not None and ended.initiator == Initiator.FINANCE_COMPANY,
    )


def _explain(owed: ReturnPremium, deadline: Deadline) -> None:
    explanations.record(
        [
            Figure(
                owed.id,
                "return premium owed in cash",
                owed.refundable_minor,
                owed.currency,
                Explained(
                    formula="unapplied cash after the change, at most what was credited",
                    inputs={
                        "credited_minor": owed.credited_minor,
                        "refundable_minor": owed.refundable_minor,
                        "days": str(deadline.days),
                        "counted_from": deadline.counted_from,
                        "due_on": str(owed.due_on),
                    },
                    rule="return premium deadline of the state",
                    citation=deadline.citation,
                ),
            )
        ]
    )


def _tell(owed: ReturnPremium) -> None:
    facts = {
        "credited_minor": owed.credited_minor,
        "refundable_minor": owed.refundable_minor,
        "currency": owed.currency,
        "due_on": owed.due_on.isoformat() if owed.due_on else None,
        "needs_decision": owed.needs_decision,
    }
    operator_id = owed.policy.operator_id
    audit.record(action="return_premium.record", object_id=owed.id, organization_id=operator_id, after=facts)
    events.record(
        type="return_premium.owed",
        organization_id=operator_id,
        object_id=owed.id,
        subject_id=owed.policy_id,
        data={"return_premium": owed.id, "policy": owed.policy_id, **facts},
    )
