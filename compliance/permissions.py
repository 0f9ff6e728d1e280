"""What a membership role or an API key may do. Scopes of keys and permissions of roles are the same words."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    POLICIES_READ = "policies.read"
    POLICIES_WRITE = "policies.write"
    BILLING_READ = "billing.read"
    BILLING_WRITE = "billing.write"
    CASH_WRITE = "cash.write"
    PAYMENTS_READ = "payments.read"
    PAYMENTS_WRITE = "payments.write"
    LEDGER_READ = "ledger.read"
    RECONCILIATION_READ = "reconciliation.read"
    RECONCILIATION_WRITE = "reconciliation.write"
    APPROVALS_READ = "approvals.read"
    APPROVALS_DECIDE = "approvals.decide"
    RULES_READ = "rules.read"
    RULES_DECIDE = "rules.decide"
    AUDIT_READ = "audit.read"
    EVENTS_READ = "events.read"
    WEBHOOKS_READ = "webhooks.read"
    WEBHOOKS_WRITE = "webhooks.write"
    ACCESS_READ = "access.read"
    ACCESS_WRITE = "access.write"


P = Permission
_VIEW = frozenset({P.POLICIES_READ, P.BILLING_READ, P.PAYMENTS_READ})

ROLE_PERMISSIONS: dict[str, frozenset[Permission]] = {
    "viewer": _VIEW,
    "billing": _VIEW | {P.POLICIES_WRITE, P.BILLING_WRITE, P.EVENTS_READ, P.APPROVALS_READ, P.RULES_READ},
    "cash": _VIEW | {P.PAYMENTS_WRITE, P.CASH_WRITE, P.RECONCILIATION_READ, P.EVENTS_READ, P.APPROVALS_READ},
    "finance": _VIEW
    | {
        P.BILLING_WRITE,
        P.CASH_WRITE,
        P.PAYMENTS_WRITE,
        P.APPROVALS_READ,
        P.APPROVALS_DECIDE,
        P.RULES_READ,
        P.LEDGER_READ,
        P.RECONCILIATION_READ,
        P.RECONCILIATION_WRITE,
        P.EVENTS_READ,
    },
    "compliance": _VIEW
    | {
        P.LEDGER_READ,
        P.RECONCILIATION_READ,
        P.APPROVALS_READ,
        P.APPROVALS_DECIDE,
        P.RULES_READ,
        P.RULES_DECIDE,
        P.AUDIT_READ,
        P.EVENTS_READ,
        P.ACCESS_READ,
    },
    "admin": frozenset(Permission),
}

MONEY_MOVING = frozenset(
    {
        P.BILLING_WRITE,
        P.CASH_WRITE,
        P.PAYMENTS_WRITE,
        P.RECONCILIATION_WRITE,
        P.POLICIES_WRITE,
        P.APPROVALS_DECIDE,
        P.RULES_DECIDE,
    }
)
"""No viewer holds any of these; a test walks every write route to show it."""
