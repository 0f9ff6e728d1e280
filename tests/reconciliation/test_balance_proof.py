"""The balance proof: closing = books + what is explained, to the cent, whatever happens."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from coverpay.kernel.actors import Actor
from reconciliation import matches, queries
from reconciliation.imports import import_statement
from reconciliation.models import BankAccount
from reconciliation.queries import BalanceProof
from tests.support import bank, world

SECOND = bank.FIRST + dt.timedelta(days=1)


def _world() -> tuple[BankAccount, Actor]:
    mga = world.organization()
    return bank.account(mga), bank.acting(mga, "finance")


def _proof(account: BankAccount, at: dt.date | None = None) -> BalanceProof:
    proof = queries.balance_proof(BankAccount.objects.get(pk=account.pk), at)
    assert proof is not None
    return proof


@pytest.mark.django_db
def test_an_account_without_a_statement_has_no_proof() -> None:
    account, _ = _world()
    assert queries.balance_proof(account) is None


@pytest.mark.django_db
def test_every_difference_is_named_and_nothing_is_left_over() -> None:
    account, finance = _world()
    bank.received(account, 535_900, "PAYOUT-0001")
    bank.received(account, 4_000, "UNDER-WAY")
    content = bank.statement(bank.line(535_900, "PAYOUT-0001"), bank.line(-1_250, "", "FEE"), opening=100_000)
    import_statement(content=content, file_name="day.bai", actor=finance)
    matches.run_matching(bank_account_id=account.id, actor=finance)
    proof = _proof(account)
    assert (proof.closing_minor, proof.ledger_minor, proof.difference_minor) == (634_650, 539_900, 94_750)
    assert [(item.label, item.amount_minor, item.count) for item in proof.items] == [
        ("On the account before its first statement", 100_000, 1),
        ("On the statements only", -1_250, 1),
        ("In the books only", -4_000, 1),
    ]
    assert proof.unexplained_minor == 0
    assert proof.ties


@pytest.mark.django_db
def test_a_match_across_the_end_of_the_day_is_explained_on_that_day() -> None:
    account, finance = _world()
    bank.received(account, 700, "R7")
    bank.received(account, 900, "R9", SECOND)
    content = bank.days([bank.line(900, "R9")], [bank.line(700, "R7")])
    import_statement(content=content, file_name="days.bai", actor=finance)
    matches.run_matching(bank_account_id=account.id, actor=finance)
    first = _proof(account, bank.FIRST)
    assert (first.closing_minor, first.ledger_minor) == (900, 700)
    assert [(item.label, item.amount_minor) for item in first.items] == [
        ("Matched, but in the books on a later day", 900),
        ("Matched, but at the bank on a later day", -700),
    ]
    assert first.ties
    assert (_proof(account).items, _proof(account).difference_minor) == ([], 0)


amounts = st.integers(-500, 500).filter(bool)
references = st.sampled_from(["", "R1", "R2", "R3"])
movements = st.lists(st.tuples(amounts, references), max_size=5)


class ProofProperty(TestCase):
    """A property over the database; each example runs in a transaction that is rolled back."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.integers(0, 9_999),
        st.lists(movements, min_size=1, max_size=3),
        st.lists(st.tuples(amounts, references, st.integers(-2, 4)), max_size=6),
    )
    def test_the_proof_ties_for_any_statements_and_any_books(
        self, opening: int, days: list[list[tuple[int, str]]], books: list[tuple[int, str, int]]
    ) -> None:
        account, finance = _world()
        for amount, reference, day in books:
            bank.received(account, amount, reference, bank.FIRST + dt.timedelta(days=day))
        content = bank.days(*[[bank.line(*line) for line in lines] for lines in days], opening=opening)
        import_statement(content=content, file_name="days.bai", actor=finance)
        matches.run_matching(bank_account_id=account.id, actor=finance)
        for number in range(len(days)):
            proof = _proof(account, bank.FIRST + dt.timedelta(days=number))
            assert proof.unexplained_minor == 0
