"""CSV: written files come back whole; spoiled ones are reported, or betray themselves by a balance at an end."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.statements.csv_file import ColumnMap, Given, parse
from tests.reconciliation.test_csv_file import BASE, MAP
from tests.support import csv_writer as writer
from tests.support.spoiling import money, mutants

MUTANTS = 1_200
DAY = dt.date(2026, 1, 4)


def _map(how: writer.Layout) -> ColumnMap:
    return ColumnMap(
        account_identifier="4470001",
        currency="USD",
        date="Date",
        date_format=how.date_format,
        amount=None if how.two_columns else "Amount",
        debit="Debit" if how.two_columns else None,
        credit="Credit" if how.two_columns else None,
        balance="Balance",
        reference="Reference",
        description=("Text",),
        delimiter=how.delimiter,
        decimal=how.decimal,
        thousands=how.thousands,
        newest_first=how.newest_first,
    )


@settings(max_examples=80, deadline=None)
@given(writer.rows, st.integers(-(10**11), 10**11), writer.layouts)
def test_what_was_written_is_what_is_read(rows: tuple[writer.Row, ...], opening: int, how: writer.Layout) -> None:
    parsed = parse(writer.write(rows, opening, DAY, how), _map(how))
    assert parsed.problems == ()
    (statement,) = parsed.statements
    assert (statement.opening_minor, statement.as_of) == (opening, DAY)
    assert statement.closing_minor == opening + sum(row.amount for row in rows)
    for line, row in zip(statement.lines, rows, strict=True):
        assert (line.amount_minor, line.customer_reference) == (row.amount, row.reference)
        assert line.text.split() == row.text.split()


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(content: bytes) -> None:
    assert parse(content, MAP).problems


@given(st.text('0123456789./,"()-$ \n', max_size=200))
def test_no_rows_make_the_reader_raise(body: str) -> None:
    head = "\n".join(BASE.splitlines()[:3])
    parsed = parse(f"{head}\n{body}".encode(), MAP)
    assert parsed.problems or parsed.statements


def test_a_spoiled_file_is_reported_when_the_person_gives_the_balances() -> None:
    content, refused = BASE.encode(), 0
    truth = money(parse(content, MAP))
    given_balances = Given(opening_minor=100_000, closing_minor=560_900)
    for mutant in mutants(content, MUTANTS, 20260107):
        parsed = parse(mutant, MAP, given_balances)
        refused += bool(parsed.problems)
        assert parsed.problems or money(parsed) == truth, mutant.decode(errors="replace")
    assert refused > MUTANTS // 3
