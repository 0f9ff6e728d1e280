"""Parties, programs, and policies with their terms, transactions, segments and charges."""

from policies.models.changes import (
    CANCELLATION_JUMPS,
    Cancellation,
    Charge,
    Component,
    Initiator,
    PayeeKind,
    Segment,
    Transaction,
)
from policies.models.contracts import POLICY_JUMPS, TERM_JUMPS, Participant, Policy, Term
from policies.models.imports import PolicyImport
from policies.models.parties import Party, Program, ProgramVersion

__all__ = [
    "CANCELLATION_JUMPS",
    "POLICY_JUMPS",
    "TERM_JUMPS",
    "Cancellation",
    "Charge",
    "Component",
    "Initiator",
    "Participant",
    "Party",
    "PayeeKind",
    "Policy",
    "PolicyImport",
    "Program",
    "ProgramVersion",
    "Segment",
    "Term",
    "Transaction",
]
