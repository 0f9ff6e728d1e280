"""What holds for every plan and every change: each key is asked for exactly once, and nothing below zero."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing import plans, reslicing
from billing.plans import ChargeDue, spreading
from billing.plans.dates import positions
from billing.slots import Slot
from billing.standing import Key, Standing
from compliance import business_days
from coverpay.kernel.money import Money

PREMIUM = Key("premium", "carrier", "org_1", 150_000)
TAX = Key("surplus_lines_tax", "state", "HI", 0)
KEYS = [PREMIUM, TAX, Key("carrier_fee", "carrier", "org_1", 0)]
anchors = st.dates(dt.date(2024, 1, 1), dt.date(2030, 12, 31))
lengths = st.integers(1, 750).map(lambda days: dt.timedelta(days=days))
amounts = st.lists(st.integers(0, 10**9), min_size=1, max_size=12)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Any plan of a cadence or a list, with every key that moves a date or an amount."""
    spec: dict[str, Any] = {
        "due_day": draw(st.none() | st.integers(1, 31)),
        "bill_lead_days": draw(st.integers(0, 60)),
        "business_days": draw(st.sampled_from(["none", "next", "previous"])),
        "blackout_days_before_expiry": draw(st.integers(0, 90)),
        "max_installments": draw(st.integers(1, 13)),
        "installment_fee": {"amount": "5.00", "from": draw(st.integers(1, 4))},
        "rounding": draw(st.sampled_from(["largest_remainder", "last"])),
        "endorsement": draw(st.sampled_from(["now", "spread", "next", "last"])),
        "credit": draw(st.sampled_from(["next", "spread", "last", "unapplied"])),
    }
    in_full = draw(st.lists(st.sampled_from(["carrier_fee", "surplus_lines_tax"]), unique=True))
    if draw(st.booleans()):
        spec["cadence"] = draw(st.sampled_from(["monthly", "quarterly", "semi_annual"]))
    else:
        spec["installments"] = {"count": draw(st.integers(1, 14)), "every_months": draw(st.integers(1, 6))}
    spec["down_payment"] = {"percent": str(draw(st.integers(0, 99))), "in_full": in_full}
    return spec


@given(specs(), anchors, lengths, st.integers(1, 10**9), st.integers(0, 10**6))
def test_every_component_sums_exactly_on_rising_dates(
    asked: dict[str, Any], anchor: dt.date, length: dt.timedelta, premium: int, fee: int
) -> None:
    charges = [ChargeDue("p", "premium", Money(premium)), ChargeDue("f", "carrier_fee", Money(fee))]
    found = plans.build(
        plans.read(asked), charges, anchor=anchor, currency="USD", expires_on=anchor + length,
        shift=business_days.shift,
    ).installments  # fmt: skip
    sums: Counter[str | None] = Counter()
    for each in found:
        assert anchor <= each.bill_on <= each.due_on
        for share in each.shares:
            assert share.amount.amount_minor > 0
            sums[share.charge_id] += share.amount.amount_minor
    assert (sums["p"], sums["f"]) == (premium, fee)
    assert all(earlier.due_on < later.due_on for earlier, later in pairwise(found))


@given(amounts, st.integers(1, 10**9), st.sampled_from(["spread", "next", "last"]), st.sampled_from([*plans.ROUNDINGS]))
def test_adding_adds_and_taking_never_goes_below_zero(standing: list[int], change: int, mode: str, by: str) -> None:
    added = spreading.add(standing, change, mode, by)
    assert sum(added) == sum(standing) + change
    assert all(after >= before for after, before in zip(added, standing, strict=True))
    part = min(change, sum(standing))
    if part:
        taken = spreading.take(standing, part, mode, by)
        assert sum(taken) == sum(standing) - part
        assert all(0 <= after <= before for after, before in zip(taken, standing, strict=True))


@st.composite
def terms(draw: st.DrawFn) -> tuple[list[Slot], dict[Key, Standing]]:
    """Dates with what they ask for, and standings that they tie to before some charge changed."""
    day = dt.date(2026, 3, 1)
    slots = [
        Slot(day, day + dt.timedelta(days=30 * number), fee_minor=500) for number in range(draw(st.integers(0, 6)))
    ]
    standings = {}
    for key in KEYS:
        for slot in slots:
            slot.amounts[key] = draw(st.integers(0, 10**7))
        unbilled = sum(slot.amounts[key] for slot in slots)
        billed = draw(st.integers(0, 10**8))
        charged = max(0, billed + unbilled + draw(st.integers(-(10**8), 10**8)))
        standings[key] = Standing(charged, billed, unbilled)
    return slots, standings


@given(terms(), specs(), anchors, lengths)
def test_what_is_charged_is_billed_or_to_be_billed_less_what_is_credited(
    term: tuple[list[Slot], dict[Key, Standing]], asked: dict[str, Any], anchor: dt.date, length: dt.timedelta
) -> None:
    slots, standings = term
    spec = plans.read(asked)
    places = positions(spec, anchor=anchor, expires_on=anchor + length, shift=business_days.shift)
    now = (dt.date(2026, 3, 5), dt.date(2026, 3, 25))
    for found in (
        reslicing.change(
            slots, standings, endorsement=spec.endorsement, credit=spec.credit, rounding=spec.spread_rounding, now=now
        ),
        reslicing.at_once(slots, standings, now=now),
        reslicing.restore(slots, standings, spec, places, fee_minor=500, now=now),
        reslicing.reslice(slots, standings, spec, places, fee_minor=500, now=now),
    ):
        asked_for: Counter[Key] = Counter()
        for slot in found.slots:
            assert slot.bill_on <= slot.due_on
            assert all(minor > 0 for minor in slot.amounts.values())
            asked_for.update(slot.amounts)
        for key, each in standings.items():
            assert each.charged_minor == each.billed_minor - found.excess.get(key, 0) + asked_for[key]
            assert 0 <= found.excess.get(key, 0) <= each.billed_minor
