"""What is known of each state's law, and where a person must decide before it is used."""

from __future__ import annotations

import datetime as dt

from compliance.rules import facts, lookup
from compliance.rules.lookup import Ruled
from coverpay.reference import markdown

AS_OF = dt.date(2026, 1, 1)
LINES = (
    ("commercial_pc", "commercial"),
    ("personal_auto", "personal auto"),
    ("homeowners", "homeowners"),
)
_NONPAY = {"initiator": "insurer", "reason": "nonpayment"}


def pages() -> dict[str, str]:
    """docs/jurisdictions.md."""
    text = markdown.page(
        "Jurisdictions",
        "`compliance/rules/data/`",
        f"What the rule facts come to on {AS_OF.isoformat()}, before any decision of an organization. **decide** says "
        "that a person must decide before it is used: the value is not established, or it was not read in the source "
        "of today. This is research, not legal advice.",
        "## Notice before cancelling for non-payment",
        "Days of notice, and days added for the mail where a fact speaks of them.",
        markdown.table(
            ["State", "Line", "Days", "From", "Mail days", "Source"],
            [_notice(state, line, words) for state in facts.STATES for line, words in LINES],
        ),
        "## Return premium",
        markdown.table(
            ["State", "Line", "Insured cancels", "Insurer cancels", "Source"],
            [row for state in facts.STATES for line, words in LINES if (row := _returned(state, line, words))],
        ),
        "States and lines without a row: no deadline is established; a person decides.",
        "## Surplus lines",
        markdown.table(
            ["State", "Tax", "Source of the tax", "Stamping fee", "Source of the fee"],
            [_surplus(state) for state in facts.STATES],
        ),
    )
    return {"jurisdictions.md": text}


def _ruled(rule: str, state: str, line: str, admitted: str = "admitted", **conditions: str) -> Ruled:
    return lookup.by_facts(rule, jurisdiction=state, line=line, admitted=admitted, on=AS_OF, conditions=conditions)


def _notice(state: str, line: str, words: str) -> list[object]:
    days = _ruled("noc_nonpay_days", state, line, **_NONPAY)
    mail = _ruled("noc_mail_days_added", state, line, address="California")
    counted = str(days.conditions.get("measured_from", "")).replace("_", " ")
    source = "; ".join(ruled.citation for ruled in (days, mail) if ruled.citation)
    return [state, words, _said(days), counted, _said(mail) if mail.fact_id else "", source]


def _returned(state: str, line: str, words: str) -> list[object] | None:
    both = [_ruled("return_premium_deadline", state, line, initiator=who) for who in ("insured", "insurer")]
    if all(ruled.value is None for ruled in both):
        return None
    sources = dict.fromkeys(ruled.citation for ruled in both if ruled.citation)
    return [state, words, *(_said(ruled, ruled.unit) for ruled in both), "; ".join(sources)]


def _surplus(state: str) -> list[object]:
    tax = _ruled("sl_tax_rate", state, "all_pc", "surplus")
    stamping = _ruled("sl_stamping_fee_rate", state, "all_pc", "surplus")
    return [state, _said(tax, "%"), tax.citation, _said(stamping, "%"), stamping.citation]


def _said(ruled: Ruled, unit: str = "") -> str:
    """A value with its unit, and whether a person must decide."""
    if ruled.value is None:
        return "**decide**"
    words = f" {unit.replace('_', ' ')}" if unit not in ("", "%") else unit
    return f"{ruled.value}{words}" + (" (**decide**)" if ruled.needs_decision else "")
