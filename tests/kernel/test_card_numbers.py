"""Card numbers are found however people write them; our ids, dates, amounts and policy numbers are left alone."""

from __future__ import annotations

import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coverpay.kernel import card_numbers, ids
from coverpay.kernel.card_numbers import CardNumberRefused

BEGINS = {"4": 16, "51": 16, "2221": 16, "2720": 16, "34": 15, "37": 15, "300": 14, "36": 14, "3528": 16, "6011": 16,
          "65": 19, "62": 17, "6304": 18, "5018": 13, "2204": 16}  # fmt: skip


def with_check_digit(begin: str, filling: str, length: int) -> str:
    """A number with that beginning and length whose check digit is found by trying all ten."""
    body = (begin + filling)[: length - 1]
    return next(body + last for last in "0123456789" if card_numbers.luhn(body + last))


@st.composite
def numbers(draw: st.DrawFn) -> str:
    begin = draw(st.sampled_from(sorted(BEGINS)))
    return with_check_digit(begin, draw(st.text("0123456789", min_size=19, max_size=19)), BEGINS[begin])


def grouped(number: str, separator: str) -> str:
    return separator.join(number[place : place + 4] for place in range(0, len(number), 4))


@given(numbers(), st.sampled_from(["", " ", "-", ".", "  ", " - ", "\u00a0", "\u2013", "\u200b", "/", "_"]),
       st.sampled_from(["", "Card: ", "paid with visa ", "(", "PAN=", "#", "\n", '{"x": "', "card", ";"]),
       st.sampled_from(["", ", thanks", ")", " exp 12/29", "\n", '"}', ".", "=2912", " 123"]))  # fmt: skip
def test_a_card_number_is_found_in_groups_of_four_and_amid_words(
    number: str, sep: str, before: str, after: str
) -> None:
    text = before + grouped(number, sep) + after
    span = card_numbers.find(text)
    assert span is not None
    assert "".join(c for c in text[span.start : span.end] if c.isdigit()).startswith(number)


@given(numbers(), st.sampled_from(["", " ", "-"]))
def test_what_is_masked_holds_none_any_more_and_keeps_the_last_four(number: str, separator: str) -> None:
    text = card_numbers.masked(f"Paid with {grouped(number, separator)} by phone")
    assert card_numbers.find(text) is None
    shown = [character for character in text if character.isdigit()]
    assert "".join(shown) == number[-4:]
    assert text.startswith("Paid with *") and text.endswith(" by phone")


@given(numbers(), st.integers(1, 9))
def test_another_check_digit_makes_it_no_card_number(number: str, more: int) -> None:
    other = number[:-1] + str((int(number[-1]) + more) % 10)
    assert card_numbers.find(other) is None


@given(st.sampled_from(["pol", "pay", "req", "inv"]), st.binary(min_size=16, max_size=16), st.text("0123456789abcdef",
       min_size=64, max_size=64))  # fmt: skip
def test_ids_uuids_and_hashes_are_left_alone(prefix: str, raw: bytes, digest: str) -> None:
    for text in (ids.new(prefix), str(uuid.UUID(bytes=raw)), digest if not digest.isdecimal() else "a" + digest):
        assert card_numbers.find(text) is None


@pytest.mark.parametrize(
    "text",
    ["378282246310005", "3782 822463 10005", "3056 930902 5904", "5555 5555 5555 4444",
     "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
     "4242424242424242 12/29 123", "%B4242424242424242^DOE/JANE^2912", "by-4242424242424242",
     "\u0664\u0662\u0664\u0662" * 4, "\uff14\uff12\uff14\uff12" * 4, "4222222222222"],
)  # fmt: skip
def test_other_ways_to_write_one_are_found(text: str) -> None:
    assert card_numbers.find(text) is not None


@pytest.mark.parametrize(
    "text",
    ["P-4242424242424242", "HO4242424242424242", "tok_4242424242424242", "4242424242424241",
     "2026-11-25 2026-11-26 2026", "34101 34102 34103", "415-555-1234 415-555-1235", "4000.00 1234.56 9876.54 12.00",
     "1732521600000", "121000358000001", "", "²" * 16, "1234567890123456", "4,242,424,242,424,242.00",
     "9999999999999999999999"],
)  # fmt: skip
def test_what_only_has_many_digits_is_none(text: str) -> None:
    assert card_numbers.find(text) is None


def test_a_value_is_looked_over_to_its_leaves_and_names_the_place_only() -> None:
    number = "4242424242424242"
    assert card_numbers.place_of({"a": [{"b": "x"}, {"b": f"call {number}"}]}) == "a.1.b"
    assert card_numbers.place_of({"a": int(number)}) == "a"
    assert card_numbers.place_of({"x": {number: 1}}) == "x.0"
    assert card_numbers.place_of(number) == ""
    assert card_numbers.place_of({"account_number": number}, but={"account_number"}) is None
    assert card_numbers.place_of({"a": [1, 2.5, None, True, {"b": "fine"}]}) is None


@pytest.mark.parametrize(
    "token", ["4242424242424242", "card 4242 4242 4242 4242", "999999999999994", "1234-5678-9012-8"]
)
def test_a_single_value_that_is_one_or_holds_one_is_refused_by_its_field(token: str) -> None:
    with pytest.raises(CardNumberRefused) as refused:
        card_numbers.refused_in(token, field="token")
    assert refused.value.field == "token" and token not in refused.value.message


@pytest.mark.parametrize("text", ["4 ", "4242 4242 ", "4", "5105-", "4...2..."])
def test_a_long_text_that_is_made_to_look_like_many_takes_no_long(text: str) -> None:
    began = time.process_time()
    card_numbers.find(text * 100_000 + "x")
    card_numbers.masked(text * 1_000)
    assert time.process_time() - began < 5
