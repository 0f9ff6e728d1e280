"""Whose money it may be: scored with reasons in words, equal answers shown as equal."""

from __future__ import annotations

from billing.suggestions import Candidate, Deposit, suggest

ALOHA = Candidate("pol_1", "HI-2026-0001", "Aloha Foods", (535_900, 1_071_800))


def test_the_number_counts_50_the_name_30_and_the_amount_20() -> None:
    whole = Deposit("aloha foods", "hi20260001", "", 535_900)
    (found,) = suggest(whole, [ALOHA])
    assert (found.score, len(found.reasons)) == (100, 3)
    (by_name,) = suggest(Deposit("Foods Aloha", "", "", 1), [ALOHA])
    assert (by_name.score, by_name.reasons) == (30, ("'Foods Aloha' is the insured Aloha Foods (100%)",))
    (by_amount,) = suggest(Deposit("", "", "", 1_071_800), [ALOHA])
    assert by_amount.reasons == ("the amount is exactly what is open",)


def test_the_number_is_found_in_the_memo_and_a_typing_slip_is_pointed_out() -> None:
    """One of ten characters differs: 2 x 9 / 20 = 90%, so 45 points."""
    (found,) = suggest(Deposit("", "", "premium HI-2026-0007", 1), [ALOHA])
    assert found.score == 45
    assert found.reasons == ("'HI-2026-0007' is like the policy number HI-2026-0001 (90%)",)


def test_two_equal_answers_are_an_exception_and_nothing_like_it_is_left_out() -> None:
    twins = [Candidate(f"pol_{n}", f"HI-2026-000{n}", "Aloha Foods") for n in (1, 2)]
    found = suggest(Deposit("Aloha Foods", "", "", 1), twins)
    assert [(row.score, row.tied) for row in found] == [(30, True), (30, True)]
    assert suggest(Deposit("Somebody Else", "ZZ-9", "", 1), twins) == []


def test_a_number_written_right_is_no_slip_of_its_neighbors() -> None:
    neighbors = [ALOHA, *(Candidate(f"pol_{n}", f"HI-2026-000{n}", "Another") for n in range(2, 9))]
    (found,) = suggest(Deposit("", "HI-2026-0001", "", 1), neighbors)
    assert (found.policy_id, found.score, found.tied) == ("pol_1", 50, False)
