"""What a night does, in this order: each kind of work with the question what is due and the command that does one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet

from billing import bulk, invoices, queries, write_offs
from billing.delinquency import process, running
from billing.models import Delinquency, Installment, Invoice, PlanVersion
from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from payments import autopay, autopay_runs, scheduled
from policies import cancellations, conditions, expirations, locks, renewals, slicing, transactions
from policies.models import Cancellation, Policy, ProgramVersion, Term
from policies.renewals import RenewalRequest


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a chunk came to, and what of it must be done one by one."""

    done: int
    amount_minor: int
    left: Sequence[str]


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of work: the ids that are due, how one is done, and how many at once where that is known.

    `one` is a command of its own, which changes nothing when there is nothing to do after all, and gives the amount
    it moved. `many` is a step.
    """

    name: str
    title: str
    due: Callable[[str, dt.date], QuerySet[Model, str]]
    one: Callable[[str, dt.date, Actor], int]
    many: Callable[[Sequence[str], dt.date], Chunk] | None = None


def _to_cancel(organization_id: str, on: dt.date) -> QuerySet[Model, str]:
    """Announced cancellations whose day is here. Past due money is followed by its own step, which cancels with it."""
    followed = Delinquency.objects.filter(term=OuterRef("term"), state__in=Delinquency.LIVE)
    rows = Cancellation.objects.filter(
        state=Cancellation.State.PENDING, effective_on__lte=on, term__policy__operator_id=organization_id
    )
    own = rows.exclude(Exists(followed), reason=Cancellation.Reason.NONPAYMENT)
    return own.order_by("term__policy_id").values_list("term__policy_id", flat=True)


def _cancel(policy_id: str, on: dt.date, actor: Actor) -> int:
    done = cancellations.take_effect(policy_id=policy_id, actor=actor)
    segments = done.transaction.segments.values_list("written_minor", flat=True) if done.transaction else ()
    return -sum(segments)


def _to_expire(organization_id: str, on: dt.date) -> QuerySet[Model, str]:
    rows = Term.objects.filter(state=Term.State.IN_FORCE, expires_on__lte=on, policy__operator_id=organization_id)
    return rows.order_by("policy_id").values_list("policy_id", flat=True).distinct()


def _expire(policy_id: str, on: dt.date, actor: Actor) -> int:
    expirations.expire(policy_id=policy_id, actor=actor)
    return 0


def _versions_by_days(organization_id: str, key: str) -> list[tuple[str, int]]:
    """The organization's program versions whose terms speak of renewal, each with a number of days it gives."""
    versions = ProgramVersion.objects.filter(program__operator_id=organization_id, terms__has_key="renewal")
    read = [
        (version.id, conditions.read(version.terms, version.program.currency))
        for version in versions.select_related("program").order_by("id")
    ]
    return [(id, getattr(found, key)) for id, found in read]


def _to_renew(organization_id: str, on: dt.date) -> QuerySet[Model, str]:
    """Terms within their program's offer days of the end, in force and with none after them.

    A program is renewed by itself only if its terms say something of renewal: the premium offered is the one that holds
    on the last day, and nobody else was asked.
    """
    near = Q(pk=None)
    for version_id, days in _versions_by_days(organization_id, "offer_lead_days"):
        near |= Q(program_version_id=version_id, expires_on__lte=on + dt.timedelta(days=days))
    later = Term.objects.filter(policy=OuterRef("policy"), number__gt=OuterRef("number"))
    ending = Cancellation.objects.filter(term=OuterRef("pk"), state=Cancellation.State.PENDING)
    rows = Term.objects.filter(near, state=Term.State.IN_FORCE, expires_on__gt=on, policy__state__in=Policy.IN_FORCE)
    rows = rows.filter(~Exists(later), ~Exists(ending), policy__operator_id=organization_id)
    return rows.order_by("policy_id").values_list("policy_id", flat=True)


@command
def offer_renewal(*, policy_id: str, on: dt.date, actor: Actor) -> int:
    """Offer the next term of a policy at the premium that holds on its last day; nothing when that is no more due.

    Raises: NotFound, Forbidden, and what `renewals.offer` raises.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    policy = locks.lock(policy_id)
    if not _to_renew(policy.operator_id, on).filter(policy_id=policy_id).exists():
        commands.unchanged()
        return 0
    last = transactions.in_state(policy, Term.State.IN_FORCE).order_by("-number")[0]
    premium_minor = slicing.rate_on(transactions.slices_of(last), last.expires_on - dt.timedelta(days=1))
    renewals.offer_locked(policy, RenewalRequest(premium_minor=premium_minor))
    return premium_minor


def _offer(policy_id: str, on: dt.date, actor: Actor) -> int:
    return offer_renewal(policy_id=policy_id, on=on, actor=actor)


def _not_taken(organization_id: str, on: dt.date) -> QuerySet[Model, str]:
    """Offered next terms whose first day, and the days of grace, are over."""
    begun = Q(effective_on__lte=on)
    for version_id, days in _versions_by_days(organization_id, "grace_days"):
        begun &= ~Q(program_version_id=version_id, effective_on__gt=on - dt.timedelta(days=days))
    rows = Term.objects.filter(begun, state=Term.State.OFFERED, number__gt=1, policy__operator_id=organization_id)
    return rows.order_by("policy_id").values_list("policy_id", flat=True)


def _let_go(policy_id: str, on: dt.date, actor: Actor) -> int:
    renewals.decline(policy_id=policy_id, reason="Not taken by its first day.", actor=actor)
    return 0


def _to_bill(organization_id: str, on: dt.date) -> QuerySet[Model, str]:
    rows = Installment.objects.filter(
        invoice__isnull=True, replaced_by__isnull=True, bill_on__lte=on, policy__operator_id=organization_id
    )
    return rows.order_by("policy_id").values_list("policy_id", flat=True).distinct()


def _bill_many(policy_ids: Sequence[str], on: dt.date) -> Chunk:
    issued = bulk.issue_due(locks.lock_many(policy_ids), on)
    return Chunk(issued.count, issued.amount_minor, issued.left)


@command
def bill(*, policy_id: str, through: dt.date, actor: Actor) -> int:
    """Bill what is due of a policy; nothing when it is too little to be sent yet. Gives: what is asked for."""
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.BILLING_WRITE)
    written = invoices.issue_locked(locks.lock(policy_id), through)
    if not written:
        commands.unchanged()
    return sum(invoice.total_minor for invoice in written)


def _bill_one(policy_id: str, on: dt.date, actor: Actor) -> int:
    return bill(policy_id=policy_id, through=on, actor=actor)


def _with_small_balance(organization_id: str, on: dt.date) -> QuerySet[Model, str]:
    """Policies with an overdue invoice of which no more is open than the most that any plan gives up."""
    specs = PlanVersion.objects.filter(organization_id=organization_id, spec__has_key="small_balance")
    limits = [Money.parse(text).amount_minor for text in specs.values_list("spec__small_balance", flat=True)]
    rows = Invoice.objects.filter(policy__operator_id=organization_id, state=Invoice.State.OPEN, due_on__lt=on)
    small = queries.with_open(rows).filter(Q(open_minor__gt=0), Q(open_minor__lte=max(limits, default=0)))
    return small.order_by("policy_id").values_list("policy_id", flat=True).distinct()


@command
def give_up_small(*, policy_id: str, actor: Actor) -> int:
    """Write off every small overdue balance of a policy, as its plan says. Gives: how much, minor units."""
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.BILLING_WRITE)
    given_up = write_offs.write_off_small(locks.lock(policy_id))
    if not given_up:
        commands.unchanged()
    return given_up


def _give_up(policy_id: str, on: dt.date, actor: Actor) -> int:
    return give_up_small(policy_id=policy_id, actor=actor)


def _past_due(organization_id: str, on: dt.date) -> QuerySet[Model, str]:
    """Policies that may have to enter a delinquency plan, or have a step of one due."""
    entering = process.to_enter(organization_id, on).values("pk")
    advancing = process.to_advance(organization_id, on).order_by().values("policy_id")
    rows = Policy.objects.filter(Q(pk__in=entering) | Q(pk__in=advancing))
    return rows.order_by("id").values_list("id", flat=True)


def _follow(policy_id: str, on: dt.date, actor: Actor) -> int:
    running.follow(policy_id=policy_id, actor=actor)
    return 0


def _to_collect(organization_id: str, on: dt.date) -> QuerySet[Model, str]:
    return autopay.due(organization_id, on).order_by("policy_id", F("due_on"), "id").values_list("id", flat=True)


def _collect(invoice_id: str, on: dt.date, actor: Actor) -> int:
    payment = autopay.collect_one(invoice_id=invoice_id, actor=actor)
    return payment.amount_minor if payment else 0


def _collect_many(invoice_ids: Sequence[str], on: dt.date) -> Chunk:
    planned = autopay_runs.plan_many(invoice_ids, on)
    return Chunk(len(planned.payments), planned.amount_minor, planned.left)


def _scheduled(organization_id: str, on: dt.date) -> QuerySet[Model, str]:
    return scheduled.due(organization_id, on).order_by("policy_id", "id").values_list("id", flat=True)


def _collect_scheduled(scheduled_id: str, on: dt.date, actor: Actor) -> int:
    payment = scheduled.collect_one(scheduled_id=scheduled_id, on=on, actor=actor)
    return payment.amount_minor if payment else 0


STEPS = (
    Step("cancellations", "Cancellations that take effect", _to_cancel, _cancel),
    Step("expirations", "Terms that ran out", _to_expire, _expire),
    Step("renewal_offers", "Renewals offered", _to_renew, _offer),
    Step("renewals_not_taken", "Renewals not taken", _not_taken, _let_go),
    Step("invoices", "Policies billed", _to_bill, _bill_one, _bill_many),
    Step("small_balances", "Small balances written off", _with_small_balance, _give_up),
    Step("delinquency", "Past due money followed", _past_due, _follow),
    Step("scheduled_payments", "Scheduled payments requested", _scheduled, _collect_scheduled),
    Step("autopay", "Autopay requested", _to_collect, _collect, _collect_many),
)
