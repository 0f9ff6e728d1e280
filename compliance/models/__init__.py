"""Who works here and what they may do, records never rewritten, permits, rules, screening."""

from compliance.models.identity import ApiKey, Membership, Organization, User, UserManager
from compliance.models.permits import PERMIT_JUMPS, Permit
from compliance.models.records import AuditEntry, EventRecord, Explanation
from compliance.models.rules import Moratorium, RuleDecision
from compliance.models.screening import SanctionedName, SanctionsList, Screening

__all__ = [
    "PERMIT_JUMPS",
    "ApiKey",
    "AuditEntry",
    "EventRecord",
    "Explanation",
    "Membership",
    "Moratorium",
    "Organization",
    "Permit",
    "RuleDecision",
    "SanctionedName",
    "SanctionsList",
    "Screening",
    "User",
    "UserManager",
]
