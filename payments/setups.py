"""Take a card or bank account by the processor's own element: begun, entered there, and kept as a token.

What was begun for whom travels in a signed text, so that nobody keeps for one payor what was entered for another.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core import signing

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import ids
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, Invalid
from payments import accounts, methods
from payments.gateways.base import KeepsMethods, MethodReport, NotSent, SetupReport
from payments.models import GatewayAccount, PaymentMethod
from payments.ways import CannotReachProcessor, MethodNotEntered
from policies.models import Party

SALT = "payments.setups"
LIVES_SECONDS = 3600


class NoElement(Conflict):
    """The account's processor has no element of its own to take a card or bank account with."""

    code = "no_element"


class SetupUnknown(Invalid):
    """The setup was not begun here, or it was begun too long ago; begin another one."""

    code = "setup_unknown"


@dataclass(frozen=True, slots=True)
class Begun:
    """A setup that waits for its payor: what the processor's element needs, and the text that finishes it."""

    setup: str
    kind: str
    report: SetupReport


def begin(*, party_id: str, account_id: str, kind: str, actor: Actor) -> Begun:
    """Ask the processor for its element for a party. Network; never inside a command.

    Takes:  `kind` card or ach.
    Raises: NotFound, Forbidden, Invalid, NoElement, CannotReachProcessor.
    """
    if kind not in PaymentMethod.Kind.values:
        raise Invalid("The method is card or ach.", field="kind")
    access.get_operable(actor, Party.objects.all(), party_id, permission=Permission.PAYMENTS_WRITE, field="party")
    account = _account(actor, account_id)
    gateway = _gateway(account)
    try:
        report = gateway.begin_setup(account.merchant, ids.new("stp"), kind)
    except NotSent:
        raise CannotReachProcessor("The processor does not answer right now. Try again.", field="account") from None
    signed = signing.dumps({"party": party_id, "account": account_id, "setup": report.setup}, salt=SALT)
    return Begun(signed, kind, report)


def finish(*, setup: str, actor: Actor, holder: str = "consumer", holder_name: str = "") -> PaymentMethod:
    """Keep what was entered in the element. Network, then a command; the same again gives the method that has it.

    Raises: SetupUnknown, NotFound, Forbidden, MethodNotEntered, CannotReachProcessor, AccountBlocked, Invalid.
    """
    try:
        begun = signing.loads(setup, salt=SALT, max_age=LIVES_SECONDS)
    except signing.BadSignature:
        raise SetupUnknown("This form is too old. Begin again.", field="setup") from None
    account = _account(actor, begun["account"])
    try:
        report = _gateway(account).finish_setup(account.merchant, begun["setup"])
    except NotSent:
        raise CannotReachProcessor("The processor does not answer right now. Try again.", field="setup") from None
    if report is None:
        raise MethodNotEntered("Nothing was entered at the processor yet.", field="setup")
    return _keep(
        party_id=begun["party"],
        account_id=account.id,
        report=report,
        holder=holder,
        holder_name=holder_name,
        actor=actor,
    )


@command
def _keep(
    *, party_id: str, account_id: str, report: MethodReport, holder: str, holder_name: str, actor: Actor
) -> PaymentMethod:
    rows = Party.objects.select_for_update(no_key=True)
    party = access.get_operable(actor, rows, party_id, permission=Permission.PAYMENTS_WRITE, field="party")
    account = GatewayAccount.objects.get(pk=account_id, organization_id=party.organization_id)
    return methods.keep_report_locked(party, account, report, holder=holder, holder_name=holder_name)


def keepers(actor: Actor) -> list[GatewayAccount]:
    """The actor's open accounts whose processor takes a method by an element of its own."""
    rows = access.operable(actor, GatewayAccount.objects.filter(closed_at__isnull=True).order_by("id"))
    return [account for account in rows if isinstance(accounts.gateway_of(account), KeepsMethods)]


def _account(actor: Actor, account_id: str) -> GatewayAccount:
    return access.get_operable(
        actor, GatewayAccount.objects.all(), account_id, permission=Permission.PAYMENTS_WRITE, field="account"
    )


def _gateway(account: GatewayAccount) -> KeepsMethods:
    gateway = accounts.gateway_of(account)
    if not isinstance(gateway, KeepsMethods):
        raise NoElement(f"{account} has no form of its own for payors; use its token.", field="account")
    return gateway
