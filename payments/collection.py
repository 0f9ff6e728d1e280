"""Start collecting: one live charge per invoice, its key made and stored before anything is sent.

A payment has a part for each invoice it pays; the parts and the surcharge are what is charged. Where a charge may go
is asked in one place (`accounts.route`), whether a kept method may be charged in another (`methods.usable`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing import open_items
from billing.models import Invoice, InvoiceLine
from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import card_numbers, clock, ids, jobs, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid, NotFound
from coverpay.kernel.money import MAX_MINOR, Money
from payments import accounts, methods, routing
from payments.models import Attempt, GatewayAccount, MethodToken, Payment, PaymentMethod, PaymentPart
from policies import locks
from policies.models import Policy

MOST_INVOICES = 500
"""Invoices in one payment: what is locked together stays small enough to be done in time."""


class PaymentInProgress(Conflict):
    """Another charge for the same invoice is alive; wait for its outcome."""

    code = "payment_in_progress"


class NothingOwed(Conflict):
    """Everything on the invoice is paid."""

    code = "nothing_owed"


class AmountAboveOpen(Invalid):
    """The amount is more than what is open on the invoice."""

    code = "amount_above_open"


class NotTogether(Invalid):
    """One payment takes invoices of one operator in one currency, each once."""

    code = "not_together"


@dataclass(frozen=True, slots=True)
class Source:
    """What is charged: a payment method we keep, or the processor's token of one that was entered just now."""

    method: str
    token: str = ""
    payment_method: PaymentMethod | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An invoice to pay, and how much of it: minor units, or all that is open."""

    invoice_id: str
    amount_minor: int | None = None


@command
def collect(
    *,
    invoice_id: str,
    method: str = "",
    token: str = "",
    actor: Actor,
    payment_method_id: str | None = None,
    amount_minor: int | None = None,
    capture: bool = True,
) -> Payment:
    """Plan a charge for an invoice; a worker sends it after the commit.

    Takes:  a payment method we keep, or `method` card or ach with the processor's `token` for it; an amount up to what
            is open (all of it by default); `capture` false to hold the money only.
    Raises: NotFound, Forbidden, NothingOwed, PaymentInProgress (with the payment), AmountAboveOpen, NoRoute,
            MethodNotUsable, Invalid.
    """
    invoice = access.get_operable(
        actor,
        Invoice.objects.all(),
        invoice_id,
        permission=Permission.PAYMENTS_WRITE,
        field="invoice",
    )
    source = source_of(actor, method=method, token=token, payment_method_id=payment_method_id)
    policy = locks.lock(invoice.policy_id)
    return collect_locked(policy, [Wanted(invoice_id, amount_minor)], source=source, capture=capture)


@command
def collect_many(
    *,
    items: Sequence[Wanted],
    actor: Actor,
    payment_method_id: str | None = None,
    method: str = "",
    token: str = "",
    initiator: str = Payment.Initiator.STAFF,
    surcharge_minor: int = 0,
    capture: bool = True,
) -> Payment:
    """Plan one charge for several invoices, also of several policies, of one operator and currency.

    Takes:  as `collect`, for each item; `surcharge_minor`, our fee for the method, charged on top.
    Raises: as `collect`; NotTogether.
    """
    access.require(actor, Permission.PAYMENTS_WRITE)
    if not 1 <= len(items) <= MOST_INVOICES:
        raise NotTogether(f"One payment pays 1 to {MOST_INVOICES} invoices.", field="items")
    asked = {item.invoice_id for item in items}
    rows = access.operable(actor, Invoice.objects.filter(pk__in=asked))
    policies = dict(rows.values_list("id", "policy_id"))
    missing = sorted(asked - set(policies))
    if missing:
        raise NotFound(f"No invoice {missing[0]}.", field="items")
    source = source_of(actor, method=method, token=token, payment_method_id=payment_method_id)
    locked = {policy.id: policy for policy in locks.lock_many(set(policies.values()))}
    return collect_locked(
        locked, items, source=source, initiator=initiator, surcharge_minor=surcharge_minor, capture=capture
    )


@step
def collect_locked(
    policies: Mapping[str, Policy] | Policy,
    wanted: Sequence[Wanted],
    *,
    source: Source,
    initiator: str = Payment.Initiator.STAFF,
    surcharge_minor: int = 0,
    capture: bool = True,
    represents: Payment | None = None,
) -> Payment:
    """Plan a charge for invoices of locked policies, with a checked token or a payment method we keep.

    Takes:  the one policy, or all of them by id; `represents`, the returned ACH payment that is presented again.
    Raises: NotTogether, NothingOwed, PaymentInProgress, AmountAboveOpen, NoRoute, MethodNotUsable, Invalid.
    """
    locked = {policies.id: policies} if isinstance(policies, Policy) else policies
    parts = _parts(locked, wanted)
    if not 0 <= surcharge_minor <= MAX_MINOR:
        raise Invalid("The surcharge is zero or more.", field="surcharge_minor")
    currency = parts[0][0].currency
    amount = Money(sum(taken for _, taken in parts) + surcharge_minor, currency)
    first = locked[parts[0][0].policy_id]
    _check_source(source, initiator, locked)
    payment_id = ids.new("pay")
    decision = accounts.route(
        first.operator_id,
        source.method,
        amount,
        policy=first,
        payment_method=source.payment_method,
        token=source.token,
        reference=payment_id,
        capture=capture,
    )
    payment = Payment(
        id=payment_id,
        policy=first,
        invoice=parts[0][0],
        amount_minor=amount.amount_minor,
        currency=currency,
        surcharge_minor=surcharge_minor,
        method=source.method,
        token=source.token,
        payment_method=source.payment_method,
        capture=capture,
        initiator=initiator,
        represents=represents,
    )
    return _planned(payment, parts, decision)


def source_of(actor: Actor, *, method: str = "", token: str = "", payment_method_id: str | None = None) -> Source:
    """What the actor wants charged: one of the organization's kept methods, or a checked token.

    Raises: NotFound, Forbidden, Invalid, BadText, CardNumberRefused.
    """
    if payment_method_id is None:
        return Source(method, checked_token(method, token))
    kept = access.get_operable(
        actor,
        PaymentMethod.objects.all(),
        payment_method_id,
        permission=Permission.PAYMENTS_WRITE,
        field="payment_method",
    )
    if token or method not in ("", kept.kind):
        raise Invalid("Name a payment method, or a method and its token; not both.", field="payment_method")
    return Source(kept.kind, payment_method=kept)


def checked_token(method: str, token: str) -> str:
    """The token without spaces around it. Raises: Invalid, BadText, CardNumberRefused."""
    if method not in ("card", "ach"):
        raise Invalid("The method is card or ach.", field="method")
    return card_numbers.refused_in(texts.line(token, field="token", at_most=120), field="token")


def token_at(payment: Payment, account: GatewayAccount) -> tuple[str, str]:
    """What an account knows the payment's method by: its token there and the customer; empty when it knows none.

    A bank account whose number we hold is known by the id of the method, wherever files are written.
    """
    if payment.payment_method is None:
        return payment.token, ""
    kept = MethodToken.objects.filter(payment_method=payment.payment_method, account=account).first()
    if kept is not None:
        return kept.token, kept.customer
    return (payment.payment_method.id if payment.payment_method.account_sealed else ""), ""


def _check_source(source: Source, initiator: str, policies: Mapping[str, Policy]) -> None:
    if initiator not in Payment.Initiator.values:
        raise Invalid(f"A payment is begun by {', '.join(Payment.Initiator.values)}.", field="initiator")
    if source.payment_method is not None:
        methods.usable(source.payment_method, on=clock.today(), initiator=initiator, policy_ids=tuple(policies))


def _parts(policies: Mapping[str, Policy], wanted: Sequence[Wanted]) -> list[tuple[Invoice, int]]:
    """Each invoice with what is to be charged for it, in the order asked."""
    asked = [want.invoice_id for want in wanted]
    if not asked or len(set(asked)) != len(asked):
        raise NotTogether("Name each invoice once.", field="items")
    rows = {invoice.id: invoice for invoice in Invoice.objects.filter(pk__in=asked)}
    missing = [invoice_id for invoice_id in asked if invoice_id not in rows]
    if missing:
        raise NotFound(f"No invoice {missing[0]}.", field="invoice")
    found = [rows[invoice_id] for invoice_id in asked]
    if any(invoice.policy_id not in policies for invoice in found):
        raise NotTogether("An invoice is of another policy than those that are locked.", field="items")
    same = {(policies[invoice.policy_id].operator_id, invoice.currency) for invoice in found}
    if len(same) != 1:
        raise NotTogether("One payment takes invoices of one operator in one currency.", field="items")
    _refuse_live(found)
    still_open = open_minor_of(found)
    return [
        (invoice, _amount(invoice, want.amount_minor, still_open[invoice.id]))
        for invoice, want in zip(found, wanted, strict=True)
    ]


def _refuse_live(invoices: Sequence[Invoice]) -> None:
    live = PaymentPart.objects.filter(invoice__in=invoices, live=True).order_by("id").first()
    if live is None:
        return
    last = Attempt.objects.filter(payment=live.payment_id).order_by("-number").first()
    state = last.get_state_display().lower() if last else "processing"
    raise PaymentInProgress(
        f"Payment {live.payment_id} of this invoice is {state}; wait for its outcome.",
        field="invoice",
        payment=live.payment_id,
        invoice=live.invoice_id,
    )


def open_minor_of(invoices: Sequence[Invoice]) -> dict[str, int]:
    """What is open of each invoice, minor units."""
    found = dict.fromkeys((invoice.id for invoice in invoices), 0)
    lines = open_items.with_open(InvoiceLine.objects.filter(invoice__in=invoices))
    for invoice_id, still_open in lines.values_list("invoice_id", "open"):
        found[invoice_id] += still_open
    return found


def _amount(invoice: Invoice, amount_minor: int | None, still_open: int) -> int:
    if still_open <= 0:
        raise NothingOwed(f"Invoice {invoice.number} is paid.", field="invoice", invoice=invoice.id)
    if amount_minor is None:
        return still_open
    if amount_minor <= 0:
        raise Invalid("The amount must be above zero.", field="amount_minor")
    if amount_minor > still_open:
        raise AmountAboveOpen(
            f"Only {Money(still_open, invoice.currency)} is open on invoice {invoice.number}.",
            field="amount_minor",
            invoice=invoice.id,
        )
    return amount_minor


def _planned(payment: Payment, parts: Sequence[tuple[Invoice, int]], decision: routing.Decision) -> Payment:
    payment.save(force_insert=True)
    PaymentPart.objects.bulk_create(
        PaymentPart(
            id=ids.new("prt"),
            payment=payment,
            position=position,
            policy_id=invoice.policy_id,
            invoice=invoice,
            amount_minor=amount_minor,
        )
        for position, (invoice, amount_minor) in enumerate(parts, start=1)
    )
    attempt = plan_attempt(payment, decision)
    _tell(payment, attempt, parts)
    jobs.wake("payments.submit", attempt.id)
    return payment


@step
def plan_attempt(payment: Payment, decision: routing.Decision, *, number: int = 1) -> Attempt:
    """Plan to send a payment of locked policies to the account that was chosen."""
    return Attempt.objects.create(
        payment=payment,
        invoice_id=payment.invoice_id,
        account_id=decision.account_id,
        number=number,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        routing=decision.as_json(),
        next_check_at=clock.now(),
    )


def _tell(payment: Payment, attempt: Attempt, parts: Sequence[tuple[Invoice, int]]) -> None:
    noted, fact = told(payment, attempt, parts)
    audit.record(
        action=noted.action, object_id=noted.object_id, organization_id=noted.organization_id, after=noted.after
    )
    events.record(
        type=fact.type,
        organization_id=fact.organization_id,
        object_id=fact.object_id,
        subject_id=fact.subject_id,
        data=fact.data,
    )


def told(payment: Payment, attempt: Attempt, parts: Sequence[tuple[Invoice, int]]) -> tuple[audit.Noted, events.Fact]:
    """What audit and integrations hear of a payment that was planned, to be written by itself or among many."""
    operator_id = payment.policy.operator_id
    facts = {
        "invoice": payment.invoice_id,
        "invoices": [invoice.id for invoice, _ in parts],
        "amount_minor": payment.amount_minor,
        "surcharge_minor": payment.surcharge_minor,
        "currency": payment.currency,
        "method": payment.method,
        "initiator": payment.initiator,
    }
    after = {
        **facts,
        "parts": {invoice.id: amount_minor for invoice, amount_minor in parts},
        "payment_method": payment.payment_method_id,
        "capture": payment.capture,
        "represents": payment.represents_id,
        "attempt": attempt.id,
        "routing": attempt.routing,
    }
    data = {"payment": payment.id, "policy": payment.policy_id, **facts}
    return (
        audit.Noted("payment.create", payment.id, operator_id, after=after),
        events.Fact("payment.created", operator_id, payment.id, payment.policy_id, data),
    )
