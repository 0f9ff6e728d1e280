"""What the rules ask of cancellations, refunds and fees: days, caps and who must decide where nobody knows.

Every answer carries its citation and `needs_decision`: a text that says what a person must decide before it is used.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from compliance import business_days
from compliance.rules import facts
from compliance.rules.decisions import NO_CAP
from compliance.rules.lookup import Ruled, lookup
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money

_OTHER_REASON = "other_permitted"
_DAYS = 366
"""No deadline or notice is longer; a decided value above it is a slip."""

FEES = {
    "late": ("late_fee_cap", "insurer_late_fee_cap"),
    "nsf": ("returned_payment_fee_cap",),
    "installment": ("installment_fee_cap",),
    "reinstatement": (),
}
"""Each fee and the rules that cap it, the first that is established counts."""


class UnknownFee(Invalid):
    """A fee that no rule caps."""

    code = "unknown_fee"


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """How a notice of cancellation is given. `days` and `mail_days_added` are None where nobody knows them yet.

    `business_days` says whether the days of notice are working days; `in_underwriting_period` that the policy is so new
    that wider grounds may do; `floor_days` how many days before the equity date it may take effect at the earliest.
    """

    days: int | None
    mail_days_added: int | None
    measured_from: str
    business_days: bool
    mailing_proof: str
    citation: str
    needs_decision: str
    in_underwriting_period: bool
    latest_lead_days: int | None
    equity_floor_days: int | None
    rulings: tuple[Ruled, ...]


@dataclass(frozen=True, slots=True)
class Deadline:
    """By when something is due, or what to decide first."""

    due_on: dt.date | None
    days: int | None
    business_days: bool
    counted_from: str
    citation: str
    needs_decision: str
    ruling: Ruled


@dataclass(frozen=True, slots=True)
class Cap:
    """The most a fee may be; `amount` None with an empty `needs_decision` means that a decision sets no cap."""

    amount: Money | None
    allowed: bool
    citation: str
    needs_decision: str
    ruling: Ruled | None


def notice_days(
    organization_id: str,
    *,
    state: str,
    line: str,
    admitted: str = "admitted",
    on: dt.date,
    days_in_force: int,
    reason: str = "nonpayment",
    renewal: bool = False,
    first_premium: bool = False,
    address: str = "",
) -> NoticeRule:
    """How many days of notice a cancellation by the insurer takes there.

    Takes:  any other `reason` than nonpayment is read as another permitted one; `days_in_force` of the policy, which is
            never new when `renewal`; `first_premium` where it is a new policy's first that is not paid; `address` of
            who is told as the rule names it (``California``), in the state when left out.
    """

    def ruled(rule: str, conditions: Mapping[str, str] | None = None) -> Ruled:
        return lookup(
            organization_id, rule, jurisdiction=state, line=line, admitted=admitted, on=on, conditions=conditions
        )

    nonpayment = reason == "nonpayment"
    asked_for = {"initiator": "insurer", "reason": "nonpayment" if nonpayment else _OTHER_REASON}
    if first_premium:
        asked_for["first_premium_new_policy"] = "true"
    notice = ruled("noc_nonpay_days" if nonpayment else "noc_other_reason_days", asked_for)
    mail = ruled("noc_mail_days_added", {"address": address or _IN_STATE.get(state, state)})
    proof = ruled("noc_mailing_proof")
    new = ruled("underwriting_period_days")
    lead, floor = ruled("noc_latest_lead_days"), ruled("noc_equity_date_floor_days")
    from_receipt = notice.conditions.get("measured_from") == "receipt"
    asked = [_decide_notice(notice, admitted, ruled), _decide_mail(mail, from_receipt), _unread(proof)]
    asked += [_unread(lead), _unread(floor)]
    return NoticeRule(
        days=_whole(notice),
        mail_days_added=_whole(mail) if mail.established else (None if asked[1] else 0),
        measured_from=str(notice.conditions.get("measured_from", "mailing_or_delivery")),
        business_days=_in_business_days(notice.unit),
        mailing_proof=str(proof.value) if proof.established else "",
        citation=notice.citation,
        needs_decision=" ".join(text for text in asked if text),
        in_underwriting_period=not renewal and new.established and days_in_force < (_whole(new) or 0),
        latest_lead_days=_whole(lead),
        equity_floor_days=_whole(floor),
        rulings=(notice, mail, proof, new, lead, floor),
    )


_IN_STATE = {"CA": "California"}


def _decide_notice(notice: Ruled, admitted: str, ruled: Any) -> str:
    """What to decide about the days; for surplus lines also whether the state's rules reach them at all."""
    if notice.established:
        return ""
    reach: Ruled | None = ruled("noc_applies_to_surplus_lines") if admitted == "surplus" else None
    if reach is None or reach.fact_id is None:
        return notice.needs_decision
    said = f"The source on surplus lines ({reach.fact_id}, {reach.citation}) says: {reach.value}."
    return f"{notice.needs_decision} {said}"


def _decide_mail(mail: Ruled, from_receipt: bool) -> str:
    """Mail days must be known where notice counts from receipt, or where a fact about them is not established."""
    if mail.established or (mail.fact_id is None and not from_receipt):
        return ""
    return mail.needs_decision


def _unread(ruling: Ruled) -> str:
    """What to decide where a fact exists that may not be used; a rule nobody knows of asks nothing."""
    return ruling.needs_decision if ruling.fact_id is not None else ""


def return_premium_due(
    organization_id: str,
    *,
    state: str,
    line: str,
    admitted: str = "admitted",
    cancelled_on: dt.date,
    initiator: str,
    noticed_on: dt.date | None = None,
    financed: bool = False,
) -> Deadline:
    """By when return premium must be paid back.

    Takes:  `initiator`: insured, insurer or finance_company; `noticed_on`, the day of the notice, from which some
            states count; `financed` where a finance company gets the money.
    """
    conditions = {"initiator": "insurer" if initiator == "finance_company" else initiator}

    def ruled(of: str) -> Ruled:
        return lookup(
            organization_id,
            "return_premium_deadline",
            jurisdiction=state,
            line=of,
            admitted=admitted,
            on=cancelled_on,
            conditions=conditions,
        )

    ruling = ruled(line)
    if financed:
        special = ruled("financed_any")
        ruling = special if special.decision_id or special.fact_id else ruling
    days = _whole(ruling)
    counted_from = str(ruling.conditions.get("from", "cancellation"))
    start = noticed_on if "notice" in counted_from else cancelled_on
    return Deadline(
        due_on=None if days is None or start is None else _due_on(start, days, ruling.unit),
        days=days,
        business_days=_in_business_days(ruling.unit),
        counted_from=counted_from,
        citation=ruling.citation,
        needs_decision=_readable(ruling, days) or ("" if start else f"Days count from: {counted_from}. Say that day."),
        ruling=ruling,
    )


def _due_on(start: dt.date, days: int, unit: str) -> dt.date:
    if unit == "calendar_days_before_effective_date":
        return start - dt.timedelta(days=days)
    if not _in_business_days(unit):
        return start + dt.timedelta(days=days)
    due_on = start
    while days:
        due_on += dt.timedelta(days=1)
        days -= business_days.is_business_day(due_on)
    return due_on


def payment_rescinds(organization_id: str, *, state: str, line: str, admitted: str = "admitted", on: dt.date) -> Ruled:
    """Whether payment within the notice undoes the cancellation: the state's rule, or the default for all states."""
    ruling = lookup(
        organization_id,
        "payment_within_notice_rescinds",
        jurisdiction=state,
        line=line,
        admitted=admitted,
        on=on,
    )
    if ruling.decision_id or ruling.fact_id:
        return ruling
    default = "payment_within_notice_rescinds_default"
    return lookup(organization_id, default, jurisdiction=state, line=line, admitted=admitted, on=on)


def fee_cap(organization_id: str, *, state: str, fee: str, line: str, on: dt.date, admitted: str = "admitted") -> Cap:
    """The most a late, nsf, installment or reinstatement fee may be there. Raises: UnknownFee.

    A decided value of ``none`` says that no cap applies; what the program has filed then limits the fee.
    """
    if fee not in FEES:
        raise UnknownFee(f"Fee must be one of {', '.join(FEES)}.", field="fee")
    rulings = [
        lookup(
            organization_id,
            rule,
            jurisdiction=state,
            line="general_commerce" if fee == "nsf" else line,
            admitted=admitted,
            on=on,
        )
        for rule in FEES[fee]
        if rule in facts.units()
    ]
    if not rulings:
        text = f"No rule of the data caps a {fee} fee in {state}: charge only what the program has filed."
        return Cap(amount=None, allowed=True, citation="", needs_decision=text, ruling=None)
    ruling = next((one for one in rulings if one.established), next((r for r in rulings if r.fact_id), rulings[0]))
    amount = _money(ruling.value) if ruling.established and ruling.value != NO_CAP else None
    return Cap(
        amount=amount, allowed=True, citation=ruling.citation, needs_decision=ruling.needs_decision, ruling=ruling
    )


def tax_returned_on_return_premium(organization_id: str, *, state: str, on: dt.date) -> Ruled:
    """Whether surplus lines tax comes back with return premium: the state's rule, or the default for all states."""
    for rule in ("sl_return_premium_refunds_tax", "sl_return_premium_refunds_tax_default"):
        ruling = lookup(organization_id, rule, jurisdiction=state, line="all_pc", admitted="surplus", on=on)
        if ruling.decision_id or ruling.fact_id:
            return ruling
    return ruling


def grace_days(organization_id: str, *, state: str, line: str, on: dt.date, admitted: str = "admitted") -> Ruled:
    """Days after the due day before anything may happen: the state's rule, or the default for personal lines."""
    for rule in ("grace_period_days", "grace_period_statutory_default"):
        ruling = lookup(organization_id, rule, jurisdiction=state, line=line, admitted=admitted, on=on)
        if ruling.decision_id or ruling.fact_id:
            return ruling
    return ruling


def _in_business_days(unit: str) -> bool:
    return unit.startswith(("business_days", "working_days"))


def _whole(ruling: Ruled) -> int | None:
    """The established value as a number of days, or None."""
    value = ruling.value
    if not ruling.established or isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _DAYS else None


def _readable(ruling: Ruled, days: int | None) -> str:
    if ruling.needs_decision or days is not None:
        return ruling.needs_decision
    return f"{ruling.rule} in {ruling.jurisdiction} says {ruling.value}, which is no number of days: decide one."


def _money(value: Any) -> Money:
    return Money.parse(str(Decimal(str(value))), "USD")
