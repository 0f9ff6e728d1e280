"""Matching: what is sure is matched with its reason, what is not sure waits for a person."""

from __future__ import annotations

import pytest

from reconciliation.matching import BreakKind, MatchResult, MatchRules, match
from reconciliation.matching.names import normal
from tests.support.match_lines import ACCOUNT, bank, book, day, kinds

RULES = MatchRules(version="2026-01", date_window_days=3)


def pairs(result: MatchResult) -> dict[str, tuple[str, str]]:
    return {found.bank_line_ids[0]: (found.book_line_ids[0], found.stage) for found in result.matches}


def test_same_reference_and_amount_is_a_match_with_its_reason() -> None:
    result = match([bank("b1", 535_900, 5, "PAYOUT-0001")], [book("k1", 535_900, 3, "payout_0001")], RULES)
    (found,) = result.matches
    assert (found.bank_line_ids, found.book_line_ids) == (("b1",), ("k1",))
    assert (found.stage, found.score) == ("exact_reference", 1000)
    assert found.reason == "Same reference PAYOUT0001, same amount 5,359.00 USD, 2 days apart."
    assert ("reference", "PAYOUT-0001", "payout_0001") in found.compared
    assert ("amount_minor", "535900", "535900") in found.compared
    assert found.rule_version == "2026-01"
    assert result.breaks == ()


def test_any_of_the_banks_references_will_do_however_far_apart_the_days() -> None:
    result = match([bank("b1", 100, 28, "BK77", "ref-9")], [book("k1", 100, 1, "REF9")], RULES)
    assert pairs(result) == {"b1": ("k1", "exact_reference")}


def test_another_account_or_currency_is_never_the_same_money() -> None:
    books = [book("k1", 100, 5, "R1", account="bnk_other"), book("k2", 100, 5, "R1", currency="CAD")]
    result = match([bank("b1", 100, 5, "R1")], books, RULES)
    assert result.matches == ()
    assert kinds(result) == {"b1": "bank_only"}


def test_without_a_reference_a_unique_amount_near_in_date_is_a_match() -> None:
    result = match([bank("b1", 100, 8, "BANKS-OWN-NUMBER")], [book("k1", 100, 5, "OURS")], RULES)
    (found,) = result.matches
    assert (found.stage, found.score) == ("amount_and_date", 870)
    assert "no other line of this amount stands within 3 days" in found.reason


def test_pairs_of_one_amount_that_stand_apart_in_time_are_each_unique() -> None:
    banks = [bank("b1", 100, 2), bank("b2", 100, 9), bank("b3", 100, 20)]
    books = [book("k1", 100, 1), book("k2", 100, 10), book("k3", 100, 20), book("k4", 100, 20)]
    result = match(banks, books, RULES)
    assert {pair: found[0] for pair, found in pairs(result).items()} == {"b1": "k1", "b2": "k2"}
    assert kinds(result) == {"b3": "ambiguous"}


def test_one_day_past_the_window_is_no_match() -> None:
    result = match([bank("b1", 100, 9)], [book("k1", 100, 5)], RULES)
    assert result.matches == ()
    assert kinds(result) == {"b1": "bank_only", "k1": "books_only"}


def test_two_equally_good_answers_are_an_exception_that_lists_them() -> None:
    result = match([bank("b1", 100, 5)], [book("k1", 100, 5), book("k2", 100, 6)], RULES)
    (found,) = result.breaks
    assert result.matches == ()
    assert found.kind is BreakKind.AMBIGUOUS
    assert (found.line_id, found.candidates, found.difference_minor) == ("b1", ("k1", "k2"), 0)
    assert "1 bank line and 2 book lines share the amount 1.00 USD within 3 days" in found.reason


def test_two_bank_lines_that_claim_one_book_line_both_wait() -> None:
    result = match([bank("b1", 100, 5, "R1"), bank("b2", 100, 6, "R1")], [book("k1", 100, 5, "R1")], RULES)
    assert result.matches == ()
    assert kinds(result) == {"b1": "ambiguous", "b2": "ambiguous"}
    assert {found.claimants for found in result.breaks} == {("b1", "b2")}


def test_two_genuine_payments_of_the_same_amount_are_two_matches() -> None:
    banks = [bank("b1", 100, 5, "R1"), bank("b2", 100, 5, "R2")]
    books = [book("k1", 100, 5, "R2"), book("k2", 100, 5, "R1")]
    assert pairs(match(banks, books, RULES)) == {"b1": ("k2", "exact_reference"), "b2": ("k1", "exact_reference")}


def test_an_amount_that_differs_by_one_cent_is_a_break_with_its_sign() -> None:
    for on_bank, in_books, difference in ((101, 100, 1), (99, 100, -1), (-100, 100, -200)):
        result = match([bank("b1", on_bank, 5, "R1")], [book("k1", in_books, 5, "R1")], RULES)
        (found,) = result.breaks
        assert found.kind is BreakKind.AMOUNT_DIFFERS
        assert found.difference_minor == difference
        assert found.candidates == ("k1",)
        assert result.matches == ()


def test_a_line_whose_reference_differs_in_amount_is_not_matched_by_date_to_another() -> None:
    result = match([bank("b1", 100, 5, "R1")], [book("k1", 90, 5, "R1"), book("k2", 100, 5)], RULES)
    assert result.matches == ()
    assert kinds(result) == {"b1": "amount_differs"}


def test_one_reference_over_several_amounts_that_do_not_tie_is_not_decided() -> None:
    result = match([bank("b1", 60, 5, "R1"), bank("b2", 30, 5, "R1")], [book("k1", 100, 5, "R1")], RULES)
    assert result.matches == ()
    assert kinds(result) == {"b1": "ambiguous", "b2": "ambiguous"}


def test_a_book_line_is_a_break_only_once_the_statements_have_passed_it() -> None:
    books = [book("k1", 100, 4), book("k2", 100, 5), book("k3", 100, 6)]
    assert kinds(match([], books, RULES, {ACCOUNT: day(5)})) == {"k1": "books_only"}
    assert kinds(match([], books, MatchRules("v", transit_days=1), {ACCOUNT: day(5)})) == {}
    assert kinds(match([], books, RULES)) == {}


def test_differences_are_what_the_bank_has_less_what_the_books_have() -> None:
    result = match([bank("b1", 250, 9)], [book("k1", 100, 1)], RULES)
    assert {found.line_id: found.difference_minor for found in result.breaks} == {"b1": 250, "k1": -100}


def test_lines_of_zero_need_no_partner() -> None:
    assert match([bank("b1", 0, 5, "R1")], [], RULES) == MatchResult((), ())


@pytest.mark.parametrize(("raw", "spelled"), [("att_01jx-9", "ATT01JX9"), (" Pay 7 ", "PAY7"), ("0000", ""), ("-", "")])
def test_references_are_compared_as_capitals_and_digits(raw: str, spelled: str) -> None:
    assert normal(raw) == spelled


def test_the_same_line_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="b1 was given twice"):
        match([bank("b1", 100), bank("b1", 100)], [], RULES)


def test_a_pair_that_a_person_took_apart_is_never_matched_again() -> None:
    banks, books = [bank("b1", 100, 5, "R1")], [book("k1", 100, 4, "R1")]
    assert pairs(match(banks, books, RULES)) == {"b1": ("k1", "exact_reference")}
    result = match(banks, books, RULES, refused={(frozenset({"b1"}), frozenset({"k1"}))})
    assert result.matches == ()
    assert kinds(result) == {"b1": "bank_only", "k1": "books_only"}
