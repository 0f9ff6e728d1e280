"""Links to a page where a payor pays, or gives new payment details, without signing in.

A link is a secret of 256 bits of which only the hash is kept. It is about one invoice, or all that is open of a policy
or a billing account, and shows nothing else. It ends by time, by its single use, or when it is revoked; a payment that
failed does not use it up.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import NamedTuple, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.urls import reverse

from billing.models import BillingAccount, Invoice
from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid, NotFound
from payments import messages, waits
from payments.models import PayLink, Payment, RecoveryCase
from payments.waits import Watched
from policies.models import Party, Policy

M = TypeVar("M", bound=Model)

DAYS = 14
MOST_DAYS = 366
FREE_BY_ADDRESS = 20
_BYTES = 32


class LinkUnknown(NotFound):
    """No pay link has this secret."""

    code = "pay_link_unknown"


class LinkExpired(Conflict):
    """The link's time is over; ask the sender for a new one."""

    code = "pay_link_expired"


class LinkUsed(Conflict):
    """The link was for one use, and it was used."""

    code = "pay_link_used"


class LinkRevoked(Conflict):
    """The sender took the link back."""

    code = "pay_link_revoked"


class Issued(NamedTuple):
    """A new link and its address, which is shown once and never again."""

    link: PayLink
    url: str


@command
def create(
    *,
    actor: Actor,
    policy_id: str | None = None,
    billing_account_id: str | None = None,
    invoice_id: str | None = None,
    purpose: str = PayLink.Purpose.PAY,
    single_use: bool = True,
    days: int = DAYS,
    party_id: str | None = None,
    by_mail: bool = False,
) -> Issued:
    """Make a link about a policy, a billing account or one invoice.

    Takes:  one of the three; without `invoice_id` it is about all that is open when it is used. `party_id`, whose kept
            methods the page offers: the account's payor or the insured when left out; `by_mail` sends it to them.
    Raises: NotFound, Forbidden, Invalid.
    """
    access.require(actor, Permission.PAYMENTS_WRITE)
    policy = account = invoice = None
    if invoice_id is not None:
        invoice = _one(actor, Invoice.objects.select_related("policy", "account"), invoice_id, "invoice")
        policy_id = policy_id or invoice.policy_id
    if (policy_id is None) == (billing_account_id is None):
        raise Invalid("A link is about one policy, or about one billing account.", field="policy")
    if policy_id is not None:
        policy = _one(actor, Policy.objects.all(), policy_id, "policy")
    if billing_account_id is not None:
        account = _one(actor, BillingAccount.objects.all(), billing_account_id, "billing_account")
    party = _one(actor, Party.objects.all(), party_id, "party") if party_id is not None else None
    issued = create_locked(
        policy=policy,
        account=account,
        invoice=invoice,
        purpose=purpose,
        single_use=single_use,
        days=days,
        party=party or _payor(policy, account, invoice),
    )
    if by_mail:
        _send(issued)
    return issued


@step
def create_locked(
    *,
    policy: Policy | None = None,
    account: BillingAccount | None = None,
    invoice: Invoice | None = None,
    purpose: str = PayLink.Purpose.PAY,
    single_use: bool = True,
    days: int = DAYS,
    party: Party | None = None,
    recovery_case: RecoveryCase | None = None,
    minutes: int = 0,
) -> Issued:
    """Make a link about a policy or an account.

    Takes:  `minutes` in place of `days` for a link that only a session opens; `party` None for a guest, to whom kept
            methods are not shown.
    Raises: Invalid.
    """
    about = policy or account
    if about is None or (policy is not None and account is not None):
        raise Invalid("A link is about one policy, or about one billing account.", field="policy")
    if invoice is not None and (invoice.policy_id, invoice.account_id)[policy is None] != about.id:
        raise Invalid("The invoice is of another policy or account.", field="invoice")
    if purpose not in PayLink.Purpose.values:
        raise Invalid(f"A link is to {' or '.join(PayLink.Purpose.values)}.", field="purpose")
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"A link is good for 1 to {MOST_DAYS} days.", field="days")
    if party is not None and party.organization_id != about.operator_id:
        raise Invalid("The party is of another organization.", field="party")
    secret = secrets.token_urlsafe(_BYTES)
    link = PayLink.objects.create(
        organization_id=about.operator_id,
        purpose=purpose,
        policy=policy,
        billing_account=account,
        invoice=invoice,
        party=party,
        recovery_case=recovery_case,
        secret_hash=hash_of(secret),
        single_use=single_use,
        expires_at=clock.now() + (dt.timedelta(minutes=minutes) if minutes else dt.timedelta(days=days)),
    )
    _tell("pay_link.created", link, {"expires_at": link.expires_at.isoformat(), "single_use": single_use})
    return Issued(link, f"{settings.PUBLIC_URL}{reverse('pay:open', args=[secret])}")


@command
def revoke(*, link_id: str, reason: str, actor: Actor) -> PayLink:
    """Take a link back; a payment made by it goes on. Raises: NotFound, Forbidden, LinkRevoked."""
    rows = PayLink.objects.select_for_update(no_key=True)
    link = access.get_operable(actor, rows, link_id, permission=Permission.PAYMENTS_WRITE, field="pay_link")
    if link.revoked_at is not None:
        raise LinkRevoked(f"It was revoked on {link.revoked_at:%Y-%m-%d}.")
    link.revoked_at = clock.now()
    link.save(update_fields=["revoked_at"])
    _tell("pay_link.revoked", link, {}, reason)
    return link


def open(*, secret: str, address: str, actor: Actor) -> PayLink:
    """Find the link of a secret and note that it was opened.

    Takes:  the network address of who asks, which waits longer and longer after secrets that nobody gave out.
    Raises: LinkUnknown, whatever is wrong with the secret; LinkExpired, LinkUsed, LinkRevoked, TooManyTries.
    """
    link = note_opened(secret=secret, address=address, actor=actor)
    if link is None:
        raise LinkUnknown("This link is not known. Check that the address is complete, or ask for a new link.")
    check(link)
    return link


@command
def note_opened(*, secret: str, address: str, actor: Actor) -> PayLink | None:
    """The link of a secret, noted as opened; None, and the try counted, when there is none. Raises: TooManyTries."""
    watched = [Watched("link-address", address, FREE_BY_ADDRESS)]
    waits.refuse_waiting(watched)
    link = PayLink.objects.select_for_update(no_key=True).filter(secret_hash=hash_of(secret)).first()
    if link is None:
        waits.failed(watched)
    if link is None or link.opened_at is not None or state_of(link) != "open":
        commands.unchanged()
        return link
    link.opened_at = clock.now()
    link.save(update_fields=["opened_at"])
    _tell("pay_link.opened", link, {})
    return link


def check(link: PayLink) -> None:
    """Say nothing while a link may be used. Raises: LinkExpired, LinkUsed, LinkRevoked."""
    if link.revoked_at is not None:
        raise LinkRevoked("This link was taken back. Ask for a new one.")
    if is_used(link):
        raise LinkUsed("This link was for one use, and it was used.")
    if link.expires_at <= clock.now():
        raise LinkExpired("This link has expired. Ask for a new one.")


def is_used(link: PayLink) -> bool:
    """Whether a link for one use was used; a payment that failed leaves it open."""
    failed = link.payment is not None and link.payment.state == Payment.State.FAILED
    return link.single_use and link.used_at is not None and not failed


def state_of(link: PayLink) -> str:
    """How a link stands: open, used, expired or revoked."""
    try:
        check(link)
    except (LinkExpired, LinkUsed, LinkRevoked) as ended:
        return ended.code.removeprefix("pay_link_")
    return "open"


@step
def use_locked(link: PayLink, payment: Payment | None = None) -> None:
    """Note what was done by a locked link. Raises: LinkExpired, LinkUsed, LinkRevoked."""
    check(link)
    link.used_at, link.payment = clock.now(), payment or link.payment
    link.save(update_fields=["used_at", "payment"])
    _tell("pay_link.used", link, {"payment": payment.id} if payment else {})


def payor_of(link: PayLink) -> Party:
    """Who pays by a link: the party it is for; for a guest's, the account's payor or the insured."""
    return link.party or _payor(link.policy, link.billing_account, link.invoice)


def actor_of(link: PayLink) -> Actor:
    """The holder of a link, as commands see them: one organization, and nothing but paying."""
    return Actor(
        kind="system",
        id=link.id,
        organization_id=link.organization_id,
        permissions=frozenset({Permission.PAYMENTS_WRITE, Permission.PAYMENTS_READ}),
        label="Payor" if link.party_id else "Guest",
    )


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _send(issued: Issued) -> None:
    link, party = issued.link, issued.link.party
    if party is None or not party.email:
        raise Invalid("No e-mail address of the payor is known.", field="by_mail")
    messages.plan_locked(
        "pay_link",
        organization=link.organization,
        key=f"pay_link:{link.id}",
        subject_id=link.id,
        party=party,
        policy=link.policy,
        context={
            "link": issued.url,
            "link_expires_at": link.expires_at,
            "details": link.purpose == PayLink.Purpose.DETAILS,
        },
    )


def _payor(policy: Policy | None, account: BillingAccount | None, invoice: Invoice | None) -> Party:
    paid_by = account or (invoice.account if invoice is not None else None)
    if paid_by is not None:
        return paid_by.payor
    assert policy is not None
    return policy.insured


def _one(actor: Actor, rows: QuerySet[M], id: str, field: str) -> M:
    return access.get_operable(actor, rows, id, permission=Permission.PAYMENTS_WRITE, field=field)


def _tell(type: str, link: PayLink, more: dict[str, object], reason: str = "") -> None:
    facts = {
        "purpose": link.purpose,
        "policy": link.policy_id,
        "billing_account": link.billing_account_id,
        "invoice": link.invoice_id,
        **more,
    }
    audit.record(action=type, object_id=link.id, organization_id=link.organization_id, after=facts, reason=reason)
    events.record(
        type=type,
        organization_id=link.organization_id,
        object_id=link.id,
        subject_id=link.policy_id or "",
        data={"pay_link": link.id, **facts},
    )
