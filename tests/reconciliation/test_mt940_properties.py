"""MT940: written files come back whole, an independent library agrees, spoiled files are never taken for sound."""

from __future__ import annotations

import mt940
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.statements import parse
from tests.reconciliation.test_mt940 import BASE
from tests.support import mt940_writer as writer
from tests.support.spoiling import money, mutants

MUTANTS = 1_500


@settings(max_examples=80, deadline=None)
@given(writer.days(), writer.layouts)
def test_what_was_written_is_what_is_read(days: list[writer.Day], layout: writer.Layout) -> None:
    parsed = parse(writer.write(days, layout))
    assert parsed.problems == ()
    assert len(parsed.statements) == len(days)
    for statement, day in zip(parsed.statements, days, strict=True):
        assert (statement.account_identifier, statement.as_of, statement.currency) == (
            day.account,
            day.as_of,
            day.currency,
        )
        assert (statement.opening_minor, statement.closing_minor) == (day.opening, day.closing)
        for line, movement in zip(statement.lines, day.movements, strict=True):
            assert line.amount_minor == movement.amount
            assert line.customer_reference == movement.reference.removeprefix("NONREF")
            assert line.bank_reference == movement.bank_reference
            assert line.text.removeprefix("Reversal").strip("\n") == "\n".join(movement.text)
            assert line.posted_on == day.as_of


@settings(max_examples=40, deadline=None)
@given(writer.days(("USD",)))
def test_an_independent_reader_agrees_on_every_amount_and_date(days: list[writer.Day]) -> None:
    for day in days:
        plain = [writer.Movement(one.amount, reference=one.reference, text=one.text) for one in day.movements]
        content = writer.write([writer.Day(day.account, day.as_of, day.opening, tuple(plain))])
        theirs = mt940.parse(content.decode())
        (ours,) = parse(content).statements
        found = [(one.data["date"], int(one.data["amount"].amount * 100)) for one in theirs if "amount" in one.data]
        assert [(line.value_date, line.amount_minor) for line in ours.lines] == found
        closing = theirs.data["final_closing_balance"].amount
        assert (ours.closing_minor, ours.as_of) == (
            int(closing.amount * 100),
            theirs.data["final_closing_balance"].date,
        )


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_raise(content: bytes) -> None:
    assert parse(b":20:X\n" + content).problems


@given(st.text(alphabet="0126CDRUS,:FM/N{}-\n", max_size=200))
def test_no_sequence_of_fields_makes_the_parser_raise(body: str) -> None:
    assert parse(f":20:X\n:25:1\n:28C:1\n:60F:C260104USD1,00\n:61:{body}".encode()).problems


def test_a_spoiled_file_is_reported_or_still_says_the_same_money() -> None:
    original, refused = BASE.encode(), 0
    truth = money(parse(original))
    for mutant in mutants(original, MUTANTS, 20260105):
        parsed = parse(mutant)
        refused += bool(parsed.problems)
        # A file cut between two messages only lacks whole statements; the next import finds the chain broken.
        assert parsed.problems or money(parsed) <= truth, mutant.decode(errors="replace")
    assert refused > MUTANTS // 2
