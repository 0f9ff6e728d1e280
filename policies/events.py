"""What happens to a policy, told upwards, and the one thing asked of the layers above."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from coverpay.kernel.bus import Event, Question


@dataclass(frozen=True, slots=True)
class PolicyBound(Event):
    """Cover began: the charges of this transaction are owed by the plan asked for at quote."""

    policy_id: str
    term_id: str
    transaction_id: str
    plan_code: str


@dataclass(frozen=True, slots=True)
class PoliciesBound(Event):
    """Many covers began at once (an import): each is what `PolicyBound` says of one."""

    policies: tuple[PolicyBound, ...]


@dataclass(frozen=True, slots=True)
class TermChanged(Event):
    """An endorsement, a premium audit or a reversal wrote charges that add to what the term owes, or take from it."""

    policy_id: str
    term_id: str
    transaction_id: str


@dataclass(frozen=True, slots=True)
class CancellationAnnounced(Event):
    """The term will end on a later day, unless the cancellation is rescinded. Nothing is returned yet."""

    policy_id: str
    term_id: str
    cancellation_id: str


@dataclass(frozen=True, slots=True)
class CancellationRescinded(Event):
    """An announced cancellation was taken back before its day; cover was never interrupted."""

    policy_id: str
    term_id: str
    cancellation_id: str


@dataclass(frozen=True, slots=True)
class PolicyCancelled(Event):
    """The term ended before its time; the transaction's charges return what is not kept."""

    policy_id: str
    term_id: str
    transaction_id: str
    cancellation_id: str


@dataclass(frozen=True, slots=True)
class PolicyReinstated(Event):
    """Cover goes on; the transaction's charges are owed again. `lapse_days` had no cover."""

    policy_id: str
    term_id: str
    transaction_id: str
    lapse_days: int


@dataclass(frozen=True, slots=True)
class PolicyRewritten(Event):
    """One policy was cancelled and another bound in its place; what was paid in excess goes to the new one.

    It is told alone: neither `PolicyCancelled` nor `PolicyBound` is published for the two.
    """

    from_policy_id: str
    from_term_id: str
    cancel_transaction_id: str
    to_policy_id: str
    to_term_id: str
    to_transaction_id: str
    plan_code: str


@dataclass(frozen=True, slots=True)
class RenewalOffered(Event):
    """A next term was offered with its charges; it is accepted by payment or by word, or it is not taken."""

    policy_id: str
    term_id: str
    transaction_id: str
    plan_code: str


@dataclass(frozen=True, slots=True)
class RenewalAccepted(Event):
    """The offered term was taken."""

    policy_id: str
    term_id: str


@dataclass(frozen=True, slots=True)
class RenewalNotTaken(Event):
    """The offered term was let go; what was billed for it is asked no more."""

    policy_id: str
    term_id: str


@dataclass(frozen=True, slots=True)
class TermExpired(Event):
    """The last day of a term is over."""

    policy_id: str
    term_id: str


@dataclass(frozen=True, slots=True)
class PremiumPaid(Question[int]):
    """How much premium of a term is paid by cash applied, net of what was taken back, in minor units?"""

    term_id: str


@dataclass(frozen=True, slots=True)
class PlansInForce(Question[frozenset[tuple[str, dt.date]]]):
    """Which of these payment plans (code, day) of an operator are in force on their day?"""

    operator_id: str
    plans: frozenset[tuple[str, dt.date]]
