"""How a payor may pay on the page: where routing would send a payment decides how a card or account is entered.

A processor of ours for tests takes a token, one that keeps methods brings its own element, and where bank files are
written the account's number is typed and sealed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum

from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import Money
from payments import accounts, methods, pay_links, routes
from payments.gateways import registry
from payments.gateways.base import KeepsMethods, MethodReport, NotSent, SetupReport
from payments.models import GatewayAccount, PayLink, PaymentMethod
from payments.routing import NoRoute
from policies.models import Party, Policy

SANDBOX = "sandbox"


def _card(token: str, brand: str, last4: str, funding: str) -> MethodReport:
    return MethodReport(token, "card", "", brand, last4, 12, 2034, funding)


SANDBOX_METHODS: dict[str, list[tuple[MethodReport, str]]] = {
    "card": [
        (_card("tok_ok", "Visa", "4242", "credit"), "is paid at once"),
        (_card("tok_duplicate_webhook", "Visa", "5556", "debit"), "is paid at once"),
        (_card("tok_pending_ok", "Mastercard", "4444", "debit"), "takes a while"),
        (_card("tok_decline_insufficient_funds", "Mastercard", "9995", "credit"), "is declined"),
    ],
    "ach": [
        (MethodReport("tok_out_of_order", "ach", "", "Test bank", "6789"), "is paid at once"),
        (MethodReport("tok_return", "ach", "", "Test bank", "2227"), "is returned later"),
    ],
}
"""Test methods of the sandbox: what a processor would report of them, and what becomes of a payment."""


class Entry(StrEnum):
    """How a method is entered."""

    SANDBOX = "sandbox"
    ELEMENT = "element"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay with a method that is not kept yet, and the processor account that keeps it."""

    kind: str
    entry: Entry
    account: GatewayAccount


class CannotReachProcessor(Conflict):
    """The processor cannot be reached right now; nothing was charged, and trying again is safe."""

    code = "processor_not_reached"


class MethodNotEntered(Invalid):
    """The processor's form was not completed."""

    code = "method_not_entered"


def sandbox_choices(kind: str) -> list[tuple[str, str]]:
    """The sandbox's test methods as (token, words)."""
    return [
        (report.token, f"{report.brand} {report.funding} ···{report.last4}, {words}".replace("  ", " "))
        for report, words in SANDBOX_METHODS[kind]
    ]


def sandbox_report(kind: str, token: str) -> MethodReport:
    """What the sandbox reports of one of its test methods. Raises: MethodNotEntered."""
    found = next((report for report, _ in SANDBOX_METHODS[kind] if report.token == token), None)
    if found is None:
        raise MethodNotEntered("Choose one of the test methods.", field="token")
    return found


def of_link(link: PayLink, amount: Money, policy: Policy | None) -> list[Way]:
    """The ways to enter a method for a payment of an amount, card first."""
    found = (_way(link.organization_id, kind, amount, policy) for kind in ("card", "ach"))
    return [way for way in found if way is not None]


def begin(link: PayLink, account: GatewayAccount, kind: str) -> SetupReport:
    """Ask the processor for its element. Network; never inside a command. Raises: CannotReachProcessor."""
    gateway = accounts.gateway_of(account)
    assert isinstance(gateway, KeepsMethods)
    reference = f"{link.id}-{secrets.token_hex(4)}"
    try:
        return gateway.begin_setup(account.merchant, reference, kind)
    except NotSent:
        raise CannotReachProcessor("The card form cannot be loaded right now. Please try again.") from None


def finish(link: PayLink, account: GatewayAccount, setup: str) -> PaymentMethod:
    """Keep what was entered in the processor's element. Network, then a command.

    Raises: CannotReachProcessor, MethodNotEntered.
    """
    gateway = accounts.gateway_of(account)
    assert isinstance(gateway, KeepsMethods)
    try:
        report = gateway.finish_setup(account.merchant, setup)
    except NotSent:
        raise CannotReachProcessor("The processor does not answer right now. Please try again.") from None
    if report is None:
        raise MethodNotEntered("Please complete the card form.")
    return keep(link_id=link.id, account_id=account.id, report=report, actor=pay_links.actor_of(link))


@command
def keep(*, link_id: str, account_id: str, report: MethodReport, actor: Actor) -> PaymentMethod:
    """Keep for a link's payor what a processor keeps. Raises: LinkExpired, LinkUsed, LinkRevoked, AccountBlocked."""
    link = PayLink.objects.select_related("payment", "policy", "billing_account", "invoice", "party").get(pk=link_id)
    pay_links.check(link)
    party = Party.objects.select_for_update(no_key=True).get(pk=pay_links.payor_of(link).id)
    account = GatewayAccount.objects.get(pk=account_id, organization_id=link.organization_id)
    return methods.keep_report_locked(party, account, report, holder_name=party.name[:120])


def _way(organization_id: str, kind: str, amount: Money, policy: Policy | None) -> Way | None:
    try:
        decision = routes.route(organization_id, kind, amount, policy=policy)
    except NoRoute:
        return None
    account = GatewayAccount.objects.get(pk=decision.account_id)
    if account.gateway == SANDBOX:
        return Way(kind, Entry.SANDBOX, account)
    if kind == "ach" and registry.entry(account.gateway).takes_account_numbers:
        return Way(kind, Entry.NUMBER, account)
    if isinstance(accounts.gateway_of(account), KeepsMethods):
        return Way(kind, Entry.ELEMENT, account)
    return None
