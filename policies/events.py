"""What happens to a policy, told upwards."""

from __future__ import annotations

from dataclasses import dataclass

from coverpay.kernel.bus import Event


@dataclass(frozen=True, slots=True)
class PolicyBound(Event):
    """Cover began: the charges of this transaction are owed by the plan asked for at quote."""

    policy_id: str
    term_id: str
    transaction_id: str
    plan_code: str
