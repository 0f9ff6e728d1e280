"""Exact money: integer minor units and an ISO 4217 currency."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from coverpay.kernel.errors import Invalid

# Decimals of each currency we accept (ISO 4217, column "minor unit").
EXPONENTS = {
    "USD": 2,
    "CAD": 2,
    "EUR": 2,
    "GBP": 2,
    "AUD": 2,
    "NZD": 2,
    "MXN": 2,
    "CHF": 2,
    "JPY": 0,
    "BHD": 3,
    "KWD": 3,
}

MAX_MINOR = 10**15
"""Ten trillion in a two-decimal currency: far below bigint, far above any premium."""
_TOO_LONG = len(str(MAX_MINOR)) + 1

_DECIMAL = re.compile(r"(-?)([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?")
"""Digits, or groups of three set apart by commas; a point before the decimals."""


class CurrencyMismatch(Invalid):
    """Amounts of two currencies do not add up."""

    code = "currency_mismatch"


class BadAmount(Invalid):
    """Not an amount of a currency that books are kept in."""

    code = "bad_amount"


def exponent(currency: str) -> int:
    """Tell how many decimals a currency has. Raises: BadAmount for one we do not keep books in."""
    try:
        return EXPONENTS[currency]
    except (KeyError, TypeError):
        known = ", ".join(sorted(EXPONENTS))
        raise BadAmount(
            f"Currency {currency!r} is not supported; use one of {known}.",
            field="currency",
        ) from None


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units of one currency; arithmetic across currencies raises."""

    amount_minor: int
    currency: str = "USD"

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise BadAmount(
                f"Money takes integer minor units, not {self.amount_minor!r}.",
                field="amount_minor",
            )
        exponent(self.currency)

    @classmethod
    def parse(cls, text: str, currency: str = "USD", *, field: str = "amount") -> Money:
        """Read a decimal text such as ``10,718.00``; refuse more decimals than the currency has."""
        places = exponent(currency)
        read = _DECIMAL.fullmatch(text.strip()) if isinstance(text, str) else None
        shown = repr(text)[:60]
        if read is None:
            raise BadAmount(f"{shown} is not an amount; write it as text, like 1234.56.", field=field)
        sign, whole, decimals = read[1], read[2].replace(",", "").lstrip("0"), read[3] or ""
        if len(decimals) > places:
            raise BadAmount(f"{shown} has more than the {places} decimals that {currency} has.", field=field)
        minor = int((whole + decimals.ljust(places, "0"))[:_TOO_LONG] or "0")
        if minor > MAX_MINOR:
            raise BadAmount(f"{shown} is larger than any amount we accept.", field=field)
        return cls(-minor if sign else minor, currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(
                f"Cannot combine {self.currency} with {other.currency}.",
                field="currency",
            )

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.amount_minor < other.amount_minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.amount_minor <= other.amount_minor

    def __bool__(self) -> bool:
        return self.amount_minor != 0

    def times(self, rate: Decimal) -> Money:
        """Multiply by an exact rate, rounded once, half up (away from zero at the half)."""
        return Money(round_minor(Decimal(self.amount_minor) * rate), self.currency)

    def allocate(self, weights: Sequence[int]) -> list[Money]:
        """Split exactly over integer weights by largest remainder; see `allocate`."""
        return [Money(part, self.currency) for part in allocate(self.amount_minor, weights)]

    @property
    def decimal(self) -> Decimal:
        return Decimal(self.amount_minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        return f"{self.decimal:,.{exponent(self.currency)}f} {self.currency}"


def round_minor(value: Decimal) -> int:
    """Round a decimal number of minor units once, half up."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Sum amounts of one currency; an empty sum is zero of `currency`."""
    result = Money(0, currency)
    for amount in amounts:
        result = result + amount
    return result


def allocate(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount over weights so that the parts sum exactly to it.

    Takes:  any signed amount; weights >= 0, at least one above zero.
    Gives:  one part per weight, in order. Each differs from its exact share by less than one minor unit;
            spare units go to the largest remainders, the earlier item first on a tie (Hamilton's method).
    Raises: BadAmount.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise BadAmount("Weights must be zero or more, and one must be above zero.", field="weights")
    sign = -1 if amount_minor < 0 else 1
    shares = [divmod(abs(amount_minor) * weight, whole) for weight in weights]
    parts = [quotient for quotient, _ in shares]
    spare = abs(amount_minor) - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda index: -shares[index][1])
    for index in by_remainder[:spare]:
        parts[index] += 1
    return [sign * part for part in parts]


def allocate_to_last(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount over weights, each part rounded down towards zero and the last taking the cents.

    The last item with a weight above zero takes what is left, as plans that say "to the last" require.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise BadAmount("Weights must be zero or more, and one must be above zero.", field="weights")
    sign = -1 if amount_minor < 0 else 1
    parts = [abs(amount_minor) * weight // whole for weight in weights]
    last = max(index for index, weight in enumerate(weights) if weight)
    parts[last] += abs(amount_minor) - sum(parts)
    return [sign * part for part in parts]
