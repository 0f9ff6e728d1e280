"""A change of payment plan or due day in the middle of a term: what is not due yet is sliced anew.

Open invoices that are not due yet are taken back: their money is un-applied, their lines go over the new dates, and the
money covers whatever is open then. What is overdue stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from billing import cash, plans, previews, reslicing, schedules, slots, standing, voids
from billing.models import Invoice, InvoiceLine, LineCredit, PlanVersion, Schedule
from billing.previews import ChangePreview
from billing.reslicing import Resliced
from billing.slots import Carried, Slot
from billing.standing import FEES, UNBILLING, Key, Standing
from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import Money
from policies import locks
from policies.models import Component, Policy, Term


class NothingToReplan(Conflict):
    """No term of the policy has a schedule with something left to bill."""

    code = "nothing_to_replan"


@dataclass(frozen=True, slots=True)
class _Figured:
    """A plan change worked out: the schedule it replaces, the invoices it takes back, where everything goes."""

    last: Schedule
    version: PlanVersion
    invoices: list[Invoice]
    before: list[Slot]
    resliced: Resliced


@command
def change_plan(*, policy_id: str, plan_code: str, actor: Actor, due_day: int | None = None) -> Schedule:
    """Slice what is not due yet of the current term anew, by another plan or another due day.

    Takes:  the code of a plan in force today (it may be the same plan); a due day 1-31 in place of the plan's own.
    Gives:  the next schedule.
    Posts:  as voiding the invoices that are not due yet does, and as applying what was paid on them.
    Raises: NotFound, Forbidden, NothingToReplan, Invalid (due_day), BadAmount.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.BILLING_WRITE)
    policy = locks.lock(policy_id)
    figured = _figure(policy, plan_code, due_day)
    day = f", due on day {due_day}" if due_day else ""
    reason = f"Plan changed to {figured.version.code}{day}"
    for invoice in figured.invoices:
        voids.void_locked(invoice, reason=reason)
    schedule = schedules.replace(
        policy, figured.last, figured.resliced, transaction_id="", reason=reason, version=figured.version
    )
    cash.apply_waiting(policy)
    return schedule


def preview(policy: Policy, plan_code: str, due_day: int | None = None) -> ChangePreview:
    """The same figures as `change_plan` for a visible policy; it writes nothing. Raises: as `change_plan`."""
    figured = _figure(policy, plan_code, due_day)
    return previews.change_preview(figured.version, figured.last.currency, figured.before, figured.resliced)


def _figure(policy: Policy, plan_code: str, due_day: int | None) -> _Figured:
    if due_day is not None and not 1 <= due_day <= 31:
        raise Invalid(f"A due day is 1 to 31, not {due_day}.", field="due_day")
    last = _last_schedule(policy)
    term = last.term
    version = schedules.plan_in_force(policy.operator_id, plan_code, clock.today())
    spec = plans.read(version.spec)
    invoices = _not_due(term)
    dates = slots.unbilled(term) + _taken_back(invoices)
    standings = _as_unbilled(standing.of_term(term), dates)
    if not any(each.remaining_minor > 0 for each in standings.values()):
        raise NothingToReplan(f"Policy {policy.number} has nothing left to bill by another plan.", field="policy")
    resliced = reslicing.reslice(
        dates,
        standings,
        spec,
        schedules.places_of(policy, term, spec, due_day),
        fee_minor=Money.parse(spec.fee_amount, last.currency, field="installment_fee").amount_minor,
        now=schedules.now_of(spec, term),
    )
    return _Figured(last, version, invoices, sorted(dates, key=lambda slot: slot.due_on), resliced)


def _not_due(term: Term) -> list[Invoice]:
    """The open invoices of a term alone that are not due yet; those on a bill across policies stay on it."""
    rows = Invoice.objects.filter(
        lines__term=term, state=Invoice.State.OPEN, due_on__gte=clock.today(), account_bill__isnull=True
    )
    others = InvoiceLine.objects.exclude(term=term).filter(invoice__policy_id=term.policy_id).values("invoice_id")
    return list(rows.exclude(pk__in=others).distinct().select_related("policy").order_by("id"))


def _taken_back(invoices: Sequence[Invoice]) -> list[Slot]:
    """What invoices ask for, less what was credited, as dates that are not billed."""
    lines = list(InvoiceLine.objects.filter(invoice__in=invoices).order_by("invoice_id", "position"))
    credited: Counter[str] = Counter()
    for line_id, minor in LineCredit.objects.filter(line__in=lines, kind__in=UNBILLING).values_list(
        "line_id", "amount_minor"
    ):
        credited[line_id] += minor
    dates = {invoice.id: Slot(clock.today(), invoice.due_on) for invoice in invoices}
    accounts = {invoice.id: invoice.account_id for invoice in invoices}
    for line in lines:
        slot, minor = dates[line.invoice_id], line.amount_minor - credited[line.id]
        key = Key(line.component, line.payee_kind, line.payee, line.commission_ppm)
        if line.component == Component.INSTALLMENT_FEE:
            slot.fee_minor += minor
        elif line.component in FEES and minor:
            slot.carried += (Carried(accounts[line.invoice_id], key, minor),)
        elif line.component not in FEES:
            slot.amounts[key] += minor
    return list(dates.values())


def _as_unbilled(standings: Mapping[Key, Standing], dates: Sequence[Slot]) -> dict[Key, Standing]:
    """Standings as they are once these dates, and no other, are what is not billed."""
    found = {}
    for key, each in standings.items():
        unbilled = sum(slot.amounts[key] for slot in dates)
        billed = each.billed_minor + each.unbilled_minor - unbilled
        found[key] = replace(each, billed_minor=billed, unbilled_minor=unbilled)
    return found


def _last_schedule(policy: Policy) -> Schedule:
    """The last schedule of the term that is in force, or of an offered one. Raises: NothingToReplan."""
    found = (
        Schedule.objects.filter(policy=policy, term__state__in=[Term.State.IN_FORCE, Term.State.OFFERED])
        .select_related("term", "plan_version")
        .order_by("term__number", "-number")
        .first()
    )
    if found is None:
        raise NothingToReplan(f"Policy {policy.number} has no term that is billed by a plan.", field="policy")
    return found
