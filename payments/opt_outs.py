"""Addresses that want no more messages of a kind, and the signed link by which a payor says so without a login.

Notices the law requires are letters of `billing.notices` and never pass here.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.urls import reverse

from compliance import access, audit, events
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid, NotFound
from payments.models import OptOut

KINDS = {"recovery": "failed payments", "autopay": "coming automatic payments", "receipts": "receipts"}
EVERY = ""
_SALT = "payments.opt-out"


class OptOutLinkUnknown(NotFound):
    """The link to end messages is not one of ours, or was changed on the way."""

    code = "opt_out_link_unknown"


class OptOutEnded(Conflict):
    """The opt-out is over already."""

    code = "opt_out_ended"


@dataclass(frozen=True, slots=True)
class Address:
    """Whose messages of which kind to which address: what the signed link says."""

    organization_id: str
    address: str
    kind: str

    @property
    def about(self) -> str:
        return KINDS.get(self.kind, "payments")


@command
def opt_out(*, organization_id: str, address: str, kind: str, actor: Actor) -> OptOut:
    """Send an address no more messages of a kind (empty: of any). The same again gives the one that stands.

    Raises: Forbidden, Invalid (kind), BadText.
    """
    _allowed(actor, organization_id)
    address, kind = _address(address), _kind(kind)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    standing = _standing(organization_id, address, kind)
    if standing is not None:
        commands.unchanged()
        return standing
    row = OptOut.objects.create(organization_id=organization_id, address=address, kind=kind)
    _tell("opt_out.recorded", row)
    return row


@command
def resubscribe(*, organization_id: str, address: str, kind: str, actor: Actor) -> OptOut | None:
    """Send messages of a kind again. Where no opt-out stands, nothing changes. Raises: Forbidden, Invalid (kind)."""
    _allowed(actor, organization_id)
    address, kind = _address(address), _kind(kind)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    standing = _standing(organization_id, address, kind)
    if standing is None:
        commands.unchanged()
        return None
    standing.ended_at = clock.now()
    standing.save(update_fields=["ended_at"])
    _tell("opt_out.ended", standing)
    return standing


@command
def end(*, opt_out_id: str, actor: Actor) -> OptOut:
    """End an opt-out, since its address wants messages again. Raises: NotFound, Forbidden, OptOutEnded."""
    rows = OptOut.objects.select_for_update(no_key=True)
    row = access.get_operable(actor, rows, opt_out_id, permission=Permission.PAYMENTS_WRITE, field="opt_out")
    if row.ended_at is not None:
        raise OptOutEnded(f"This opt-out ended on {row.ended_at:%Y-%m-%d}.", field="opt_out")
    row.ended_at = clock.now()
    row.save(update_fields=["ended_at"])
    _tell("opt_out.ended", row)
    return row


def wants_none(organization_id: str, address: str, kind: str) -> OptOut | None:
    """The opt-out that stands against a message of a kind, if any."""
    return _standing(organization_id, _address(address), kind) or _standing(organization_id, _address(address), EVERY)


def link(organization_id: str, address: str, kind: str) -> str:
    """The address of the page where the holder of an e-mail address ends messages of a kind."""
    token = signing.dumps([organization_id, _address(address), kind], salt=_SALT)
    return f"{settings.PUBLIC_URL}{reverse('payments:unsubscribe', args=[token])}"


def read(token: str) -> Address:
    """What a link says. Raises: OptOutLinkUnknown."""
    try:
        organization_id, address, kind = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError):
        raise OptOutLinkUnknown("This link is not known. Check that the address is complete.") from None
    return Address(organization_id, address, kind)


def stands(said: Address) -> bool:
    """Whether the very opt-out of a link stands."""
    return _standing(said.organization_id, said.address, said.kind) is not None


def _standing(organization_id: str, address: str, kind: str) -> OptOut | None:
    rows = OptOut.objects.filter(organization_id=organization_id, address=address, ended_at__isnull=True)
    return rows.filter(kind=kind).first()


def _allowed(actor: Actor, organization_id: str) -> None:
    """The system acts for the holder of a signed link; anybody else needs leave, in their own organization."""
    access.require(actor, Permission.PAYMENTS_WRITE)
    if not actor.sees_all and access.organization_of(actor) != organization_id:
        raise NotFound(f"No organization {organization_id}.", field="organization")


def _address(address: str) -> str:
    address = texts.line(address, field="address", at_most=254).lower()
    if "@" not in address:
        raise Invalid("An e-mail address has an @.", field="address")
    return address


def _kind(kind: str) -> str:
    if kind not in (EVERY, *KINDS):
        raise Invalid(f"Messages are of the kind {', '.join(KINDS)}, or empty for all.", field="kind")
    return kind


@step
def _tell(type: str, row: OptOut) -> None:
    facts = {"address": row.address, "kind": row.kind}
    audit.record(action=type, object_id=row.id, organization_id=row.organization_id, after=facts)
    events.record(type=type, organization_id=row.organization_id, object_id=row.id, data={"opt_out": row.id, **facts})
