"""Parties named on policies."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Invalid
from policies.models import Party

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_STATE = re.compile(r"[A-Z]{2}")
_LENGTHS = {
    "reference": 80,
    "name": 200,
    "email": 254,
    "address_line": 200,
    "city": 100,
    "state": 2,
    "postal_code": 12,
}
_NEEDED = ("reference", "name")


@dataclass(frozen=True, slots=True)
class PartyDetails:
    """What is known of a party; `reference` is the operator's own number for it."""

    reference: str
    name: str
    email: str = ""
    address_line: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""


@command
def create(*, details: PartyDetails, actor: Actor) -> Party:
    """Name a party, or find the one of the same reference. Raises: Forbidden, Invalid naming the detail."""
    access.require(actor, Permission.POLICIES_WRITE)
    organization_id = access.organization_of(actor)
    return ensure(organization_id, details)


@step
def ensure(organization_id: str, details: PartyDetails) -> Party:
    """Find the operator's party by reference, or write it. What is known of it already is left as it is."""
    details = checked(details)
    party, created = Party.objects.get_or_create(
        organization_id=organization_id,
        reference=details.reference,
        defaults={key: value for key, value in asdict(details).items() if key != "reference"},
    )
    audit.record(
        action="party.create" if created else "party.find",
        object_id=party.id,
        organization_id=organization_id,
        after=asdict(details),
    )
    return party


def checked(details: PartyDetails) -> PartyDetails:
    """The details without spaces around them. Raises: BadText, Invalid (email, state), naming the detail."""
    given = asdict(details)
    clean = replace(
        details,
        **{
            field: texts.line(given[field], field=field, at_most=length, empty=field not in _NEEDED)
            for field, length in _LENGTHS.items()
        },
    )
    if clean.email and not _EMAIL.fullmatch(clean.email):
        raise Invalid(f"{clean.email!r} is not an email address.", field="email")
    if clean.state and not _STATE.fullmatch(clean.state):
        raise Invalid("A state is two capital letters, such as HI.", field="state")
    return clean
