"""What autopay has to collect, and planning it a chunk of policies at a time, so that workers can share a date.

A chunk locks the policies nobody else has in hand, asks everything about all of them at once, and writes their payments
together. What cannot be done like that, such as a method that may not be charged, is left to be done one by one.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet

from billing.models import Invoice
from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, copying, ids, jobs
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.money import Money
from payments import collection, methods, routes, routing, routing_rules
from payments.collection import Source
from payments.gateways import registry
from payments.methods import MethodNotUsable
from payments.models import Attempt, Autopay, Mandate, MethodToken, Payment, PaymentMethod, PaymentPart
from payments.routing import Candidate, Decision, NoRoute, RouteRequest
from policies import locks
from policies.models import Policy

CHUNK = 500


@dataclass(slots=True)
class Planned:
    """What a chunk came to: payments planned, invoices to be done one by one, and where the next chunk begins."""

    payments: list[str] = field(default_factory=list)
    amount_minor: int = 0
    left: list[str] = field(default_factory=list)
    after: str = ""
    over: bool = False


def due(organization_id: str, on: dt.date) -> QuerySet[Any]:
    """Open invoices due on or before a day of enrolled policies, which no live payment pays and autopay did not try."""
    enrolled: QuerySet[Any] = Invoice.objects.filter(
        policy__operator_id=organization_id,
        state=Invoice.State.OPEN,
        due_on__lte=on,
        policy__autopays__isnull=False,
        policy__autopays__ended_at__isnull=True,
    ).annotate(
        by=F("policy__autopays__payment_method"),
        by_fallback=F("policy__autopays__fallback"),
        by_method=F("policy__autopays__method"),
        by_token=F("policy__autopays__token"),
    )
    parts = PaymentPart.objects.filter(invoice=OuterRef("pk"))
    by_kept = Q(payment__payment_method=OuterRef("by")) | Q(payment__payment_method=OuterRef("by_fallback"))
    by_token = Q(
        payment__payment_method__isnull=True,
        payment__method=OuterRef("by_method"),
        payment__token=OuterRef("by_token"),
    )
    return enrolled.filter(~Exists(parts.filter(Q(live=True) | by_kept | by_token)))


@command
def plan_due(*, organization_id: str, on: dt.date, actor: Actor, after: str = "", limit: int = CHUNK) -> Planned:
    """Plan the autopay payments of the next policies that have any due on or before a day.

    Takes:  `after`, the policy the chunk before ended with. Policies that another worker has in hand are passed by.
    Gives:  what was planned, and `over` when no policy comes after it.
    Raises: Forbidden.
    """
    access.require(actor, Permission.PAYMENTS_WRITE)
    waiting = due(organization_id, on).filter(policy_id__gt=after).order_by("policy_id")
    found = list(access.operable(actor, waiting).values_list("policy_id", flat=True)[:limit])
    if not found:
        commands.unchanged()
        return Planned(after=after, over=True)
    rows = Policy.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=set(found)).order_by("pk")
    planned = plan_locked({policy.id: policy for policy in rows}, on)
    planned.after = found[-1]
    if not planned.payments:
        commands.unchanged()
    return planned


@step
def plan_many(invoice_ids: Collection[str], on: dt.date) -> Planned:
    """Plan the autopay payments of these invoices together. Raises: Busy (by the command), NotFound."""
    policy_ids = Invoice.objects.filter(pk__in=invoice_ids).order_by().values_list("policy_id", flat=True).distinct()
    return plan_locked({policy.id: policy for policy in locks.lock_many(list(policy_ids))}, on, only=set(invoice_ids))


@step
def plan_locked(policies: Mapping[str, Policy], on: dt.date, *, only: Collection[str] | None = None) -> Planned:
    """Plan the autopay payments of locked policies of one operator."""
    planned = Planned()
    if not policies:
        return planned
    operator_id = next(iter(policies.values())).operator_id
    rows = due(operator_id, on).filter(policy__in=list(policies)).order_by("policy_id", "due_on", "id")
    invoices = list(rows if only is None else rows.filter(pk__in=only))
    still_open = collection.open_minor_of(invoices)
    enrolments = enrolled(list(policies))
    roads = _Roads(operator_id, [method for each in enrolments.values() for method in _kept(each)])
    made: list[tuple[Payment, Invoice, Decision]] = []
    for invoice, payment_id in zip(invoices, ids.many("pay", len(invoices)), strict=True):
        amount = Money(still_open[invoice.id], invoice.currency)
        policy, enrolment = policies[invoice.policy_id], enrolments[invoice.policy_id]
        if amount.amount_minor <= 0:
            continue
        try:
            source = source_of(enrolment, standing=roads.standing)
            decision = roads.route(policy, source, amount, payment_id)
        except (MethodNotUsable, NoRoute):
            planned.left.append(invoice.id)
            continue
        if decision.trial:
            planned.left.append(invoice.id)
            continue
        made.append((_payment(payment_id, policy, invoice, amount, source), invoice, decision))
    _write(made)
    planned.payments = [payment.id for payment, _, _ in made]
    planned.amount_minor = sum(payment.amount_minor for payment, _, _ in made)
    return planned


def enrolled(policy_ids: Collection[str]) -> dict[str, Autopay]:
    """The standing enrolments of policies, by policy."""
    rows = Autopay.objects.filter(policy__in=policy_ids, ended_at__isnull=True)
    return {autopay.policy_id: autopay for autopay in rows.select_related("payment_method", "fallback")}


def source_of(autopay: Autopay, *, standing: Mapping[str, Sequence[Mandate]] | None = None) -> Source:
    """What an enrolment charges: its method, or the fallback when the method may not be charged any more.

    Takes:  standing mandates by method, where they were fetched for many.
    Raises: MethodNotUsable, of the first method, when neither may be charged.
    """
    if autopay.payment_method is None:
        return Source(autopay.method, autopay.token)
    refused = None
    for method in _kept(autopay):
        known = None if standing is None else standing.get(method.id, ())
        try:
            methods.usable(
                method, on=clock.today(), initiator=Payment.Initiator.AUTOPAY, policy_ids=(autopay.policy_id,),
                standing=known,
            )  # fmt: skip
        except MethodNotUsable as error:
            refused = refused or error
        else:
            return Source(method.kind, payment_method=method)
    assert refused is not None
    raise refused


def _kept(autopay: Autopay) -> list[PaymentMethod]:
    return [method for method in (autopay.payment_method, autopay.fallback) if method is not None]


class _Roads:
    """What routing and methods ask of an organization, fetched once for a chunk."""

    def __init__(self, organization_id: str, kept: Sequence[PaymentMethod]) -> None:
        now = clock.now()
        self.now = now
        self.table = routes.table_in_force(organization_id, now.date())
        self.accounts = routes.open_accounts(organization_id)
        self.known: list[Candidate] = routes.candidates(self.accounts, now)
        self.asked = routing_rules.asks(self.table.rules) if self.table else frozenset()
        self.by_number = [a.id for a in self.accounts if registry.entry(a.gateway).takes_account_numbers]
        self.standing: dict[str, list[Mandate]] = defaultdict(list)
        self.tokens: dict[str, list[str]] = defaultdict(list)
        for mandate in Mandate.objects.filter(payment_method__in=kept, revoked_at__isnull=True).order_by("-id"):
            self.standing[mandate.payment_method_id].append(mandate)
        tokens = MethodToken.objects.filter(payment_method__in=kept)
        for method_id, account_id in tokens.values_list("payment_method_id", "account_id"):
            self.tokens[method_id].append(account_id)

    def route(self, policy: Policy, source: Source, amount: Money, reference: str) -> Decision:
        """Choose the account as `routes.route` does. Raises: NoRoute."""
        if self.table is None:
            raise NoRoute("The organization has no routing table; publish one first.", field="method")
        request = RouteRequest(
            source.method,
            amount,
            reference=reference,
            at=self.now,
            bare_token=source.payment_method is None,
            token_accounts=self._chargeable_at(source.payment_method),
            **routes.facts(self.asked, policy, source.payment_method),
        )
        return routing.choose(self.table.rules, str(self.table), request, self.known)

    def _chargeable_at(self, method: PaymentMethod | None) -> frozenset[str] | None:
        if method is None:
            return None
        return frozenset([*self.tokens[method.id], *(self.by_number if method.account_sealed else ())])


def _payment(payment_id: str, policy: Policy, invoice: Invoice, amount: Money, source: Source) -> Payment:
    return Payment(
        id=payment_id,
        policy=policy,
        invoice=invoice,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        method=source.method,
        token=source.token,
        payment_method=source.payment_method,
        initiator=Payment.Initiator.AUTOPAY,
    )


def _write(made: Sequence[tuple[Payment, Invoice, Decision]]) -> None:
    """Write payments of one part and one attempt each, with what is told of them, in as few statements as can be."""
    parts = [
        PaymentPart(
            id=id,
            payment=payment,
            position=1,
            policy_id=payment.policy_id,
            invoice=invoice,
            amount_minor=payment.amount_minor,
        )
        for id, (payment, invoice, _) in zip(ids.many("prt", len(made)), made, strict=True)
    ]
    attempts = [
        Attempt(
            id=id,
            payment=payment,
            invoice=invoice,
            account_id=decision.account_id,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            routing=decision.as_json(),
            next_check_at=clock.now(),
        )
        for id, (payment, invoice, decision) in zip(ids.many("att", len(made)), made, strict=True)
    ]
    _copy(Payment, [payment for payment, _, _ in made])
    _copy(PaymentPart, parts)
    _copy(Attempt, attempts)
    told = [
        collection.told(payment, attempt, [(invoice, payment.amount_minor)])
        for (payment, invoice, _), attempt in zip(made, attempts, strict=True)
    ]
    audit.record_many(noted for noted, _ in told)
    events.record_many(fact for _, fact in told)
    for attempt in attempts:
        jobs.wake("payments.submit", attempt.id)


def _copy(model: type[Model], rows: Sequence[Model]) -> None:
    """Insert new rows as they are, with whatever their fields hold."""
    fields = model._meta.concrete_fields
    columns, names = [str(field.column) for field in fields], [field.attname for field in fields]
    copying.insert(model, columns, ([getattr(row, name) for name in names] for row in rows))
