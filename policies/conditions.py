"""Pure: what a program's terms say about the life of a policy: day count, cancellation, reinstatement, renewal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from coverpay.kernel.money import Money
from policies.earning import DAY_COUNTS
from policies.rating import TermsUnreadable

INITIATORS = ("insured", "insurer", "finance_company")
NEVER_WAIVED = ("nonpayment", "finance_company")
"""Reasons of a cancellation for which minimum earned premium is always kept."""
MAX_DAYS = 366
CANCELLATION_KEYS = frozenset(
    {"short_rate_on", "short_rate_table", "minimum_earned", "minimum_waived_for", "short_rate_for_nonpayment"}
)


@dataclass(frozen=True, slots=True)
class CancellationTerms:
    """How premium is returned when a term ends early."""

    day_count: str = "actual"
    short_rate_on: str = "written"
    short_rate_table: tuple[tuple[int, Decimal], ...] = ()
    minimum_percent: Decimal | None = None
    minimum_amount_minor: int | None = None
    minimum_waived_for: frozenset[str] = frozenset({"insurer"})
    short_rate_for_nonpayment: bool = False

    def short_rate_allowed(self, initiator: str, reason: str) -> bool:
        """Whether a short rate may be kept: by the insurer only for non-payment, if the program says so."""
        return initiator != "insurer" or (reason == "nonpayment" and self.short_rate_for_nonpayment)

    def minimum_applies(self, initiator: str, reason: str) -> bool:
        """Whether minimum earned premium is kept for this way of ending."""
        return reason in NEVER_WAIVED or initiator not in self.minimum_waived_for


@dataclass(frozen=True, slots=True)
class Conditions:
    """Everything the terms say beside rates and charges, with defaults for what they leave out."""

    line: str
    admitted: str
    day_count: str
    cancellation: CancellationTerms
    lapse: str
    offer_lead_days: int
    grace_days: int


def read(terms: Mapping[str, Any], currency: str = "USD") -> Conditions:
    """Read the terms, so that a slip is never taken for a default. Raises: TermsUnreadable, BadAmount."""
    line = terms.get("line", "commercial_pc")
    if not isinstance(line, str) or not line or len(line) > 40:
        raise TermsUnreadable("line is a short name such as commercial_pc.", field="line")
    day_count = _one_of(terms, "day_count", DAY_COUNTS, "actual")
    reinstatement = _part(terms, "reinstatement", {"lapse"})
    renewal = _part(terms, "renewal", {"offer_lead_days", "grace_days"})
    return Conditions(
        line=line,
        admitted=_one_of(terms, "admitted", ("admitted", "surplus"), "admitted"),
        day_count=day_count,
        cancellation=_cancellation(terms, day_count, currency),
        lapse=_one_of(reinstatement, "lapse", ("credit", "extend"), "credit"),
        offer_lead_days=_days(renewal, "offer_lead_days", 45),
        grace_days=_days(renewal, "grace_days", 0),
    )


def _cancellation(terms: Mapping[str, Any], day_count: str, currency: str) -> CancellationTerms:
    said = _part(terms, "cancellation", CANCELLATION_KEYS)
    minimum = _part(said, "minimum_earned", {"percent", "amount"})
    if len(minimum) > 1:
        raise TermsUnreadable("minimum_earned is a percent or an amount, not both.", field="minimum_earned")
    waived = said.get("minimum_waived_for", ["insurer"])
    if not isinstance(waived, list) or not set(waived) <= set(INITIATORS):
        raise TermsUnreadable(f"minimum_waived_for lists {', '.join(INITIATORS)}.", field="minimum_waived_for")
    nonpayment = said.get("short_rate_for_nonpayment", False)
    if not isinstance(nonpayment, bool):
        raise TermsUnreadable("short_rate_for_nonpayment is true or false.", field="short_rate_for_nonpayment")
    amount = Money.parse(minimum["amount"], currency, field="minimum_earned") if "amount" in minimum else None
    if amount is not None and amount.amount_minor < 0:
        raise TermsUnreadable("minimum_earned is zero or more.", field="minimum_earned")
    return CancellationTerms(
        day_count=day_count,
        short_rate_on=_one_of(said, "short_rate_on", ("written", "paid"), "written"),
        short_rate_table=_table(said.get("short_rate_table", [])),
        minimum_percent=_percent(minimum["percent"], "minimum_earned") if "percent" in minimum else None,
        minimum_amount_minor=amount.amount_minor if amount else None,
        minimum_waived_for=frozenset(waived),
        short_rate_for_nonpayment=nonpayment,
    )


def _table(rows: Any) -> tuple[tuple[int, Decimal], ...]:
    read: list[tuple[int, Decimal]] = []
    for row in rows if isinstance(rows, list) else [None]:
        day = row.get("through_day") if isinstance(row, Mapping) and len(row) == 2 else None
        percent = _percent(row.get("earned_percent"), "short_rate_table") if isinstance(row, Mapping) else None
        if type(day) is not int or percent is None or (read and (day <= read[-1][0] or percent < read[-1][1])):
            said = "short_rate_table has rows of through_day and earned_percent, both going up."
            raise TermsUnreadable(said, field="short_rate_table")
        read.append((day, percent))
    return tuple(read)


def _part(terms: Mapping[str, Any], key: str, known: Collection[str]) -> Mapping[str, Any]:
    part = terms.get(key, {})
    if not isinstance(part, Mapping) or not set(part) <= set(known):
        raise TermsUnreadable(f"{key} is an object that may say {', '.join(sorted(known))}.", field=key)
    return part


def _one_of(source: Mapping[str, Any], key: str, among: Collection[str], default: str) -> str:
    value = source.get(key, default)
    if value not in among:
        raise TermsUnreadable(f"{key} is one of {', '.join(among)}.", field=key)
    return str(value)


def _days(source: Mapping[str, Any], key: str, default: int) -> int:
    value = source.get(key, default)
    if type(value) is not int or not 0 <= value <= MAX_DAYS:
        raise TermsUnreadable(f"{key} is a number of days up to {MAX_DAYS}.", field=key)
    return value


def _percent(value: Any, field: str) -> Decimal:
    try:
        percent = Decimal(value if isinstance(value, str) else "")
    except InvalidOperation:
        percent = Decimal("NaN")
    if not percent.is_finite() or not 0 <= percent <= 100:
        raise TermsUnreadable(f"{field} takes a percent as text, from 0 to 100.", field=field)
    return percent
