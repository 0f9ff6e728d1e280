"""Fees of ours that no charge of the contract brings: late, returned payment and reinstatement fees.

A fee is an installment of its own on the current schedule, billed from today. The plan says how much; the state's cap
lowers it; where nobody knows the cap there is no fee until a person decides.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from billing import agreed_plans, schedules
from billing.models import Installment, InstallmentItem, Schedule
from compliance import audit, deadlines, explanations
from compliance.deadlines import Cap
from compliance.explanations import Figure
from coverpay.kernel import clock
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Invalid, RuleViolation
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money
from policies import conditions
from policies.models import Component, PayeeKind, Policy, Term

RULES: dict[str, str] = {
    Component.LATE_FEE: "late",
    Component.NSF_FEE: "nsf",
    Component.REINSTATEMENT_FEE: "reinstatement",
}
"""Each fee and its name in the rules on caps."""


class FeeNotAllowed(RuleViolation):
    """The state allows no such fee, or nobody knows whether it does; the message says what to decide."""

    code = "fee_not_allowed"


@dataclass(frozen=True, slots=True)
class Fee:
    """What a fee comes to, and why. Zero: the plan names none."""

    component: str
    amount: Money
    why: Explained


def quote(
    policy: Policy, term: Term, component: str, amount_minor: int | None = None, *, on: dt.date | None = None
) -> Fee:
    """Work out a fee on a day: what is asked, at most the state's cap.

    Takes:  `amount_minor`, what is asked for; what the term's plan says when left out.
    Raises: FeeNotAllowed, Invalid for a component that is no such fee.
    """
    if component not in RULES:
        raise Invalid(f"A fee is one of {', '.join(RULES)}.", field="component")
    currency = policy.program.currency
    by_plan = agreed_plans.of_term(term.id).fee(component, term.state_code, currency)
    asked = by_plan if amount_minor is None else Money(amount_minor, currency)
    if asked.amount_minor <= 0:
        return Fee(component, Money(0, currency), Explained("the plan names no such fee"))
    cap = _cap(policy, term, component, on or clock.today())
    amount = min(asked, cap.amount) if cap.amount is not None else asked
    why = Explained(
        formula="what the plan asks, at most the state's cap",
        inputs={
            "asked_minor": asked.amount_minor,
            "cap_minor": cap.amount.amount_minor if cap.amount is not None else "none",
            "state": term.state_code,
        },
        rule=f"{component} of the payment plan",
        citation=cap.citation,
    )
    return Fee(component, amount, why)


@step
def charge(
    policy: Policy, term: Term, component: str, amount_minor: int | None = None, *, reason: str
) -> InstallmentItem | None:
    """Put a fee on the current schedule of a locked policy's term, to be billed from today on.

    Takes:  as `quote`.
    Gives:  the item; none when the fee comes to nothing or the term was never scheduled.
    Raises: FeeNotAllowed, Invalid.
    """
    fee = quote(policy, term, component, amount_minor)
    schedule = Schedule.objects.filter(term=term).order_by("-number").first()
    if not fee.amount or schedule is None:
        return None
    item = InstallmentItem.objects.create(
        installment=_own(policy, term, schedule),
        charge=None,
        component=component,
        amount_minor=fee.amount.amount_minor,
        payee_kind=PayeeKind.OPERATOR,
        payee=policy.operator_id,
    )
    explanations.record([Figure(item.id, component, fee.amount.amount_minor, fee.amount.currency, fee.why)])
    audit.record(
        action="fee.charge",
        object_id=item.id,
        organization_id=policy.operator_id,
        after={
            "component": component,
            "amount_minor": item.amount_minor,
            "due_on": item.installment.due_on.isoformat(),
        },
        reason=reason,
    )
    return item


@step
def charge_for_return(policy: Policy) -> InstallmentItem | None:
    """Put the plan's fee for a returned payment on the newest term of a locked policy, while it is in force.

    Where the state allows none, or nobody has decided whether it does, there is no fee and the audit trail says why.
    """
    term = policy.terms.select_related("program_version").filter(state=Term.State.IN_FORCE).order_by("number").last()
    if term is None:
        return None
    try:
        return charge(policy, term, Component.NSF_FEE, reason="The bank returned a payment.")
    except FeeNotAllowed as refusal:
        audit.record(
            action="fee.withheld",
            object_id=policy.id,
            organization_id=policy.operator_id,
            after={"component": Component.NSF_FEE, "citation": refusal.extra.get("citation", "")},
            reason=refusal.message,
        )
        return None


def _own(policy: Policy, term: Term, schedule: Schedule) -> Installment:
    """An installment of today for the fee alone, paid by whoever pays the last one."""
    bill_on, due_on = schedules.now_of(agreed_plans.of_term(term.id), term)
    last = Installment.objects.filter(schedule=schedule).order_by("-sequence").first()
    return Installment.objects.create(
        schedule=schedule,
        policy=policy,
        sequence=last.sequence + 1 if last else 1,
        bill_on=bill_on,
        due_on=due_on,
        account_id=last.account_id if last else None,
    )


def _cap(policy: Policy, term: Term, component: str, on: dt.date) -> Cap:
    """The state's cap. A fee that no rule of the data speaks of is not capped: the filed amount counts."""
    said = conditions.read(term.program_version.terms, policy.program.currency)
    cap = deadlines.fee_cap(
        policy.operator_id,
        state=term.state_code,
        fee=RULES[component],
        line=said.line,
        admitted=said.admitted,
        on=on,
    )
    if not cap.allowed or (cap.needs_decision and cap.ruling is not None):
        why = cap.needs_decision or "The state allows no such fee."
        raise FeeNotAllowed(why, citation=cap.citation, field="component")
    return cap
