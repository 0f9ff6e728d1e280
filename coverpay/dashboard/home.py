"""What the home page shows: the worklists that wait for a person, the cash of the day, and what happened last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import Model, Q, QuerySet, Sum
from django.urls import reverse

import billing.queries
import coverpay.webhooks.queries
from billing import worklists
from billing.models import Invoice, Notice, Receipt, SuspenseItem
from compliance import access
from compliance.events import CATALOG
from compliance.models import EventRecord
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.webhooks.models import Delivery
from payments.models import AchFile, AchNews, Attempt, Dispute, InboundEvent, Payment, RecoveryCase
from policies.models import Cancellation, Policy, Term
from reconciliation import announcements, break_lists
from reconciliation.models import Break, StatementImport

RECENT = 12


@dataclass(frozen=True, slots=True)
class Worklist:
    """Work of one kind: how much there is, and where to do it."""

    label: str
    hint: str
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Cash:
    """Received money of one currency, less what was taken back on those days."""

    currency: str
    today_minor: int
    month_minor: int


@dataclass(frozen=True, slots=True)
class Happening:
    """One public event in words: what it is about, what happened, how much."""

    at: dt.datetime
    sentence: str
    object_id: str
    about: str
    amount_minor: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of work: what to call it, who may see it, its rows and its page."""

    label: str
    hint: str
    permission: Permission
    rows: Callable[[], QuerySet[Model]]
    address: Callable[[], str]


def waiting(actor: Actor) -> list[Worklist]:
    """Count every kind of work this actor may see; one query a kind, however much there is."""
    return [
        Worklist(kind.label, kind.hint, access.visible(actor, kind.rows()).count(), kind.address())
        for kind in _KINDS
        if access.may(actor, kind.permission)
    ]


def cash(actor: Actor) -> list[Cash]:
    """Money received today and this month, per currency, less receipts taken back in the same time."""
    today = clock.today()
    first = today.replace(day=1)
    came = _by_currency(access.visible(actor, Receipt.objects.all()), "received_on", first, today)
    went = _by_currency(
        access.visible(actor, Receipt.objects.filter(reversal__isnull=False)), "reversal__reversed_on", first, today
    )
    return [
        Cash(
            currency,
            came.get(currency, (0, 0))[0] - went.get(currency, (0, 0))[0],
            came.get(currency, (0, 0))[1] - went.get(currency, (0, 0))[1],
        )
        for currency in sorted({*came, *went})
    ]


def activity(actor: Actor) -> list[Happening]:
    """The last public events of the actor's organization, as far as they may read them."""
    events = list(access.visible(actor, EventRecord.objects.order_by("-id"))[:RECENT])
    subjects = {event.subject_id for event in events}
    numbers = dict(access.visible(actor, Policy.objects.filter(pk__in=subjects)).values_list("id", "number"))
    return [_happening(event, numbers.get(event.subject_id, "")) for event in events]


def _happening(event: EventRecord, policy_number: str) -> Happening:
    data = event.data
    amounts = (data[name] for name in ("amount_minor", "total_minor", "net_minor") if name in data)
    return Happening(
        at=event.recorded_at,
        sentence=CATALOG.get(event.type, event.type).rstrip("."),
        object_id=event.object_id,
        about=str(data.get("number") or policy_number or data.get("reference") or ""),
        amount_minor=next(amounts, None),
        currency=str(data.get("currency", "USD")),
    )


def latest_payments(actor: Actor) -> Sequence[Payment]:
    """The last payments the actor may see."""
    rows = Payment.objects.select_related("invoice", "policy__insured").order_by("-id")
    return list(access.visible(actor, rows)[:RECENT])


def _by_currency(rows: QuerySet[Receipt], column: str, first: dt.date, today: dt.date) -> dict[str, tuple[int, int]]:
    sums = (
        rows.filter(**{f"{column}__range": (first, today)})
        .order_by()
        .values("currency")
        .annotate(month=Sum("amount_minor"), day=Sum("amount_minor", filter=Q(**{column: today})))
    )
    return {row["currency"]: (row["day"] or 0, row["month"]) for row in sums}


def _list(name: str, **query: str) -> Callable[[], str]:
    def address() -> str:
        filters = "&".join(f"{key}={value}" for key, value in query.items())
        return reverse(name) + (f"?{filters}" if filters else "")

    return address


_P = Permission
_KINDS: tuple[_Kind, ...] = (
    _Kind(
        "Past due, a person must decide",
        "A rule that is not established, or a case of its own",
        _P.BILLING_READ,
        lambda: worklists.delinquencies("decide"),
        _list("billing:delinquencies", show="decide"),
    ),
    _Kind(
        "Failed payments with a person",
        "The plan is at its end, or nobody knows the code",
        _P.PAYMENTS_READ,
        lambda: RecoveryCase.objects.filter(state=RecoveryCase.State.WITH_PERSON),
        _list("payments:recovery", show="with_person"),
    ),
    _Kind(
        "Notices to mail",
        "Prepared; they count from the day they are mailed",
        _P.BILLING_READ,
        lambda: worklists.notices(Notice.State.PREPARED),
        _list("billing:notices", show="prepared"),
    ),
    _Kind(
        "Cancellations pending",
        "Announced, and can still be rescinded",
        _P.POLICIES_READ,
        lambda: Policy.objects.filter(terms__cancellations__state=Cancellation.State.PENDING),
        _list("policies:list", show="cancelling"),
    ),
    _Kind(
        "Renewals awaiting an answer",
        "Offered and neither accepted nor let go",
        _P.POLICIES_READ,
        lambda: Policy.objects.filter(terms__state=Term.State.OFFERED, terms__number__gt=1),
        _list("policies:list", show="renewing"),
    ),
    _Kind(
        "Money in suspense",
        "Nobody knows yet whose it is",
        _P.BILLING_READ,
        lambda: worklists.suspense(SuspenseItem.State.OPEN),
        _list("billing:suspense", show="open"),
    ),
    _Kind(
        "Return premium due soon",
        "To be paid back within 14 days",
        _P.BILLING_READ,
        lambda: worklists.returns("soon"),
        _list("billing:returns", show="soon"),
    ),
    _Kind(
        "Return premium overdue or undated",
        "Past the state's deadline, or none is established",
        _P.BILLING_READ,
        lambda: worklists.returns("late") | worklists.returns("undated"),
        _list("billing:returns"),
    ),
    _Kind(
        "Nightly runs with failures",
        "Finished in the last 7 days, with things that could not be done",
        _P.BILLING_READ,
        worklists.runs_with_failures,
        _list("runs"),
    ),
    _Kind(
        "Invoices overdue",
        "Open and past their due date",
        _P.BILLING_READ,
        lambda: billing.queries.narrowed(Invoice.objects.all(), "overdue"),
        _list("billing:invoices", show="overdue"),
    ),
    _Kind(
        "Invoices due soon",
        "Open, due within 7 days",
        _P.BILLING_READ,
        lambda: billing.queries.narrowed(Invoice.objects.all(), "due"),
        _list("billing:invoices", show="due"),
    ),
    _Kind(
        "Payments of unknown outcome",
        "A person decides when the processor does not",
        _P.PAYMENTS_READ,
        lambda: Payment.objects.filter(pk__in=Attempt.objects.filter(state=Attempt.State.UNKNOWN).values("payment")),
        _list("payments:list", show="unknown"),
    ),
    _Kind(
        "Disputes to answer",
        "Evidence is due by a day; after it they are lost",
        _P.PAYMENTS_READ,
        lambda: Dispute.objects.filter(state=Dispute.State.NEEDS_RESPONSE, answer=""),
        _list("payments:disputes", show="needs_response"),
    ),
    _Kind(
        "Payments processing",
        "Waiting for the processor",
        _P.PAYMENTS_READ,
        lambda: Payment.objects.filter(state=Payment.State.PROCESSING),
        _list("payments:list", show="processing"),
    ),
    _Kind(
        "ACH files to send",
        "Built, and not said to have gone to the bank",
        _P.PAYMENTS_READ,
        lambda: AchFile.objects.filter(state=AchFile.State.BUILT),
        _list("payments:ach-files", state="built"),
    ),
    _Kind(
        "ACH files with news set aside",
        "What the bank sent and could not be applied",
        _P.PAYMENTS_READ,
        lambda: AchFile.objects.filter(news__state=AchNews.State.QUARANTINED).distinct(),
        _list("payments:ach-files", show="waiting"),
    ),
    _Kind(
        "Processor webhooks set aside",
        "Verified, but they name nothing of ours",
        _P.PAYMENTS_READ,
        lambda: InboundEvent.objects.filter(state=InboundEvent.State.QUARANTINED),
        _list("payments:inbound", state="quarantined"),
    ),
    _Kind(
        "Bank breaks open",
        "Lines that do not tie",
        _P.RECONCILIATION_READ,
        lambda: Break.objects.filter(state=Break.State.OPEN),
        _list("reconciliation:breaks"),
    ),
    _Kind(
        "Announced and not come",
        "Banks told of it, and no statement brings it",
        _P.RECONCILIATION_READ,
        announcements.late,
        _list("reconciliation:announcements", show="late"),
    ),
    _Kind(
        "Bank breaks overdue",
        "Past the day by which they should be settled",
        _P.RECONCILIATION_READ,
        lambda: break_lists.overdue(Break.objects.all()),
        _list("reconciliation:breaks", show="overdue"),
    ),
    _Kind(
        "Statements set aside",
        "Files that do not tie in themselves",
        _P.RECONCILIATION_READ,
        lambda: StatementImport.objects.filter(state=StatementImport.State.QUARANTINED),
        _list("reconciliation:imports", state="quarantined"),
    ),
    _Kind(
        "Webhook deliveries failing",
        "Tried and not yet delivered, or given up",
        _P.WEBHOOKS_READ,
        lambda: coverpay.webhooks.queries.failing(Delivery.objects.all()),
        _list("webhooks:deliveries", show="failing"),
    ),
)
