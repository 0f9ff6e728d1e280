"""Parties named on policies."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Invalid
from policies.models import Party


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
    """Name a party, or find the one of the same reference. Raises: Invalid for an empty name or reference."""
    access.require(actor, Permission.POLICIES_WRITE)
    organization_id = access.organization_of(actor)
    return ensure(organization_id, details)


@step
def ensure(organization_id: str, details: PartyDetails) -> Party:
    """Find the operator's party by reference, or write it."""
    for field in ("reference", "name"):
        if not getattr(details, field).strip():
            raise Invalid(f"A party needs a {field}.", field=field)
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
