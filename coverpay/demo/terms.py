"""The demo program's terms and plans, as an operator would publish them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from compliance.rules import facts

TAX_FACTS = {"HI": "sl_tax-0012", "TX": "sl_tax-0043", "CA": "sl_tax-0005", "WA": "sl_tax-0047"}
STAMPING_FACTS = {"TX": "sl_tax-0070", "CA": "sl_tax-0062"}
DECISION = {
    "by": "Demo compliance officer",
    "reason": "Checked against the state's published rate for this demonstration.",
}


def program_terms() -> dict[str, Any]:
    """Commission 15% of premium; a carrier fee of 250.00; surplus lines tax and stamping fee of premium by state.

    A quarter of the premium is earned in any case, unless the insurer ends cover; renewals are offered 45 days ahead.

    Fees stay out of the tax base here, as Hawaii has it (HRS 431:8-315).
    """
    return {
        "commission_rate": "0.15",
        "line": "commercial_pc",
        "admitted": "surplus",
        "cancellation": {"minimum_earned": {"percent": "25"}},
        "reinstatement": {"lapse": "credit"},
        "renewal": {"offer_lead_days": 45, "grace_days": 10},
        "charges": [
            {
                "component": "carrier_fee",
                "amount": "250.00",
                "payee_kind": "carrier",
                "rule": "program schedule of fees",
            },
            *(_of_premium("surplus_lines_tax", state, fact) for state, fact in TAX_FACTS.items()),
            *(_of_premium("stamping_fee", state, fact) for state, fact in STAMPING_FACTS.items()),
        ],
    }


def _of_premium(component: str, state: str, fact_id: str) -> dict[str, Any]:
    fact = facts.fact(fact_id)
    rule: dict[str, Any] = {
        "component": component,
        "payee_kind": "state",
        "states": [state],
        "rate": str(Decimal(fact.value) / 100),
        "base": ["premium"],
        "refundable": True,
        "rule": fact.id,
        "citation": fact.citation,
        "verify": fact.needs_decision,
    }
    return rule | ({"decision": DECISION} if fact.needs_decision else {})


FEES_AND_LIMITS = {
    "late_fee": "10.00",
    "nsf_fee": "25.00",
    "low_bill": "5.00",
    "nonpay_threshold": "25.00",
    "small_balance": "5.00",
}
PLANS: dict[str, tuple[str, dict[str, Any]]] = {
    "full": ("Paid in full", {}),
    "halves": ("Two halves, six months apart", {"down_payment": {"percent": "50"}, "installments": [{"month": 6}]}),
    "40-30-30": (
        "40% down, 30% after three and five months",
        {"down_payment": {"percent": "40"}, "installments": [{"month": 3}, {"month": 5}]} | FEES_AND_LIMITS,
    ),
    "quarterly": (
        "Four quarters at months 0, 3, 5 and 7",
        {
            "down_payment": {"percent": "25"},
            "installments": [{"month": 3}, {"month": 5}, {"month": 7}],
            "installment_fee": {"amount": "5.00", "from": 2},
            "bill_lead_days": 20,
            **FEES_AND_LIMITS,
        },
    ),
    "ten-pay": (
        "Ten monthly payments, taxes and fees down",
        {
            "down_payment": {"percent": "10", "in_full": ["carrier_fee", "surplus_lines_tax", "stamping_fee"]},
            "installments": {"count": 9, "every_months": 1},
            "installment_fee": {"amount": "5.00", "from": 2},
            "bill_lead_days": 20,
            **FEES_AND_LIMITS,
        },
    ),
}
