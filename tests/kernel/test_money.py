"""Money is exact, and refuses what it cannot read exactly."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coverpay.kernel.money import (
    EXPONENTS,
    MAX_MINOR,
    BadAmount,
    CurrencyMismatch,
    Money,
    allocate,
    allocate_to_last,
    round_minor,
    total,
)

amounts = st.integers(-MAX_MINOR, MAX_MINOR)
weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=24).filter(any)


@given(amounts, weights)
def test_allocation_sums_exactly_and_each_part_is_within_one_unit_of_its_share(amount: int, shares: list[int]) -> None:
    parts = allocate(amount, shares)
    assert sum(parts) == amount
    for part, weight in zip(parts, shares, strict=True):
        assert abs(part - Fraction(amount * weight, sum(shares))) < 1


@given(amounts, weights)
def test_a_negative_amount_splits_as_its_positive_does(amount: int, shares: list[int]) -> None:
    assert allocate(-amount, shares) == [-part for part in allocate(amount, shares)]
    assert allocate_to_last(-amount, shares) == [-part for part in allocate_to_last(amount, shares)]


@given(amounts, weights)
def test_no_larger_remainder_goes_without_while_a_smaller_one_gets_a_unit(amount: int, shares: list[int]) -> None:
    parts = allocate(abs(amount), shares)
    exact = [Fraction(abs(amount) * weight, sum(shares)) for weight in shares]
    got = [part > share.__floor__() for part, share in zip(parts, exact, strict=True)]
    order = sorted(range(len(shares)), key=lambda place: (-(exact[place] - exact[place].__floor__()), place))
    assert [got[place] for place in order] == sorted(got, reverse=True)


@given(amounts, weights)
def test_to_the_last_rounds_every_part_towards_zero_and_the_last_takes_the_rest(amount: int, shares: list[int]) -> None:
    parts = allocate_to_last(amount, shares)
    last = max(place for place, weight in enumerate(shares) if weight)
    assert sum(parts) == amount
    for place, weight in enumerate(shares):
        if place != last:
            exact = Fraction(abs(amount) * weight, sum(shares))
            assert abs(parts[place]) == exact.__floor__()


@pytest.mark.parametrize(
    ("amount", "shares", "parts"),
    [
        (24300, [1] * 7, [3472, 3472, 3472, 3471, 3471, 3471, 3471]),
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (1, [0, 1, 1], [0, 1, 0]),
        (5, [0, 0, 3], [0, 0, 5]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_spare_units_go_to_the_largest_remainders_the_earlier_first(
    amount: int, shares: list[int], parts: list[int]
) -> None:
    assert allocate(amount, shares) == parts


def test_243_over_7_to_the_last_is_six_times_34_71_and_34_74() -> None:
    assert allocate_to_last(24300, [1] * 7) == [3471] * 6 + [3474]


@pytest.mark.parametrize("shares", [[], [0], [0, 0], [1, -1], [-1]])
def test_weights_that_share_nothing_are_refused(shares: list[int]) -> None:
    for split in (allocate, allocate_to_last):
        with pytest.raises(BadAmount) as refused:
            split(100, shares)
        assert refused.value.field == "weights"


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("10,718.00", "USD", 1_071_800),
        ("10718", "USD", 1_071_800),
        (" 0.5 ", "USD", 50),
        ("-1.05", "USD", -105),
        ("-0", "USD", 0),
        ("007.10", "USD", 710),
        ("1,500", "JPY", 1500),
        ("1.005", "KWD", 1005),
        ("10,000,000,000,000.00", "USD", MAX_MINOR),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-", ".", "x", "1.2.3", "1e3", "NaN", "Infinity", "1_000", "10.5 USD", "$10", "+5", "5.",
        "10,50", "1,0000", "1,00.00", ",100", "1.500", "0.001", "１２", "10 000", "--5", "1\x00",
        "10000000000000.01", "9" * 5000, "0" * 5000 + "1.234",
    ],
)  # fmt: skip
def test_what_is_not_an_exact_amount_is_refused_and_the_field_is_named(text: str) -> None:
    with pytest.raises(BadAmount) as refused:
        Money.parse(text, field="premium")
    assert refused.value.field == "premium"
    assert len(refused.value.message) < 200


@pytest.mark.parametrize("value", [10.5, 10, None, Decimal("1.00"), True])
def test_only_text_is_read_as_an_amount(value: object) -> None:
    with pytest.raises(BadAmount):
        Money.parse(value)  # type: ignore[arg-type]


@given(st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from(sorted(EXPONENTS)))
def test_what_is_shown_reads_back_as_the_same_amount(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    text, shown_currency = str(money).split(" ")
    assert Money.parse(text, shown_currency) == money


@pytest.mark.parametrize("minor", [1.0, "1", None, True, Decimal(1)])
def test_money_is_made_of_whole_minor_units_only(minor: object) -> None:
    with pytest.raises(BadAmount):
        Money(minor)  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["usd", "XXX", "", None, ["USD"]])
def test_a_currency_without_books_is_refused(currency: object) -> None:
    with pytest.raises(BadAmount) as refused:
        Money(1, currency)  # type: ignore[arg-type]
    assert refused.value.field == "currency"


def test_two_currencies_never_meet() -> None:
    for combine in (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a < b, lambda a, b: a >= b):
        with pytest.raises(CurrencyMismatch):
            combine(Money(1, "USD"), Money(1, "CAD"))
    with pytest.raises(CurrencyMismatch):
        total([Money(1, "CAD")], "USD")
    assert Money(1, "USD") != Money(1, "CAD")


@pytest.mark.parametrize(
    ("number", "rounded"), [("0.5", 1), ("-0.5", -1), ("1.5", 2), ("2.5", 3), ("2.4999", 2), ("-2.5", -3)]
)
def test_halves_round_away_from_zero(number: str, rounded: int) -> None:
    assert round_minor(Decimal(number)) == rounded


def test_a_rate_is_applied_exactly_and_rounded_once() -> None:
    assert Money(1_000_000).times(Decimal("0.0468")) == Money(46_800)
    assert Money(10).times(Decimal("0.05")) == Money(1)


@given(st.lists(amounts, max_size=8))
def test_a_total_is_the_sum(values: list[int]) -> None:
    assert total([Money(value) for value in values], "USD") == Money(sum(values))
