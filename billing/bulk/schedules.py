"""Schedules of many bound transactions at once."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from billing import plans, schedules
from billing.models import Installment, InstallmentItem, PayorShare, PlanVersion, Schedule
from compliance import audit, business_days, events, explanations
from compliance.explanations import Figure
from coverpay.kernel import clock, copying, ids
from coverpay.kernel.commands import step
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money
from policies.events import PolicyBound
from policies.models import PayeeKind, Policy, Term

_CHARGES = """
SELECT transaction_id, id, component, amount_minor, currency, payee_kind, payee, commission_ppm
  FROM policies_charge WHERE transaction_id = ANY(%s) ORDER BY transaction_id, id
"""


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """A charge as read for a schedule."""

    id: str
    component: str
    amount_minor: int
    currency: str
    payee_kind: str
    payee: str
    commission_ppm: int


@dataclass(slots=True)
class Written:
    """The rows of a chunk, table by table, ready to be copied."""

    schedules: list[tuple[Any, ...]] = field(default_factory=list)
    installments: list[tuple[Any, ...]] = field(default_factory=list)
    items: list[tuple[Any, ...]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    audits: list[audit.Noted] = field(default_factory=list)
    facts: list[events.Fact] = field(default_factory=list)


@step
def create_schedules(bound: Sequence[PolicyBound]) -> int:
    """Set the installments of many bound transactions, of policies locked or new in this command.

    Gives:  how many schedules it wrote itself; those of unusual policies are made one by one.
    Raises: NotFound (plan).
    """
    shared = with_shares([each.policy_id for each in bound])
    for each in bound:
        if each.policy_id in shared:
            schedules.create(
                Policy.objects.get(pk=each.policy_id),
                Term.objects.get(pk=each.term_id),
                each.transaction_id,
                each.plan_code,
            )
    plain = [each for each in bound if each.policy_id not in shared]
    if plain:
        _copy_schedules(_schedules(plain))
    return len(plain)


def with_shares(policy_ids: Collection[str]) -> set[str]:
    """The policies whose charges several payors share."""
    shares = PayorShare.objects.filter(policy_id__in=policy_ids, ended_at=None)
    return set(shares.values_list("policy_id", flat=True))


def _schedules(bound: Sequence[PolicyBound]) -> Written:
    terms = Term.objects.select_related("policy").in_bulk([each.term_id for each in bound])
    charges = _charges([each.transaction_id for each in bound])
    versions, now = _Versions(), clock.now()
    written = Written()
    schedule_ids = ids.many("sch", len(bound))
    for schedule_id, each in zip(schedule_ids, bound, strict=True):
        term = terms[each.term_id]
        operator_id = term.policy.operator_id
        version, spec = versions.get(operator_id, each.plan_code, term.effective_on)
        asked = charges[each.transaction_id]
        planned = plans.build(
            spec,
            [plans.ChargeDue(c.id, c.component, Money(c.amount_minor, c.currency)) for c in asked],
            anchor=schedules.anchor_of(spec, term, made_on=now.date()),
            currency=asked[0].currency,
            expires_on=term.expires_on,
            shift=business_days.shift,
            bill_from=now.date() if term.number > 1 else None,
        )
        written.schedules.append(
            (schedule_id, each.policy_id, each.term_id, each.transaction_id, version.id, asked[0].currency, 1, "", now)
        )
        _installments(written, schedule_id, each.policy_id, operator_id, planned, asked)
        _tell(written, schedule_id, each.policy_id, operator_id, version, planned, asked)
    return written


class _Versions:
    """Plan versions in force, each read and checked once a chunk."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, dt.date], tuple[PlanVersion, plans.PlanSpec]] = {}
        self._specs: dict[str, plans.PlanSpec] = {}

    def get(self, operator_id: str, code: str, on: dt.date) -> tuple[PlanVersion, plans.PlanSpec]:
        key = (operator_id, code, on)
        found = self._known.get(key)
        if found is None:
            version = schedules.plan_in_force(operator_id, code, on)
            spec = self._specs.setdefault(version.id, plans.read(version.spec))
            found = self._known[key] = (version, spec)
        return found


def _charges(transaction_ids: Sequence[str]) -> dict[str, list[ChargeRow]]:
    found: dict[str, list[ChargeRow]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_CHARGES, [list(transaction_ids)])
        for transaction_id, *row in cursor.fetchall():
            found[transaction_id].append(ChargeRow(*row))
    return found


def _installments(
    written: Written,
    schedule_id: str,
    policy_id: str,
    operator_id: str,
    planned: plans.PlannedSchedule,
    charges: Sequence[ChargeRow],
) -> None:
    """Add the installments of one schedule and the items of each."""
    known = {charge.id: charge for charge in charges}
    made = ids.many("ins", len(planned.installments))
    count = sum(len(installment.shares) for installment in planned.installments)
    item_ids = iter(ids.many("iit", count))
    for id, installment in zip(made, planned.installments, strict=True):
        written.installments.append(
            (
                id,
                schedule_id,
                policy_id,
                installment.sequence,
                installment.bill_on,
                installment.due_on,
                None,
                None,
                None,
            )
        )
        for share in installment.shares:
            charge = known.get(share.charge_id or "")
            written.items.append(
                (next(item_ids), id, share.charge_id, share.component, share.amount.amount_minor)
                + ((charge.payee_kind, charge.payee, charge.commission_ppm) if charge
                   else (PayeeKind.OPERATOR.value, operator_id, 0))
            )  # fmt: skip


def _tell(
    written: Written,
    schedule_id: str,
    policy_id: str,
    operator_id: str,
    version: PlanVersion,
    planned: plans.PlannedSchedule,
    charges: Sequence[ChargeRow],
) -> None:
    """Add why each charge was split as it was, the audit entry and the public event of one schedule."""
    rule, rule_version = f"payment plan {version.code}", str(version)
    for charge in charges:
        why = planned.why[charge.id]
        written.figures.append(
            Figure(
                schedule_id,
                charge.component,
                charge.amount_minor,
                charge.currency,
                Explained(why.formula, why.inputs, rule, rule_version),
            )
        )
    after = {
        "plan": rule_version,
        "installments": len(planned.installments),
        "total_minor": sum(charge.amount_minor for charge in charges),
    }
    written.audits.append(audit.Noted("schedule.create", schedule_id, operator_id, after=after))
    written.facts.append(
        events.Fact(
            "schedule.created", operator_id, schedule_id, policy_id,
            {"schedule": schedule_id, "policy": policy_id, **after},
        )
    )  # fmt: skip


def _copy_schedules(written: Written) -> None:
    copying.insert(
        Schedule,
        ("id", "policy_id", "term_id", "transaction_id", "plan_version_id", "currency", "number", "reason",
         "created_at"),
        written.schedules,
    )  # fmt: skip
    copying.insert(
        Installment,
        ("id", "schedule_id", "policy_id", "sequence", "bill_on", "due_on", "account_id", "invoice_id",
         "replaced_by_id"),
        written.installments,
    )  # fmt: skip
    copying.insert(
        InstallmentItem,
        ("id", "installment_id", "charge_id", "component", "amount_minor", "payee_kind", "payee", "commission_ppm"),
        written.items,
    )
    explanations.record_many(written.figures)
    audit.record_many(written.audits)
    events.record_many(written.facts)
