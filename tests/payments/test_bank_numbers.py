"""Routing numbers: one wrong digit is always found; account numbers come without spaces and hyphens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import bank_numbers
from payments.bank_numbers import AccountNumberWrong, RoutingNumberWrong


def with_check_digit(eight: str) -> str:
    """The routing number that begins with eight digits, its ninth found by trying all ten."""
    for last in "0123456789":
        digits = [int(digit) for digit in eight + last]
        if (3 * sum(digits[0::3]) + 7 * sum(digits[1::3]) + sum(digits[2::3])) % 10 == 0:
            return eight + last
    raise AssertionError


numbers = st.builds(
    lambda district, rest: with_check_digit(f"{district:02}{rest:06}"),
    st.sampled_from([*range(1, 13), *range(21, 33), *range(61, 73), 80]),
    st.integers(0, 999_999),
)


@given(numbers, st.integers(0, 8), st.integers(1, 9))
def test_a_routing_number_holds_and_one_wrong_digit_never_does(number: str, place: int, more: int) -> None:
    assert bank_numbers.routing_number(f" {number[:4]}-{number[4:]} ") == number
    wrong = number[:place] + str((int(number[place]) + more) % 10) + number[place + 1 :]
    with pytest.raises(RoutingNumberWrong) as refused:
        bank_numbers.routing_number(wrong)
    assert refused.value.field == "routing_number" and wrong not in refused.value.message


@pytest.mark.parametrize("number", ["121000358", "021000021", "011401533", "091000019"])
def test_known_routing_numbers_pass(number: str) -> None:
    assert bank_numbers.routing_number(number) == number


@pytest.mark.parametrize("number", ["", "000000000", "12100035", "1210003588", "130000009", "12100035A", None])
def test_what_is_no_routing_number_is_refused(number: str) -> None:
    with pytest.raises(RoutingNumberWrong):
        bank_numbers.routing_number(number)


@given(st.from_regex(r"[0-9]{3,17}", fullmatch=True))
def test_an_account_number_comes_without_spaces_and_hyphens(number: str) -> None:
    assert bank_numbers.account_number(f" {number[:2]}-{number[2:]} ") == number


@pytest.mark.parametrize("number", ["", "12", "1" * 18, "ABCDEF", "12;45", "١٢٣٤٥", None])
def test_what_is_no_account_number_is_refused(number: str) -> None:
    with pytest.raises(AccountNumberWrong):
        bank_numbers.account_number(number)
