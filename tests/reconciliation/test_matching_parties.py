"""Matching by party: who decides between equal amounts, what contradicts, and what is only suggested."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciliation.matching import Alias, MatchRules, match, normal_name
from reconciliation.matching.names import batch, is_name
from tests.support.match_lines import bank, book, groups, kinds

RULES = MatchRules(version="2026-01", date_window_days=3)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("John A. Smith", "SMITH, JOHN A"),
        ("Acme Roofing, Inc.", "THE ACME ROOFING COMPANY"),
        ("José Núñez", "JOSE NUNEZ"),
        ("The Company", "COMPANY THE"),
    ],
)
def test_a_name_is_one_however_it_is_spelled(one: str, other: str) -> None:
    assert normal_name(one) == normal_name(other) != ""


@pytest.mark.parametrize(
    ("reference", "of"),
    [("DEP-0042-07", "DEP0042"), ("DEP/0042/7", "DEP0042"), ("PAY-07", ""), ("DEP0042", ""), ("A-1-2", ""), ("", "")],
)
def test_a_numbered_reference_names_its_batch(reference: str, of: str) -> None:
    assert batch(reference) == of


def test_the_party_decides_where_amount_and_date_do_not() -> None:
    banks = [bank("b1", 100, 5, payer="LEE ANN"), bank("b2", 100, 5, payer="ORT BEN")]
    books = [book("k1", 100, 5, party="Ben Ort"), book("k2", 100, 6, party="Ann Lee")]
    result = match(banks, books, RULES)
    assert groups(result) == {"b1 = k2": "amount_and_date", "b2 = k1": "amount_and_date"}
    assert "only these two speak of Ann Lee" in result.matches[0].reason
    assert [one.score for one in result.matches] == [870, 880]


def test_the_banks_text_may_name_the_party() -> None:
    banks = [bank("b1", 100, 5, text="ACH CREDIT ANN LEE 0098")]
    books = [book("k1", 100, 5, party="Ben Ort"), book("k2", 100, 6, party="Ann Lee")]
    assert groups(match(banks, books, RULES)) == {"b1 = k2": "amount_and_date"}


def test_what_is_left_over_by_one_answer_is_matched_and_says_so() -> None:
    banks = [bank("b1", 100, 5, payer="ANN LEE"), bank("b2", 100, 5)]
    books = [book("k1", 100, 5, party="Ann Lee"), book("k2", 100, 5, party="Ben Ort")]
    result = match(banks, books, RULES)
    assert groups(result) == {"b1 = k1": "amount_and_date", "b2 = k2": "amount_and_date"}
    assert "every other one is spoken for" in result.matches[1].reason


def test_two_payments_of_one_amount_by_one_party_stay_ambiguous() -> None:
    banks = [bank("b1", 100, 5, payer="ANN LEE"), bank("b2", 100, 5, payer="ANN LEE")]
    books = [book("k1", 100, 5, party="Ann Lee"), book("k2", 100, 5, party="Ann Lee")]
    assert kinds(match(banks, books, RULES)) == {"b1": "ambiguous", "b2": "ambiguous"}


def test_a_learnt_alias_decides_like_the_name_itself() -> None:
    banks = [bank("b1", 100, 5, payer="ANN L")]
    books = [book("k1", 100, 5, party="Ann Lee"), book("k2", 100, 5, party="Ann Leeds")]
    assert kinds(match(banks, books, RULES)) == {"b1": "ambiguous"}
    learnt = [Alias(normal_name("ANN L"), "Ann Lee")]
    assert groups(match(banks, books, RULES, aliases=learnt)) == {"b1 = k1": "amount_and_date"}
    two = [*learnt, Alias(normal_name("ANN L"), "Ann Leeds")]
    assert kinds(match(banks, books, RULES, aliases=two)) == {"b1": "ambiguous"}


def test_names_that_contradict_each_other_are_no_match() -> None:
    banks, books = [bank("b1", 100, 5, payer="CITY UTILITIES")], [book("k1", 100, 5, party="Ann Lee")]
    result = match(banks, books, RULES)
    assert (result.matches, kinds(result)) == ((), {"b1": "bank_only"})
    assert "the bank names CITY UTILITIES and the books Ann Lee" in result.breaks[0].reason
    by_id = [replace(books[0], party="pty_01jx")]
    assert groups(match(banks, by_id, RULES)) == {"b1 = k1": "amount_and_date"}
    assert not is_name("pty_01jx")


def test_references_of_one_series_that_differ_are_no_match_but_a_slip_of_the_pen_is() -> None:
    books = [book("k1", 100, 5, "PAY-00012345")]
    assert kinds(match([bank("b1", 100, 5, "PAY-00098765")], books, RULES)) == {"b1": "bank_only"}
    for slip in ("PAY-00012354", "PAY-0012345", "PAY00012335"):
        assert groups(match([bank("b1", 100, 5, slip)], books, RULES)) == {"b1 = k1": "amount_and_date"}


def test_alike_words_are_suggested_with_score_and_reason_and_never_matched() -> None:
    banks = [bank("b1", 10_050, 5, text="CHECK PAY-0001234X DEPOSIT")]
    books = [book("k1", 10_000, 5, "PAY-00012345"), book("k2", 10_000, 5, "PAY-00099999")]
    result = match(banks, books, RULES)
    assert result.matches == ()
    (found,) = result.suggestions
    assert (found.bank_line_ids, found.book_line_ids, found.stage) == (("b1",), ("k1",), "fuzzy_text")
    assert found.reason.startswith("The reference PAY-00012345 is nearly in the bank's words (likeness 9")
    assert found.reason.endswith("the bank has 0.50 USD more, on the same day.")
    assert 850 <= found.score < 1000


def test_an_alias_raises_the_score_of_a_suggestion_and_says_so() -> None:
    """7 of words 1000, 2 of amount 1000, 1 of days 1000 - 15000 / 31: 951; what was learnt adds 100, up to 1000."""
    banks, books = [bank("b1", 100, 20, payer="AL HOLDINGS")], [book("k1", 100, 5, party="Ann Lee")]
    assert match(banks, books, RULES).suggestions == ()
    (found,) = match(banks, books, RULES, aliases=[Alias("AL HOLDINGS", "Ann Lee")]).suggestions
    assert found.score == 1000
    assert "were learnt to mean Ann Lee, which raises the score" in found.reason
    (named,) = match([bank("b1", 100, 20, payer="ANN LEE")], books, RULES).suggestions
    assert named.score == 951


def test_a_suggestion_helps_with_what_is_ambiguous_and_leaves_out_what_was_refused() -> None:
    banks = [bank("b1", 100, 5, text="ANNA LEE"), bank("b2", 100, 5)]
    books = [book("k1", 100, 5, party="Ann Lee"), book("k2", 100, 5, party="Benedict Ort")]
    result = match(banks, books, RULES)
    assert kinds(result) == {"b1": "ambiguous", "b2": "ambiguous"}
    assert [(one.bank_line_ids, one.book_line_ids) for one in result.suggestions] == [(("b1",), ("k1",))]
    apart = {(frozenset({"b1"}), frozenset({"k1"}))}
    assert match(banks, books, RULES, refused=apart).suggestions == ()
