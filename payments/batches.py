"""Batch payments: an agency pays many invoices of its policies at once, gross, from one account of its own.

What cannot be paid is refused line by line before anything is charged. The rest is one payment with a part an invoice,
or several payments where there are more invoices than one payment takes; all of them are planned together or none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from billing import queries
from billing.models import Invoice
from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import DomainError, Forbidden, Invalid
from coverpay.kernel.money import Money
from payments import collection, method_fees
from payments.collection import MOST_INVOICES, AmountAboveOpen, NothingOwed, PaymentInProgress, Source, Wanted
from payments.models import Payment, PaymentPart
from policies import locks
from policies.models import Participant, Policy

MOST_LINES = 5_000


class BatchRefused(Invalid):
    """Some lines of the batch cannot be paid; `lines` says which and why. Nothing was charged."""

    code = "batch_refused"


class LineUnknown(Invalid):
    """No invoice of your policies has this id or number."""

    code = "line_unknown"


class LineTwice(Invalid):
    """The invoice stands in the batch already."""

    code = "line_twice"


@dataclass(frozen=True, slots=True)
class Asked:
    """One line as asked: an invoice by its id or number, and how much of it; all that is open when left out.

    `amount` is as people write it, in the invoice's currency, where minor units are not given.
    """

    invoice: str
    amount_minor: int | None = None
    amount: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line with the invoice it names and what would be charged, or why it cannot be paid."""

    position: int
    invoice: Invoice | None
    amount_minor: int
    refusal: DomainError | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A batch before it is paid: every line, what the good ones come to, and in how many payments."""

    lines: tuple[Line, ...]
    currency: str

    @property
    def good(self) -> list[Line]:
        return [line for line in self.lines if line.refusal is None]

    @property
    def refused(self) -> list[Line]:
        return [line for line in self.lines if line.refusal is not None]

    @property
    def total_minor(self) -> int:
        return sum(line.amount_minor for line in self.good)

    @property
    def payments(self) -> int:
        return -(-len(self.good) // MOST_INVOICES)


def preview(actor: Actor, asked: Sequence[Asked]) -> Preview:
    """Look at every line of a batch; writes nothing. Raises: Forbidden, Invalid (no lines, or too many)."""
    access.require(actor, Permission.PAYMENTS_WRITE)
    if not 1 <= len(asked) <= MOST_LINES:
        raise Invalid(f"A batch has 1 to {MOST_LINES:,} lines.", field="items")
    names = {line.invoice for line in asked}
    rows = queries.with_open(payable_by(actor).filter(Q(pk__in=names) | Q(number__in=names)))
    found = list(rows.select_related("policy"))
    by_name: dict[str, list[Invoice]] = {}
    for invoice in found:
        for name in {invoice.id, invoice.number} & names:
            by_name.setdefault(name, []).append(invoice)
    live = set(
        PaymentPart.objects.filter(invoice__in=[invoice.id for invoice in found], live=True).values_list(
            "invoice_id", flat=True
        )
    )
    return _looked_at(asked, by_name, live)


def payable_by(actor: Actor) -> QuerySet[Invoice]:
    """Invoices the actor's organization may pay: those it bills itself, and those of policies it is the agency of."""
    if actor.sees_all:
        return Invoice.objects.all()
    mine = Participant.objects.filter(organization_id=actor.organization_id, role=Participant.Role.AGENCY)
    return Invoice.objects.filter(Q(policy__operator_id=actor.organization_id) | Q(policy__in=mine.values("policy_id")))


@command
def pay(
    *,
    items: Sequence[Asked],
    actor: Actor,
    payment_method_id: str | None = None,
    method: str = "",
    token: str = "",
) -> list[Payment]:
    """Pay every line of a batch, in as few payments as hold them.

    Takes:  a method that the operator keeps, or the processor's `token` with its `method` card or ach. Commission is
            not netted: what is owed is paid whole.
    Raises: Forbidden, BatchRefused with the lines that cannot be paid, NotFound, MethodNotUsable, NoRoute, Invalid.
    """
    source = collection.source_of(actor, method=method, token=token, payment_method_id=payment_method_id)
    looked = preview(actor, items)
    if looked.refused:
        refused = [
            {"position": line.position, "code": line.refusal.code, "detail": line.refusal.message}
            for line in looked.refused
            if line.refusal is not None
        ]
        raise BatchRefused(f"{len(refused)} of {len(items)} lines cannot be paid.", field="items", lines=refused)
    wanted = [(line.invoice, line.amount_minor) for line in looked.good if line.invoice is not None]
    policies = {policy.id: policy for policy in locks.lock_many({invoice.policy_id for invoice, _ in wanted})}
    payments = [_collect(policies, chunk, source) for chunk in _chunks(wanted)]
    audit.record(
        action="payment_batch.pay",
        object_id=payments[0].id,
        organization_id=payments[0].policy.operator_id,
        after={
            "payments": [payment.id for payment in payments],
            "invoices": len(wanted),
            "amount_minor": sum(payment.amount_minor for payment in payments),
            "paid_by": actor.organization_id,
        },
    )
    return payments


def open_of(actor: Actor, until_days: int = 30, most: int = 200) -> list[Invoice]:
    """What the actor's organization may pay next: open invoices by due date, with `open_minor`."""
    if not access.may(actor, Permission.PAYMENTS_WRITE):
        raise Forbidden("Paying takes the permission payments.write.", permission=Permission.PAYMENTS_WRITE.value)
    rows = payable_by(actor).filter(state=Invoice.State.OPEN, due_on__lte=clock.today() + dt.timedelta(days=until_days))
    live = PaymentPart.objects.filter(live=True).values("invoice_id")
    return list(queries.with_open(rows.exclude(pk__in=live)).order_by("due_on", "number")[:most])


def _looked_at(asked: Sequence[Asked], by_name: dict[str, list[Invoice]], live: set[str]) -> Preview:
    lines: list[Line] = []
    seen: set[str] = set()
    same: tuple[str, str] | None = None
    for position, line in enumerate(asked, start=1):
        try:
            invoice, minor = _checked(line, by_name, live, seen, same)
        except DomainError as refusal:
            named = by_name.get(line.invoice, [])
            lines.append(Line(position, named[0] if len(named) == 1 else None, 0, refusal))
            continue
        seen.add(invoice.id)
        same = (invoice.policy.operator_id, invoice.currency)
        lines.append(Line(position, invoice, minor))
    return Preview(tuple(lines), same[1] if same else "USD")


def _checked(
    line: Asked, by_name: dict[str, list[Invoice]], live: set[str], seen: set[str], same: tuple[str, str] | None
) -> tuple[Invoice, int]:
    named = by_name.get(line.invoice, [])
    if len(named) != 1:
        said = "Several invoices have this number: give the id." if named else "No invoice of your policies is this."
        raise LineUnknown(said, field="items")
    invoice = named[0]
    still_open: int = invoice.open_minor  # type: ignore[attr-defined]
    if invoice.id in seen:
        raise LineTwice("The invoice stands in the batch already.", field="items")
    if same is not None and same != (invoice.policy.operator_id, invoice.currency):
        raise collection.NotTogether("One batch pays one operator in one currency.", field="items")
    if invoice.id in live:
        raise PaymentInProgress("A payment of this invoice is under way.", field="items")
    if still_open <= 0:
        raise NothingOwed("Nothing is open on this invoice.", field="items")
    minor = line.amount_minor
    if minor is None and line.amount:
        minor = Money.parse(line.amount, invoice.currency, field="items").amount_minor
    minor = still_open if minor is None else minor
    if not 0 < minor <= still_open:
        raise AmountAboveOpen(f"At most {Money(still_open, invoice.currency)} is open.", field="items")
    return invoice, minor


def _collect(policies: dict[str, Policy], chunk: Sequence[tuple[Invoice, int]], source: Source) -> Payment:
    locked = {invoice.policy_id: policies[invoice.policy_id] for invoice, _ in chunk}
    first = next(iter(locked.values()))
    how = method_fees.how_of(source.payment_method, source.method)
    parts = [(locked[invoice.policy_id], Money(minor, invoice.currency)) for invoice, minor in chunk]
    quoted = method_fees.quote_policies(first.operator_id, parts, how, channel="agency")
    payment = collection.collect_locked(
        locked,
        [Wanted(invoice.id, minor) for invoice, minor in chunk],
        source=source,
        initiator=Payment.Initiator.AGENCY,
        surcharge_minor=quoted.fee.amount_minor,
    )
    method_fees.keep(payment, quoted)
    return payment


def _chunks(wanted: Sequence[tuple[Invoice, int]]) -> Iterator[Sequence[tuple[Invoice, int]]]:
    for start in range(0, len(wanted), MOST_INVOICES):
        yield wanted[start : start + MOST_INVOICES]
