"""Guests: whoever knows the number of a policy or account and the postal code of its payor may pay it.

A wrong number and a wrong postal code get the same answer. Each number and each network address waits longer and longer
after tries that failed. Success gives a link of half an hour that only this browser's session opens, without anything
of the payor but what is owed.
"""

from __future__ import annotations

import hmac
import re

from billing.models import BillingAccount
from compliance import audit
from compliance.models import Organization
from coverpay.kernel import texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from payments import pay_links, waits
from payments.models import PayLink
from payments.waits import Watched
from policies.models import Party, Policy

MINUTES = 30
FREE_BY_NUMBER, FREE_BY_ADDRESS = 3, 10
_NO_CODE = "\0"
_ZIP = re.compile(r"([0-9]{5})([- ]?[0-9]{4})?")


@command
def look_up(*, organization_id: str, number: str, postal_code: str, address: str, actor: Actor) -> PayLink | None:
    """Find what a guest may pay.

    Takes:  the number of a policy or billing account as printed on a bill; the network address of who asks.
    Gives:  a link of this session; None when number and postal code do not fit, whichever is wrong.
    Raises: BadText, TooManyTries.
    """
    number = texts.line(number, field="number", at_most=60)
    postal_code = texts.line(postal_code, field="postal_code", at_most=12)
    watched = watched_of(organization_id, number, address)
    waits.refuse_waiting(watched)
    policy = _policy(organization_id, number)
    account = _account(organization_id, number)
    fits = [
        same_place(policy.insured if policy else None, postal_code),
        same_place(account.payor if account else None, postal_code),
    ]
    if not any(fits):
        waits.failed(watched)
        found = policy or account
        audit.record(
            action="guest.refuse",
            object_id=found.id if found else "",
            organization_id=organization_id,
            after={"address": address, "tries_count_for": "number and address"},
        )
        return None
    waits.succeeded(watched[0])
    about = {"policy": policy} if fits[0] else {"account": account}
    link = pay_links.create_locked(**about, single_use=False, minutes=MINUTES).link
    audit.record(action="guest.find", object_id=link.id, organization_id=organization_id, after={"address": address})
    return link


def organization_of(code: str) -> Organization | None:
    """The organization whose payors look up their bills under this code."""
    return Organization.objects.filter(code=code).first()


def watched_of(organization_id: str, number: str, address: str) -> list[Watched]:
    """What is counted of a try: the number, whoever asks, and the network address, whatever it asks for."""
    return [
        Watched("guest-number", f"{organization_id} {number.upper()}", FREE_BY_NUMBER),
        Watched("guest-address", address, FREE_BY_ADDRESS),
    ]


def same_place(party: Party | None, postal_code: str) -> bool:
    """Whether a postal code is that of a party; of a United States code the first five digits count."""
    kept = _code(party.postal_code) if party is not None else ""
    return hmac.compare_digest((kept or _NO_CODE).encode(), _code(postal_code).encode())


def _code(postal_code: str) -> str:
    found = _ZIP.fullmatch(postal_code.strip())
    return found[1] if found else "".join(postal_code.split()).upper()


def _policy(organization_id: str, number: str) -> Policy | None:
    rows = Policy.objects.filter(operator_id=organization_id).exclude(
        state__in=[Policy.State.QUOTED, Policy.State.NOT_TAKEN]
    )
    return rows.select_related("insured").filter(number=number).first()


def _account(organization_id: str, number: str) -> BillingAccount | None:
    rows = BillingAccount.objects.filter(operator_id=organization_id)
    return rows.select_related("payor").filter(number=number).first()
