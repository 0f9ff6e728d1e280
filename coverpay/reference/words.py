"""Lists of words that outsiders rely on: events, errors, permissions."""

from __future__ import annotations

from compliance.events import CATALOG
from compliance.models import Membership
from compliance.permissions import ROLE_PERMISSIONS, Permission
from coverpay.kernel import bus
from coverpay.kernel.errors import DomainError
from coverpay.reference import code, markdown


def events() -> dict[str, str]:
    """docs/events.md: what is told to outsiders, and what parts tell each other."""
    inside = [
        [
            markdown.code(kind.__name__),
            markdown.said(kind),
            ", ".join(f"`{h.__module__}.{h.__name__}`" for h in handlers),
        ]
        for kind, handlers in bus.table().items()
    ]
    text = markdown.page(
        "Events",
        "`compliance/events.py` and `coverpay/wiring.py`",
        "## Told to outsiders",
        "Recorded in the transaction of the change itself, listed by `GET /v1/events`, sent to webhook endpoints.",
        markdown.table(["Type", "Meaning"], ([markdown.code(type), text] for type, text in sorted(CATALOG.items()))),
        "## Told between parts",
        "Synchronous, in the same transaction, in this order; the first error undoes the whole command.",
        markdown.table(["Event", "Meaning", "Heard by"], inside),
    )
    return {"events.md": text}


def errors() -> dict[str, str]:
    """docs/errors.md: every code a caller can branch on."""
    kinds = sorted({*code.below(DomainError)}, key=lambda kind: (kind.status, kind.code))
    text = markdown.page(
        "Errors",
        "the subclasses of `coverpay.kernel.errors.DomainError`",
        "Every refusal changes nothing and is answered as `application/problem+json` (RFC 9457) with its `code`, which "
        "is stable: branch on it, not on the text. The text says what was wrong and what to do.",
        markdown.table(
            ["Status", "Code", "Meaning", "From"],
            (
                [kind.status, markdown.code(kind.code), markdown.said(kind), markdown.code(kind.__module__)]
                for kind in kinds
            ),
        ),
    )
    return {"errors.md": text}


def permissions() -> dict[str, str]:
    """docs/permissions.md: what each role may do."""
    roles = [role.value for role in Membership.Role]
    text = markdown.page(
        "Permissions",
        "`compliance/permissions.py`",
        "A person holds the permissions of a role in one organization; an API key holds the scopes it was made with, "
        "which are the same words. Rows of organizations that have no part in a policy do not exist for the caller.",
        markdown.table(
            ["Permission", *(role.label for role in Membership.Role)],
            (
                [markdown.code(right), *("yes" if right in ROLE_PERMISSIONS[role] else "" for role in roles)]
                for right in Permission
            ),
        ),
    )
    return {"permissions.md": text}
