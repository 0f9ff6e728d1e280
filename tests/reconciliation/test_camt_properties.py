"""CAMT.053: files written by an independent writer come back whole; spoiled ones are never taken for sound."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.statements import parse
from tests.reconciliation.test_camt import BASE, HEAD
from tests.support import camt_writer as writer
from tests.support.spoiling import money, mutants

MUTANTS = 1_000


@settings(max_examples=60, deadline=None)
@given(writer.days(), writer.layouts)
def test_what_was_written_is_what_is_read(days: list[writer.Day], layout: writer.Layout) -> None:
    parsed = parse(writer.write(days, layout))
    assert parsed.problems == ()
    assert len(parsed.statements) == len(days)
    for statement, day in zip(parsed.statements, days, strict=True):
        assert (statement.account_identifier, statement.bank_id, statement.as_of) == (day.number, "TESTUS33", day.as_of)
        assert (statement.opening_minor, statement.closing_minor) == (day.opening, day.closing)
        booked = [entry for entry in day.entries if not entry.pending]
        for line, entry in zip(statement.lines, booked, strict=True):
            assert (line.amount_minor, line.customer_reference) == (entry.amount, entry.reference)
            assert line.text.startswith(entry.text)
            assert line.posted_on == day.as_of


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_raise(content: bytes) -> None:
    assert parse(HEAD.encode() + content).problems


@given(
    st.lists(st.sampled_from(["<Stmt>", "</Stmt>", "<Bal>", "</Bal>", "<Amt>", "</Amt>", "1.5", "<Ntry/>", "<Acct/>"]))
)
def test_no_order_of_elements_makes_the_parser_raise(parts: list[str]) -> None:
    body = "".join(parts)
    assert parse(f"{HEAD}<BkToCstmrStmt>{body}</BkToCstmrStmt></Document>".encode()).problems


def test_a_spoiled_file_is_reported_or_still_says_the_same_money() -> None:
    original, refused = BASE.encode(), 0
    truth = money(parse(original))
    for mutant in mutants(original, MUTANTS, 20260104):
        parsed = parse(mutant)
        refused += bool(parsed.problems)
        assert parsed.problems or money(parsed) == truth
    assert refused > MUTANTS // 2
