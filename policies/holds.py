"""What stops a cancellation: a moratorium where the risk is."""

from __future__ import annotations

import datetime as dt

from compliance import moratoriums
from coverpay.kernel import clock
from coverpay.kernel.errors import RuleViolation
from policies.models import Cancellation, Initiator, Policy, Term

STOPPED = (Cancellation.Reason.NONPAYMENT, Cancellation.Reason.UNDERWRITING)
"""Reasons of the insurer's own; what the insured or its lender asks for is never stopped."""


class InMoratorium(RuleViolation):
    """A moratorium forbids the insurer to cancel there now."""

    code = "in_moratorium"


def require_none(policy: Policy, term: Term, *, reason: str, initiator: str, on: dt.date) -> None:
    """Check that no moratorium stops the insurer's cancellation today or on its day. Raises: InMoratorium."""
    if reason not in STOPPED or initiator != Initiator.INSURER:
        return
    insured = policy.insured
    postal_code = insured.postal_code if insured.state in ("", term.state_code) else ""
    for day in (on, clock.today()):
        found = moratoriums.in_force(policy.operator_id, state_code=term.state_code, postal_code=postal_code, on=day)
        if found is not None:
            said = f"{found.name} stops cancellations in {found.state_code} up to {found.ends_on}; cancel after it."
            raise InMoratorium(said, citation=found.citation, field="effective_on", moratorium=found.id)
