"""Matching a made world whose truth is known: nothing wrong, nearly all found, the undecidable left to people."""

from __future__ import annotations

import pytest

from reconciliation.matching import match
from tests.support import match_world
from tests.support.match_world import AMBIGUOUS, AMOUNT_DIFFERS, FEE_TAKEN, ONE_SIDED, RULES

KINDS = {AMBIGUOUS: {"ambiguous"}, AMOUNT_DIFFERS: {"amount_differs"}, FEE_TAKEN: {"fee_taken"}}


@pytest.mark.parametrize("seed", range(1, 7))
def test_every_match_is_true_and_nearly_all_that_is_unique_is_found(seed: int) -> None:
    world = match_world.make(6_000, seed)
    found = match_world.score(world, match(world.banks, world.books, RULES))
    assert found.wrong == ()
    assert found.precision == 1
    assert found.recall >= 0.999, found.found_of
    hard = [(hit, every) for kind, (hit, every) in found.found_of.items() if kind not in ("exact", "refund", "twin")]
    assert sum(hit for hit, _ in hard) >= 0.95 * sum(every for _, every in hard), found.found_of


@pytest.mark.parametrize("seed", range(1, 7))
def test_what_nobody_can_know_is_an_exception_of_its_kind(seed: int) -> None:
    world = match_world.make(6_000, seed)
    result = match(world.banks, world.books, RULES)
    kinds = {one.line_id: one.kind.value for one in result.breaks}
    for truth in world.truths:
        if truth.answer in KINDS:
            assert {kinds[line] for line in truth.banks} <= KINDS[truth.answer], truth
        elif truth.answer == ONE_SIDED:
            assert all(kinds[line] in {"bank_only", "ambiguous"} for line in truth.banks), truth
    alone = {
        line for truth in world.truths if truth.answer != match_world.MATCHED for line in truth.banks | truth.books
    }
    assert not alone & {line for one in result.matches for line in (*one.bank_line_ids, *one.book_line_ids)}


def test_a_fee_in_the_world_is_explained_to_the_cent() -> None:
    world = match_world.make(6_000, 1)
    amounts = {line.id: line.amount_minor for line in world.banks}
    amounts |= {line.id: line.amount_minor for line in world.books}
    truths = {next(iter(truth.banks)): truth for truth in world.truths if truth.answer == FEE_TAKEN}
    fees = [one for one in match(world.banks, world.books, RULES).breaks if one.kind == "fee_taken"]
    assert len(fees) == len(truths) > 10
    for one in fees:
        truth = truths[one.line_id]
        assert set(one.candidates) == truth.books
        assert one.difference_minor == amounts[one.line_id] - sum(amounts[line] for line in truth.books)


def test_the_denser_the_world_the_less_is_matched_but_nothing_wrong() -> None:
    """Half of a world's lines on five days of one account: sums can no longer be proved."""
    world = match_world.make(4_000, 3)
    squeezed = match_world.squeezed(world, days=5)
    found = match_world.score(squeezed, match(squeezed.banks, squeezed.books, RULES))
    assert found.wrong == ()
