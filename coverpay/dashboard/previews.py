"""What a change of a policy would do, ready to be shown: figures with their derivation, charges, bills, and balance."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import billing.queries
from billing import previews, reslicing
from billing.previews import ChangePreview
from compliance import access
from compliance.permissions import Permission
from coverpay.dashboard import money
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import DomainError
from coverpay.kernel.figures import Explained
from policies.models import Component, Policy
from policies.transactions import Drafted

LABELS = {
    "written": "Change of written premium",
    "return_premium": "Return premium",
    "earned": "Earned until then",
    "retained": "Retained beyond what is earned",
    "lapse": "Premium of the days without cover",
    "lapse_credit": "Credit for the days without cover",
}


@dataclass(frozen=True, slots=True)
class Derived:
    """The derivation of a figure that is not kept yet, as the `why` component reads it."""

    amount_minor: int
    currency: str
    formula: str
    inputs: Mapping[str, str | int] = field(default_factory=dict)
    rule: str = ""
    rule_version: str = ""
    citation: str = ""
    subject_id: str = ""
    figure: str = ""
    recorded_at: None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """One amount of a preview with its name and why it is what it is."""

    label: str
    amount_minor: int
    reasons: list[Derived]


@dataclass(frozen=True, slots=True)
class Preview:
    """A change worked out, in the order in which people ask: how much, of what, billed when, and what is then owed."""

    currency: str
    effective_on: dt.date
    figures: list[Amount]
    charges: list[Amount]
    total_minor: int
    bills: ChangePreview | None = None
    owed_before_minor: int | None = None
    owed_after_minor: int | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)
    warning: str = ""
    citation: str = ""
    others: list[Amount] = field(default_factory=list)
    others_title: str = ""
    others_minor: int = 0


def derived(amount_minor: int, why: Explained, currency: str) -> Derived:
    """One derivation as the `why` component reads it."""
    return Derived(amount_minor, currency, why.formula, dict(why.inputs), why.rule, why.rule_version, why.citation)


def of_draft(
    actor: Actor, policy: Policy, drafted: Drafted, *, ends: bool = False, restores: bool = False, bills: bool = True
) -> Preview:
    """Show a drafted change of a visible policy. `ends`: what is left to bill is asked at once, as a cancellation does.

    What is owed after it follows from the bills: open + to be billed - credited - unapplied.
    """
    currency = policy.program.currency
    shown = Preview(
        currency=currency,
        effective_on=drafted.effective_on,
        figures=[
            Amount(LABELS.get(name, name.replace("_", " ").capitalize()), minor, [derived(minor, why, currency)])
            for name, (minor, why) in drafted.figures.items()
        ],
        charges=[
            Amount(
                Component(charge.component).label,
                charge.amount.amount_minor,
                [derived(charge.amount.amount_minor, charge.why, currency)],
            )
            for charge in drafted.charges
        ],
        total_minor=drafted.total_minor,
    )
    if not bills or not access.may(actor, Permission.BILLING_READ):
        return shown
    mode = reslicing.AT_ONCE if ends else reslicing.RESTORE if restores else None
    return _with_bills(shown, policy, _bills(policy, drafted, mode))


def _bills(policy: Policy, drafted: Drafted, mode: str | None) -> ChangePreview | None:
    """The bills after the change; none where no schedule reaches the day or what is charged is new to it."""
    try:
        return previews.endorsement_preview(policy, drafted.amounts(), drafted.effective_on, mode=mode)
    except DomainError:
        return None


def _with_bills(shown: Preview, policy: Policy, bills: ChangePreview | None) -> Preview:
    balance = billing.queries.balance_of(policy)
    unapplied = sum(row.waiting_minor for row in money.receipts_of(policy))
    before = balance.open_minor + balance.unbilled_minor - unapplied
    after = before + (bills.after_minor - bills.before_minor - bills.credited_minor if bills else shown.total_minor)
    return replace(shown, bills=bills, owed_before_minor=before, owed_after_minor=after)
