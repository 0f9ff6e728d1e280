"""What the frame around every back-office page needs: who is signed in, for whom they act, where they may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from compliance import access
from compliance.http import actor_of
from compliance.models import Membership, Organization, User
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor

P = Permission

_PLACES: tuple[tuple[str, str, str, Permission], ...] = (
    ("home", "Home", "layout-dashboard", P.POLICIES_READ),
    ("policies:list", "Policies", "shield", P.POLICIES_READ),
    ("billing:invoices", "Invoices", "receipt-text", P.BILLING_READ),
    ("payments:list", "Payments", "credit-card", P.PAYMENTS_READ),
    ("ledger:accounts", "Ledger", "book-open", P.LEDGER_READ),
    ("reconciliation:home", "Bank", "landmark", P.RECONCILIATION_READ),
    ("webhooks:list", "Webhooks", "send", P.WEBHOOKS_READ),
    ("compliance:members", "Settings", "settings", P.ACCESS_READ),
)


@dataclass(frozen=True, slots=True)
class Link:
    """One place in the navigation."""

    label: str
    icon: str
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


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give `shell` to templates of signed-in people: actor, organization, memberships, navigation, permissions."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {}
    actor = actor_of(request)
    memberships = list(user.memberships.select_related("organization").order_by("organization__name"))
    organization = next((m.organization for m in memberships if m.organization_id == actor.organization_id), None)
    return {
        "shell": Shell(
            actor=actor,
            organization=organization,
            memberships=memberships,
            navigation=list(_links(actor, request.path)),
            permissions=frozenset(p.value for p in Permission if access.may(actor, p)),
        )
    }


def _links(actor: Actor, path: str) -> list[Link]:
    links = []
    for name, label, picture, permission in _PLACES:
        if not access.may(actor, permission):
            continue
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        here = path == url or (name != "home" and path.startswith(url))
        links.append(Link(label=label, icon=picture, url=url, here=here))
    return links
