"""What the frame around every back-office page needs: who is signed in, for whom they act, where they may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from compliance import access
from compliance.http import actor_of
from compliance.models import Membership, Organization, User
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor

P = Permission

_PLACES: tuple[tuple[str, str, str, str, Permission], ...] = (
    ("home", "Home", "layout-dashboard", "h", P.POLICIES_READ),
    ("policies:list", "Policies", "shield", "p", P.POLICIES_READ),
    ("billing:invoices", "Billing", "receipt-text", "i", P.BILLING_READ),
    ("payments:list", "Payments", "credit-card", "m", P.PAYMENTS_READ),
    ("ledger:accounts", "Ledger", "book-open", "l", P.LEDGER_READ),
    ("reconciliation:home", "Bank", "landmark", "b", P.RECONCILIATION_READ),
    ("reports:list", "Reports", "chart-column", "o", P.POLICIES_READ),
    ("compliance:approvals", "Approvals", "stamp", "a", P.APPROVALS_READ),
    ("compliance:rules", "Rules", "scale", "r", P.RULES_READ),
    ("webhooks:list", "Webhooks", "send", "w", P.WEBHOOKS_READ),
    ("compliance:members", "Settings", "settings", "s", P.ACCESS_READ),
)


_ALSO: dict[str, tuple[str, ...]] = {
    "billing:invoices": ("/billing/",),
    "payments:list": (
        "/account-validations/", "/ach", "/attempts/", "/check-runs/", "/deposit", "/disbursements/", "/disputes/",
        "/inbound/", "/mandates/", "/messages/", "/method-fees/", "/opt-outs/", "/pay-links/", "/payment-",
        "/payouts/", "/processors/",
        "/recovery/", "/refunds/", "/routing/", "/scheduled-payments/", "/screenings/",
    ),
    "reconciliation:home": ("/closes/", "/exports/", "/trust/"),
}  # fmt: skip
"""Where a place's further pages stand, when that is not below its own address."""


@dataclass(frozen=True, slots=True)
class Link:
    """One place in the navigation."""

    label: str
    icon: str
    key: str
    url: str
    here: bool


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame of a page, read by `layouts/_sidebar.html`."""

    actor: Actor
    organization: Organization | None
    memberships: list[Membership]
    navigation: list[Link]
    permissions: frozenset[str]
    role: str


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give `shell` to templates of signed-in people: actor, organization, memberships, navigation, permissions."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {}
    actor = actor_of(request)
    memberships = list(user.memberships.select_related("organization").order_by("organization__name"))
    acting = next((m for m in memberships if m.organization_id == actor.organization_id), None)
    return {
        "shell": Shell(
            actor=actor,
            organization=acting.organization if acting else None,
            memberships=memberships,
            navigation=_links(actor, request.path),
            permissions=frozenset(p.value for p in Permission if access.may(actor, p)),
            role=acting.get_role_display() if acting else "",
        )
    }


def _links(actor: Actor, path: str) -> list[Link]:
    """The places this actor may open, the current one marked."""
    links = []
    for name, label, picture, key, permission in _PLACES:
        if not access.may(actor, permission):
            continue
        url = reverse(name)
        below = (url, *_ALSO.get(name, ()))
        here = path == url or (name != "home" and path.startswith(below))
        links.append(Link(label=label, icon=picture, key=key, url=url, here=here))
    return links
