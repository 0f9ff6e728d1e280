"""What a notice says: recipients, items, how its figures came about, and the words, all as they are now.

The shape is that of `billing.documents`: the content is kept with the notice, and printing reads nothing else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from billing import past_due
from billing.equity import CancelDay, Equity
from billing.models import Notice, PayorShare
from billing.past_due import PastDueLine
from compliance.deadlines import NoticeRule
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money
from policies.models import Participant, Party, Policy

INSURED, PAYOR, AGENCY = "Insured", "Payor or mortgagee", "Agency"


def recipients(policy: Policy) -> list[dict[str, Any]]:
    """Who a notice goes to: the insured, every other payor of the policy (mortgagee, lienholder), and the agency."""
    shares = PayorShare.objects.filter(policy=policy, ended_at__isnull=True).exclude(account__payor=policy.insured)
    found = [_party(policy.insured, INSURED)]
    found += [_party(share.account.payor, PAYOR) for share in shares.select_related("account__payor").order_by("id")]
    parts = policy.participants.filter(role=Participant.Role.AGENCY).select_related("organization").order_by("id")
    return found + [{"name": part.organization.name, "role": AGENCY, "lines": []} for part in parts]


def keys(content: Mapping[str, Any]) -> list[str]:
    """How the recipients of a notice are named when their mailing is proved."""
    return [key(each) for each in content["recipients"]]


def key(recipient: Mapping[str, Any]) -> str:
    return f"{recipient['role']}: {recipient['name']}"[:300]


def letter(policy: Policy, wording: Sequence[str], **more: Any) -> dict[str, Any]:
    """The content of any notice: who sends it, about which policy, to whom, in which words."""
    return {
        "sender": policy.operator.name,
        "policy_number": policy.number,
        "insured": policy.insured.name,
        "recipients": recipients(policy),
        "wording": list(wording),
        "items": [],
        "computation": [],
        **more,
    }


def cancellation(
    policy: Policy,
    lines: Sequence[PastDueLine],
    *,
    currency: str,
    equity: Equity,
    day: CancelDay,
    rule: NoticeRule,
) -> dict[str, Any]:
    """The content of a notice of cancellation: it demands the lines, which are premium and taxes past due, no more."""
    demanded = Money(sum(line.open_minor for line in lines), currency)
    wording = [
        f"Premium of {demanded} for this policy is past due.",
        f"Unless we receive {demanded} before {day.on:%B} {day.on.day}, {day.on.year}, 12:01 a.m., the policy is "
        "cancelled for non-payment of premium at that time, and there is no cover from then on.",
        "No other amount has to be paid to keep the policy in force.",
    ]
    figures = [
        _figure("demanded", demanded.amount_minor, past_due.why(lines, citation=rule.citation)),
        _figure("equity date", 0, equity.why),
        _figure("cancel date", 0, day.why),
    ]
    facts = [
        {"rule": each.rule, "value": str(each.value), "fact": each.fact_id, "decision": each.decision_id}
        for each in rule.rulings
    ]
    return letter(
        policy,
        wording,
        items=[_item(line) for line in lines],
        computation=figures,
        rule=facts,
        proof=rule.mailing_proof,
    )


def rescission(policy: Policy, notice: Notice) -> dict[str, Any]:
    """The content of the letter that takes a notice back."""
    on = notice.cancel_on
    assert on is not None
    return letter(
        policy,
        [
            f"We received what our notice of {_day(notice.prepared_on)} demanded.",
            f"The cancellation announced for {_day(on)} is rescinded; cover goes on without interruption.",
        ],
    )


def cancelled(policy: Policy, on: dt.date, left: Money) -> dict[str, Any]:
    """The content of the letter that confirms a cancellation."""
    return letter(
        policy,
        [
            f"The policy was cancelled for non-payment of premium on {_day(on)} at 12:01 a.m.",
            f"{left} is still past due." if left else "Nothing is past due.",
            "A payment from now on does not bring cover back; we return it or place it as you and we agree.",
        ],
    )


def reminder(policy: Policy, lines: Sequence[PastDueLine], currency: str) -> dict[str, Any]:
    """The content of a reminder."""
    total = Money(sum(line.open_minor for line in lines), currency)
    return letter(policy, [f"{total} is past due; please pay now."], items=[_item(line) for line in lines])


def _figure(figure: str, amount_minor: int, why: Explained) -> dict[str, Any]:
    said = asdict(why)
    return {"figure": figure, "amount_minor": amount_minor, **said, "inputs": dict(why.inputs)}


def _item(line: PastDueLine) -> dict[str, Any]:
    return {
        "description": f"{line.description} ({line.number})",
        "due_on": line.due_on.isoformat(),
        "amount_minor": line.open_minor,
    }


def _party(party: Party, role: str) -> dict[str, Any]:
    place = " ".join(part for part in (party.state, party.postal_code) if part)
    lines = [party.address_line, ", ".join(part for part in (party.city, place) if part)]
    return {"name": party.name, "role": role, "lines": [line for line in lines if line]}


def _day(on: dt.date) -> str:
    return f"{on:%B} {on.day}, {on.year}"
