"""Matching of groups: batches by their reference, fees, sums proved to be the only one, and what is not proved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciliation.matching import BreakKind, FeeTerm, MatchRules, match
from reconciliation.matching.fees import share
from tests.support.match_lines import bank, book, groups, kinds

RULES = MatchRules(version="2026-01", date_window_days=3)
CARDS = FeeTerm("card processing", text_contains="cardhouse", ppm=29_000, fixed_minor=30, per="line")


def test_a_payout_is_matched_with_all_lines_of_its_reference_netted() -> None:
    """100.00 + 250.00 - 40.00 (refund) - 15.00 (chargeback) = 295.00."""
    books = [book("k1", 10_000, 4, "PO-7"), book("k2", 25_000, 4, "PO-7"), book("k3", -4_000, 5, "PO-7")]
    books += [book("k4", -1_500, 5, "PO-7"), book("k5", 29_500, 5, "OTHER")]
    result = match([bank("b1", 29_500, 5, "po7")], books, RULES)
    assert groups(result) == {"b1 = k1 k2 k3 k4": "shared_reference"}
    (found,) = result.matches
    assert found.score == 980
    assert found.reason == (
        "All 1 bank line and 4 book lines that carry the reference PO7 come to the same 295.00 USD."
    )
    assert found.compared[0] == ("amount_minor", "29500", "10000 + 25000 + -4000 + -1500")
    assert found.compared[2] == ("posted_on", "2026-01-05", "2026-01-04, 2026-01-05")


def test_several_bank_lines_may_carry_the_reference_of_one_booking() -> None:
    banks = [bank("b1", 60, 5, "R1"), bank("b2", 40, 6, "R1")]
    assert groups(match(banks, [book("k1", 100, 5, "R1")], RULES)) == {"b1 b2 = k1": "shared_reference"}


def test_a_reference_used_again_later_is_matched_batch_by_batch() -> None:
    banks = [bank("b1", 300, 5, "SLIP"), bank("b2", 700, 20, "SLIP")]
    books = [book("k1", 100, 4, "SLIP"), book("k2", 200, 5, "SLIP"), book("k3", 700, 25, "SLIP")]
    books += [book("k4", 50, 19, "SLIP"), book("k5", 650, 20, "SLIP")]
    found = match(banks, books, RULES)
    assert groups(found) == {"b1 = k1 k2": "shared_reference", "b2 = k3": "exact_reference"}


def test_numbered_parts_belong_to_the_batch_the_bank_names() -> None:
    books = [book("k1", 100, 5, "DEP-0042-01"), book("k2", 200, 5, "DEP-0042-02"), book("k3", 300, 5, "DEP-00421-01")]
    assert groups(match([bank("b1", 300, 5, "DEP0042")], books, RULES)) == {"b1 = k1 k2": "shared_reference"}


def test_a_batch_that_does_not_tie_is_a_break_with_the_signed_difference() -> None:
    books = [book("k1", 100, 5, "PO-7"), book("k2", 200, 5, "PO-7")]
    result = match([bank("b1", 250, 5, "PO-7")], books, RULES)
    (found,) = result.breaks
    assert (found.kind, found.difference_minor, found.candidates) == (BreakKind.AMOUNT_DIFFERS, -50, ("k1", "k2"))
    assert result.matches == ()


def test_a_fee_the_terms_explain_is_a_break_that_proposes_it() -> None:
    """2.9 % of 100.00 and 250.00, each plus 0.30: 3.20 and 7.55, in all 10.75."""
    books = [book("k1", 10_000, 5, "PO-7"), book("k2", 25_000, 5, "PO-7")]
    banks = [bank("b1", 33_925, 5, "PO-7", payer="CardHouse Inc")]
    result = match(banks, books, replace(RULES, fee_terms=(CARDS,)))
    (found,) = result.breaks
    assert result.matches == ()
    assert (found.kind, found.difference_minor) == (BreakKind.FEE_TAKEN, -1_075)
    assert (found.candidates, found.claimants) == (("k1", "k2"), ("b1",))
    assert found.reason.endswith("It is exactly the fee by the terms card processing: post 10.75 USD as a fee.")
    (off_by_one,) = match([replace(banks[0], amount_minor=33_924)], books, replace(RULES, fee_terms=(CARDS,))).breaks
    assert off_by_one.kind is BreakKind.AMOUNT_DIFFERS
    (unnamed,) = match([replace(banks[0], payer="OTHERS")], books, replace(RULES, fee_terms=(CARDS,))).breaks
    assert unnamed.kind is BreakKind.AMOUNT_DIFFERS


def test_a_fee_of_one_payment_or_of_the_deposit_as_a_whole() -> None:
    per_deposit = FeeTerm("wire fee", fixed_minor=1_500, per="deposit")
    rules = replace(RULES, fee_terms=(CARDS, per_deposit))
    for amount in (10_000 - 1_500, 10_000 - 320 - 1_500, 10_000 - 320):
        text = "" if amount == 8_500 else "CARDHOUSE"
        (found,) = match([bank("b1", amount, 5, "R1", text=text)], [book("k1", 10_000, 5, "R1")], rules).breaks
        assert found.kind is BreakKind.FEE_TAKEN
        assert found.difference_minor == amount - 10_000


@pytest.mark.parametrize(
    ("amount", "rounding", "fee"),
    [(50, "half_even", 0), (150, "half_even", 2), (50, "half_up", 1), (150, "half_up", 2), (199, "down", 1)],
)
def test_a_share_is_rounded_once_as_its_term_says(amount: int, rounding: str, fee: int) -> None:
    """One percent of 0.50 is half a cent, of 1.50 one and a half."""
    assert share(amount, FeeTerm("one percent", ppm=10_000, rounding=rounding)) == fee


def test_a_difference_within_the_tolerance_is_still_a_break_and_says_how_to_post_it() -> None:
    rules = replace(RULES, amount_tolerance_minor=5)
    result = match([bank("b1", 97, 5, "R1")], [book("k1", 100, 5, "R1")], rules)
    (found,) = result.breaks
    assert result.matches == ()
    assert (found.kind, found.difference_minor) == (BreakKind.AMOUNT_DIFFERS, -3)
    assert found.reason.endswith("It is within the tolerance of 0.05 USD: post 0.03 USD as cost.")


def test_lines_without_a_reference_are_added_up_where_only_one_sum_fits() -> None:
    books = [book("k1", 12_345, 4), book("k2", 6_789, 6), book("k3", 5_000, 6), book("k4", 800, 20)]
    result = match([bank("b1", 19_134, 5)], books, RULES)
    assert groups(result) == {"b1 = k1 k2": "subset_sum"}
    assert "no other sum of the lines within 3 days fits" in result.matches[0].reason


def test_one_booking_may_have_come_in_parts_and_a_refund_may_be_netted() -> None:
    in_parts = match([bank("b1", 700, 5), bank("b2", 311, 6)], [book("k1", 1_011, 5)], RULES)
    assert groups(in_parts) == {"b1 b2 = k1": "subset_sum"}
    netted = match([bank("b1", 850, 5)], [book("k1", 1_000, 5), book("k2", -150, 5)], RULES)
    assert groups(netted) == {"b1 = k1 k2": "subset_sum"}
    paid_out = match([bank("b1", -1_150, 5)], [book("k1", -1_000, 5), book("k2", -150, 5)], RULES)
    assert groups(paid_out) == {"b1 = k1 k2": "subset_sum"}


def test_two_lines_may_be_two_lines_cut_differently() -> None:
    banks = [bank("b1", 700, 5), bank("b2", 300, 6)]
    books = [book("k1", 650, 5), book("k2", 350, 5)]
    result = match(banks, books, RULES)
    assert groups(result) == {"b1 b2 = k1 k2": "subset_sum"}


def test_two_sums_for_one_line_are_an_exception_that_lists_both() -> None:
    books = [book("k1", 100), book("k2", 200), book("k3", 50), book("k4", 250)]
    result = match([bank("b1", 300)], books, RULES)
    (found,) = [one for one in result.breaks if one.kind is BreakKind.AMBIGUOUS]
    assert result.matches == ()
    assert found.candidates == ("k1", "k2", "k3", "k4")
    assert "b1 = k1 + k2 or b1 = k3 + k4" in found.reason


def test_one_line_in_the_sums_of_two_bank_lines_is_an_exception_for_both() -> None:
    """300 = 100 + 200 and 950 = 200 + 750: the 200 cannot be in both."""
    books = [book("k1", 100), book("k2", 200), book("k3", 750)]
    result = match([bank("b1", 300), bank("b2", 950)], books, RULES)
    assert result.matches == ()
    assert kinds(result) == {"b1": "ambiguous", "b2": "ambiguous"}
    assert {found.claimants for found in result.breaks} == {("b1", "b2")}


def test_a_line_outside_the_window_is_part_of_no_sum() -> None:
    result = match([bank("b1", 300, 9)], [book("k1", 100, 8), book("k2", 200, 5)], RULES)
    assert result.matches == ()


def test_the_party_decides_between_sums_of_strangers() -> None:
    books = [book("k1", 100, party="Acme Roofing LLC"), book("k2", 200, party="ACME ROOFING")]
    books += [book("k3", 50, party="Ann Lee"), book("k4", 250, party="Ben Ort")]
    result = match([bank("b1", 300, payer="ACME ROOFING, LLC")], books, RULES)
    assert groups(result) == {"b1 = k1 k2": "subset_sum"}
    assert "of the sums of lines of the party Acme Roofing LLC near in time no other fits" in result.matches[0].reason


def test_all_lines_of_one_slip_are_a_deposit_however_many_other_lines_there_are() -> None:
    slip = [book(f"k{n:02}", 10_007 + 1_234 * n, 5, str(4_000 + n), subject="dep_1") for n in range(25)]
    others = [book(f"x{n:02}", 9_001 + 777 * n, 5 + n % 2, str(9_000 + n), subject=f"pol_{n}") for n in range(40)]
    total = sum(line.amount_minor for line in slip)
    result = match([bank("b1", total, 6, text="BRANCH DEPOSIT")], [*slip, *others], RULES)
    (found,) = result.matches
    assert set(found.book_line_ids) == {line.id for line in slip}
    assert "they are all 25 open lines of 2026-01-05 with the subject dep_1" in found.reason


def test_a_sum_that_may_be_an_accident_is_only_suggested() -> None:
    """Only 40.11 + 50.33 + 100.90 of nine lines come to 191.34, but 130 sums are as simple: one in 147 would fit."""
    amounts = (4_011, 5_033, 6_072, 7_016, 8_090, 9_077, 10_090, 11_030, 12_013)
    books = [book(f"k{n}", amount, 3 + n % 3) for n, amount in enumerate(amounts)]
    result = match([bank("b1", 19_134, 5)], books, RULES)
    assert (result.matches, kinds(result)["b1"]) == ((), "bank_only")
    assert "but by accident too easily" in next(one.reason for one in result.breaks if one.line_id == "b1")
    (found,) = result.suggestions
    assert (found.bank_line_ids, found.book_line_ids, found.stage) == (("b1",), ("k0", "k1", "k6"), "subset_sum")
    large = [replace(line, amount_minor=line.amount_minor * 1_000 + n) for n, line in enumerate(books)]
    matched = match([bank("b1", 19_134_007, 5)], large, RULES)
    assert groups(matched) == {"b1 = k0 k1 k6": "subset_sum"}


def test_too_many_lines_to_prove_a_sum_leave_it_open_and_say_so() -> None:
    books = [book(f"k{n:02}", 10_000 + 37 * n * n, 4 + n % 3) for n in range(40)]
    result = match([bank("b1", books[3].amount_minor + books[9].amount_minor, 5)], books, RULES)
    assert result.matches == ()
    (found,) = [one for one in result.breaks if one.line_id == "b1"]
    assert found.kind is BreakKind.BANK_ONLY
    assert "is not proved" in found.reason
    bounded = match([bank("b1", 30_000, 5)], books, replace(RULES, subset_max_candidates=10))
    assert "is not proved: 40 lines are more than the bound of 10." in bounded.breaks[0].reason


def test_a_pair_of_one_amount_that_a_whole_slip_needs_is_not_decided() -> None:
    """The service charge of 50.00 comes to one check of a slip by accident."""
    books = [book("k1", 5_000, subject="dep_1"), book("k2", 7_531, subject="dep_1")]
    result = match([bank("b1", 12_531), bank("b2", 5_000)], books, RULES)
    assert result.matches == ()
    assert kinds(result) == {"b1": "ambiguous", "b2": "ambiguous"}


def test_a_grouping_that_a_person_took_apart_is_never_matched_again() -> None:
    banks, books = [bank("b1", 300)], [book("k1", 100), book("k2", 200)]
    assert groups(match(banks, books, RULES)) == {"b1 = k1 k2": "subset_sum"}
    apart = {(frozenset({"b1"}), frozenset({"k1", "k2"}))}
    assert match(banks, books, RULES, refused=apart).matches == ()
    referred = [replace(line, reference="R1") for line in books]
    result = match([bank("b1", 300, 5, "R1")], referred, RULES, refused=apart)
    assert (result.matches, kinds(result)["b1"]) == ((), "bank_only")


def test_a_stage_that_is_off_does_nothing() -> None:
    banks, books = [bank("b1", 300)], [book("k1", 100), book("k2", 200)]
    rules = replace(RULES, stages=RULES.stages - {"subset_sum"})
    assert kinds(match(banks, books, rules)) == {"b1": "bank_only"}
