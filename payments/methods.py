"""Payment methods: cards as tokens of a processor, bank accounts sealed for their row, and whether one may be charged.

No card number ever comes here. An account number is opened in one place, `account_number`, and is written to no audit
entry, event, log or page; a keyed fingerprint tells the same account again.
"""

from __future__ import annotations

from typing import Any

from compliance import access, vault
from compliance.permissions import Permission
from coverpay.kernel import card_numbers, commands, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.card_numbers import CardNumberRefused
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid
from payments import bank_numbers
from payments.gateways.base import MethodReport
from payments.method_changes import (
    MethodOver,
    block_locked,
    correct_account,
    end_use,
    fingerprint_of,
    refuse_over,
    remember_network_id,
    tell,
    validated_locked,
)
from payments.method_use import (
    ACH,
    ACTIVE,
    BLOCKED,
    CARD,
    REMOVED,
    UNVALIDATED,
    MethodNotUsable,
    account_number,
    expires_on,
    is_validated,
    not_usable,
    token_for,
    usable,
)
from payments.models import GatewayAccount, MethodToken, PaymentMethod
from policies.models import Party

__all__ = [
    "AccountBlocked",
    "MethodNotUsable",
    "MethodOver",
    "account_number",
    "add_bank_account",
    "add_card",
    "add_token",
    "block_locked",
    "correct_account",
    "default_of",
    "expires_on",
    "is_validated",
    "keep_report_locked",
    "lift_block",
    "make_default",
    "remember_network_id",
    "remove",
    "token_for",
    "usable",
    "validated_locked",
]
FUNDING = ("", "credit", "debit", "prepaid")


class AccountBlocked(Conflict):
    """The same bank account was blocked before; its holder's bank said never again."""

    code = "account_blocked"


@command
def add_card(
    *,
    party_id: str,
    account_id: str,
    token: str,
    actor: Actor,
    customer: str = "",
    brand: str = "",
    last4: str = "",
    exp_month: int | None = None,
    exp_year: int | None = None,
    funding: str = "",
    fingerprint: str = "",
    holder_name: str = "",
    holder: str = "consumer",
) -> PaymentMethod:
    """Keep a card of a party, by the token of one processor account.

    Takes:  what the processor says of the card: its network, last four digits, expiry, funding.
    Gives:  the method; a token that is kept already gives the method that has it.
    Raises: NotFound, Forbidden, CardNumberRefused, BadText, Invalid.
    """
    party, account = _party(actor, party_id), _account(actor, account_id)
    report = MethodReport(
        token=token,
        kind=CARD,
        customer=customer,
        brand=brand,
        last4=last4,
        exp_month=exp_month or 0,
        exp_year=exp_year or 0,
        funding=funding,
        fingerprint=fingerprint,
    )
    return keep_report_locked(party, account, report, holder_name=holder_name, holder=holder)


@step
def keep_report_locked(
    party: Party, account: GatewayAccount, report: MethodReport, *, holder_name: str = "", holder: str = "consumer"
) -> PaymentMethod:
    """Keep for a locked party what a processor keeps for it: a card, or a bank account the processor has validated.

    Raises: CardNumberRefused, BadText, Invalid, AccountBlocked.
    """
    token = card_numbers.refused_in(texts.line(report.token, field="token", at_most=120), field="token")
    known = MethodToken.objects.filter(account=account, token=token, payment_method__party=party)
    for kept in known.select_related("payment_method"):
        if kept.payment_method.state != REMOVED:
            commands.unchanged()
            return kept.payment_method
    method = PaymentMethod(
        organization_id=party.organization_id,
        party=party,
        kind=report.kind,
        brand=texts.line(report.brand, field="brand", at_most=30, empty=True),
        last4=_last4(report.last4),
        funding=_funding(report.funding),
        **_expiry(report.exp_month, report.exp_year),
        **_holder(holder_name, holder),
    )
    if report.fingerprint:
        method.fingerprint = vault.fingerprint(report.fingerprint, scope=f"{party.organization_id}:{account.gateway}")
        _refuse_blocked(method)
    method.is_default = _is_first(party)
    method.save(force_insert=True)
    MethodToken.objects.create(
        payment_method=method,
        account=account,
        token=token,
        customer=card_numbers.refused_in(
            texts.line(report.customer, field="customer", at_most=120, empty=True), field="customer"
        ),
    )
    method.activate()
    method.save(update_fields=["state"])
    tell("payment_method.added", method, after=_shown(method))
    return method


@command
def add_token(*, payment_method_id: str, account_id: str, token: str, actor: Actor, customer: str = "") -> MethodToken:
    """Keep the token of one more processor account for a method, so that a payment can go there instead.

    Raises: NotFound, Forbidden, CardNumberRefused, BadText, MethodOver, Conflict for another token of that account.
    """
    method, account = _locked(actor, payment_method_id), _account(actor, account_id)
    token = card_numbers.refused_in(texts.line(token, field="token", at_most=120), field="token")
    refuse_over(method)
    standing = token_for(method, account)
    if standing is not None and standing.token == token:
        commands.unchanged()
        return standing
    if standing is not None:
        raise Conflict("The method has another token at this account already.", field="token")
    customer = card_numbers.refused_in(
        texts.line(customer, field="customer", at_most=120, empty=True), field="customer"
    )
    kept = MethodToken.objects.create(payment_method=method, account=account, token=token, customer=customer)
    tell("payment_method.changed", method, after={"token_at": account.id})
    return kept


@command
def add_bank_account(
    *,
    party_id: str,
    routing_number: str,
    account_number: str,
    account_type: str,
    holder_name: str,
    actor: Actor,
    holder: str = "consumer",
    bank_name: str = "",
    not_a_card: bool = False,
) -> PaymentMethod:
    """Keep a bank account of a party; its number is sealed for its row and shown to nobody.

    Takes:  `account_type` checking or savings; `holder` consumer or business; `not_a_card` when an account number only
            happens to look like a card number.
    Gives:  the method, to be validated before its first debit authorized on the web; the same account again gives the
            one that stands.
    Raises: NotFound, Forbidden, RoutingNumberWrong, AccountNumberWrong, CardNumberRefused, BadText, AccountBlocked.
    """
    party = _party(actor, party_id)
    routing = bank_numbers.routing_number(routing_number)
    number = bank_numbers.account_number(account_number)
    if not not_a_card and card_numbers.find(number) is not None:
        raise CardNumberRefused(
            "This looks like a card number. If it is the number of the bank account, say `not_a_card`.",
            field="account_number",
        )
    if account_type not in PaymentMethod.AccountType.values:
        raise Invalid("The account is checking or savings.", field="account_type")
    fingerprint = fingerprint_of(party.organization_id, routing, number)
    same = PaymentMethod.objects.filter(party=party, fingerprint=fingerprint, kind=ACH)
    standing = same.filter(state__in=[UNVALIDATED, ACTIVE]).first()
    if standing is not None:
        commands.unchanged()
        return standing
    id = ids.new("pmt")
    method = PaymentMethod(
        id=id,
        organization_id=party.organization_id,
        party=party,
        kind=ACH,
        brand=texts.line(bank_name, field="bank_name", at_most=30, empty=True),
        last4=number[-4:],
        routing_number=routing,
        account_sealed=vault.seal(number, row_id=id),
        account_type=account_type,
        fingerprint=fingerprint,
        **_holder(texts.line(holder_name, field="holder_name", at_most=120), holder),
    )
    _refuse_blocked(method)
    method.is_default = _is_first(party)
    method.save(force_insert=True)
    tell("payment_method.added", method, after=_shown(method))
    return method


@command
def make_default(*, payment_method_id: str, actor: Actor) -> PaymentMethod:
    """Make a method its party's default, which is charged unless another is named.

    Raises: NotFound, Forbidden, MethodOver, MethodNotUsable when it is blocked.
    """
    found = _operable(actor, payment_method_id)
    Party.objects.select_for_update(no_key=True).get(pk=found.party_id)
    method = _locked(actor, payment_method_id)
    refuse_over(method)
    if method.state == BLOCKED:
        raise not_usable(method, "blocked", f"It is blocked: {method.state_reason}")
    if method.is_default:
        commands.unchanged()
        return method
    for other in PaymentMethod.objects.select_for_update(no_key=True).filter(party=found.party_id, is_default=True):
        other.is_default = False
        other.save(update_fields=["is_default"])
    method.is_default = True
    method.save(update_fields=["is_default"])
    tell("payment_method.changed", method, after={"is_default": True})
    return method


@command
def remove(*, payment_method_id: str, actor: Actor, reason: str = "") -> PaymentMethod:
    """Take a method away: its mandates and the autopay by it end; what is on its way already goes on.

    Raises: NotFound, Forbidden, BadText, MethodOver.
    """
    reason = texts.line(reason, field="reason", at_most=200, empty=True) or "The payor took the method away."
    method = _locked(actor, payment_method_id)
    refuse_over(method)
    before = {"state": method.state}
    method.remove()
    method.is_default = False
    method.save(update_fields=["state", "is_default"])
    end_use(method, reason)
    tell("payment_method.removed", method, before=before, after={"state": method.state}, reason=reason)
    return method


@command
def lift_block(*, payment_method_id: str, reason: str, actor: Actor) -> PaymentMethod:
    """A person says that a blocked method may be charged again; it takes a new mandate, and a validation it never had.

    Raises: NotFound, Forbidden, BadText, IllegalTransition when it is not blocked.
    """
    reason = texts.line(reason, field="reason", at_most=200)
    method = _locked(actor, payment_method_id)
    if method.state != BLOCKED:
        raise IllegalTransition(f"It is {method.get_state_display().lower()}, not blocked.", field="payment_method")
    before = {"state": method.state, "why": method.state_reason}
    method.activate()
    method.state_reason = ""
    method.save(update_fields=["state", "state_reason"])
    if not is_validated(method):
        method.validate_again()
        method.save(update_fields=["state"])
    tell("payment_method.unblocked", method, before=before, after={"state": method.state}, reason=reason)
    return method


def default_of(party: Party) -> PaymentMethod | None:
    """The method a party is charged by unless another is named."""
    return PaymentMethod.objects.filter(party=party, is_default=True).exclude(state=REMOVED).first()


def _operable(actor: Actor, payment_method_id: str) -> PaymentMethod:
    return access.get_operable(
        actor,
        PaymentMethod.objects.all(),
        payment_method_id,
        permission=Permission.PAYMENTS_WRITE,
        field="payment_method",
    )


def _locked(actor: Actor, payment_method_id: str) -> PaymentMethod:
    _operable(actor, payment_method_id)
    return PaymentMethod.objects.select_for_update(no_key=True).get(pk=payment_method_id)


def _party(actor: Actor, party_id: str) -> Party:
    rows = Party.objects.select_for_update(no_key=True)
    return access.get_operable(actor, rows, party_id, permission=Permission.PAYMENTS_WRITE, field="party")


def _account(actor: Actor, account_id: str) -> GatewayAccount:
    return access.get_operable(
        actor, GatewayAccount.objects.all(), account_id, permission=Permission.PAYMENTS_WRITE, field="account"
    )


def _refuse_blocked(method: PaymentMethod) -> None:
    """The same account, blocked anywhere in the organization, also when that method was removed since."""
    same = PaymentMethod.objects.filter(organization_id=method.organization_id, fingerprint=method.fingerprint)
    blocked = same.filter(state__in=[BLOCKED, REMOVED]).exclude(state_reason="").order_by("-id").first()
    if blocked is not None:
        raise AccountBlocked(
            f"This account was blocked: {blocked.state_reason}. A person can lift the block of {blocked.id}.",
            field="payment_method",
            payment_method=blocked.id,
        )


def _is_first(party: Party) -> bool:
    return not PaymentMethod.objects.filter(party=party, is_default=True).exclude(state=REMOVED).exists()


def _last4(text: str) -> str:
    if text and not (len(text) == 4 and text.isascii() and text.isalnum()):
        raise Invalid("The last four digits are four.", field="last4")
    return text


def _funding(text: str) -> str:
    return text if text in FUNDING else ""


def _expiry(month: int, year: int) -> dict[str, Any]:
    if not month and not year:
        return {}
    if not 1 <= month <= 12 or not 2000 <= year <= 2099:
        raise Invalid("An expiry is a month 1 to 12 and a year of four digits.", field="exp_month")
    return {"exp_month": month, "exp_year": year}


def _holder(name: str, holder: str) -> dict[str, Any]:
    if holder not in PaymentMethod.Holder.values:
        raise Invalid("The holder is consumer or business.", field="holder")
    return {"holder_name": texts.line(name, field="holder_name", at_most=120, empty=True), "holder": holder}


def _shown(method: PaymentMethod) -> dict[str, Any]:
    return {
        "party": method.party_id,
        "kind": method.kind,
        "brand": method.brand,
        "last4": method.last4,
        "account_type": method.account_type,
        "holder": method.holder,
        "state": method.state,
    }
