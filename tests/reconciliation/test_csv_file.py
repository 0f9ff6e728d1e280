"""CSV: worked examples read by a column map, and every way a file or a map can be wrong."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from reconciliation.statements import parse as parse_any
from reconciliation.statements.base import Format
from reconciliation.statements.csv_file import ColumnMap, Given, parse, preview

BASE = (Path(__file__).parent.parent / "data" / "csv" / "running.csv").read_text()
MAP = ColumnMap(
    account_identifier="4470001",
    bank_id="021000089",
    currency="USD",
    date="Date",
    date_format="%m/%d/%Y",
    amount="Amount",
    description=("Description", "Details"),
    reference="Check #",
    balance="Balance",
    thousands=",",
    skip=2,
)
PLAIN = "04.01.2026;1.234,50;;Miete\n05.01.2026;;1.000,00;Zins\n"
TWO_COLUMNS = ColumnMap(
    account_identifier="DE1",
    currency="EUR",
    date=1,
    date_format="%d.%m.%Y",
    debit=2,
    credit=3,
    description=(4,),
    delimiter=";",
    decimal=",",
    thousands=".",
    headings=False,
)


def problems(content: str, columns: ColumnMap = MAP, given: Given | None = None) -> list[tuple[int, int, str]]:
    parsed = parse(content.encode(), columns, given or Given())
    return [(problem.line, problem.column, problem.code) for problem in parsed.problems]


def test_a_running_balance_gives_opening_and_closing() -> None:
    parsed = parse(BASE.encode(), MAP)
    assert parsed.problems == ()
    assert parsed.format is Format.CSV
    (statement,) = parsed.statements
    assert (statement.account_identifier, statement.bank_id, statement.as_of) == (
        "4470001",
        "021000089",
        dt.date(2026, 1, 5),
    )
    assert (statement.opening_minor, statement.closing_minor) == (100_000, 560_900)
    payout, check, fee = statement.lines
    assert (payout.line, payout.amount_minor, payout.customer_reference) == (4, 535_900, "PAYOUT-0001")
    assert payout.text == 'SANDBOX PROCESSOR\nPAYOUT, "first"\nof the day'
    assert (check.line, check.amount_minor, check.customer_reference) == (6, -70_000, "1001")
    assert (fee.amount_minor, fee.posted_on) == (-5_000, dt.date(2026, 1, 5))


def test_the_newest_first_is_turned_around() -> None:
    *head, payout, rest, check, fee = BASE.splitlines(keepends=True)
    content = "".join([*head, fee, check, payout, rest])
    parsed = parse(content.encode(), replace(MAP, newest_first=True))
    assert parsed.problems == ()
    assert [line.amount_minor for line in parsed.statements[0].lines] == [535_900, -70_000, -5_000]
    assert {code for _, _, code in problems(content)} == {"order", "running_balance", "does_not_tie"}


def test_debit_and_credit_columns_are_proved_by_the_balances_a_person_gives() -> None:
    given = Given(opening_minor=50_000, closing_minor=26_550)
    parsed = parse(PLAIN.encode(), TWO_COLUMNS, given)
    assert parsed.problems == ()
    assert [line.amount_minor for line in parsed.statements[0].lines] == [-123_450, 100_000]
    assert problems(PLAIN, TWO_COLUMNS, replace(given, closing_minor=26_551)) == [(1, 1, "does_not_tie")]
    assert problems(PLAIN, TWO_COLUMNS) == [(1, 1, "opening_missing"), (1, 1, "closing_missing")]


def test_a_quiet_day_needs_its_day_and_both_balances() -> None:
    given = Given(opening_minor=100, closing_minor=100, as_of=dt.date(2026, 1, 4))
    head = BASE.splitlines(keepends=True)[:3]
    assert parse("".join(head).encode(), MAP, given).is_clean
    assert problems("".join(head)) == [(1, 1, "no_statements")]


def test_a_preview_shows_rows_as_read_and_every_problem() -> None:
    shown = preview(BASE.replace("01/05/2026", "05.01.2026").encode(), MAP, rows=1)
    assert shown.headings == ("Date", "Description", "Details", "Check #", "Amount", "Balance")
    assert [cells[0] for cells in shown.cells] == ["01/04/2026"]
    assert [line.amount_minor for line in shown.lines] == [535_900]
    assert (shown.opening_minor, shown.closing_minor) == (100_000, 565_900)
    assert [(problem.line, problem.column, problem.code) for problem in shown.problems] == [(7, 1, "bad_date")]


def test_a_csv_file_is_never_guessed() -> None:
    (problem,) = parse_any(BASE.encode()).problems
    assert problem.code == "unknown_format"
    assert "columns" in problem.message


@pytest.mark.parametrize(
    ("shown", "expected"),
    [("(700.00)", -1), ("-700.00", -1), ("700.00-", -1), ("-$700.00", -1), ("$-700", -1), ("($700.00)", -1)],
)
def test_every_way_to_write_money_going_out(shown: str, expected: int) -> None:
    parsed = parse(BASE.replace("(700.00)", shown).encode(), MAP)
    assert parsed.problems == ()
    assert parsed.statements[0].lines[1].amount_minor == expected * 70_000


CHANGES = {
    "balance off by one": ("5,659.00", "5,659.01", [(6, 1, "running_balance"), (7, 1, "running_balance")]),
    "amount off by one": ("(700.00)", "(700.01)", [(6, 1, "running_balance")]),
    "row left out": ('01/04/2026,CHECK,,1001,(700.00),"5,659.00"\n', "", [(6, 1, "running_balance")]),
    "groups that are not of three": ('"5,359.00"', '"53,59.00"', [(4, 5, "bad_amount")]),
    "two signs": ("(700.00)", "(-700.00)", [(6, 5, "bad_amount")]),
    "words": ("(700.00)", "lots", [(6, 5, "bad_amount")]),
    "digits that are not ASCII": ("(700.00)", "(٧00.00)", [(6, 5, "bad_amount")]),
    "too many decimals": ("-50.00", "-50.001", [(7, 5, "bad_amount")]),
    "beyond reason": ("-50.00", "-50000000000000000", [(7, 5, "amount_too_large")]),
    "no balance in a row": ('"5,659.00"', "", [(6, 6, "bad_amount")]),
    "another date format": ("01/05/2026", "2026-01-05", [(7, 1, "bad_date")]),
    "impossible date": ("01/05/2026", "02/30/2026", [(7, 1, "bad_date")]),
    "days that go backwards": ("01/05/2026", "01/03/2026", [(7, 1, "order")]),
    "a cell too many": ("FEE,", "FEE,,", [(7, 1, "row_width")]),
    "a column renamed": ("Amount,", "Sum,", [(1, 1, "no_column")]),
    "a heading twice": ("Description,", "Amount,", [(1, 1, "no_column")]),
    "an open quote": ('"5,609.00"', '"5,609.00', [(7, 1, "bad_csv")]),
    "NUL in a text": ("FEE", "F\0E", [(7, 13, "control_character")]),
    "long reference": ("PAYOUT-0001", "P" * 121, [(4, 1, "reference_too_long")]),
    "a cell without end": ("FEE", "F" * 10_001, [(7, 1, "csv_too_large")]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_change_is_reported_at_its_row_and_cell(change: str) -> None:
    old, new, expected = CHANGES[change]
    assert BASE.count(old) == 1, "the change must touch one place"
    found = problems(BASE.replace(old, new))
    assert set(expected) <= set(found)


MAPS = {
    "no account": {"account_identifier": ""},
    "unknown currency": {"currency": "XXX"},
    "no amount": {"amount": None},
    "amount and debit and credit": {"debit": 1, "credit": 2},
    "unknown encoding": {"encoding": "klingon"},
    "delimiter of two signs": {"delimiter": ",,"},
    "the same sign twice": {"decimal": ","},
    "unknown date format": {"date_format": "%c"},
    "thousands of letters": {"thousands": "x"},
}


@pytest.mark.parametrize("name", MAPS)
def test_a_map_that_cannot_fit_is_a_problem(name: str) -> None:
    assert "bad_map" in {code for _, _, code in problems(BASE, replace(MAP, **MAPS[name]))}  # type: ignore[arg-type]


def test_a_row_with_both_a_debit_and_a_credit_or_neither_is_a_problem() -> None:
    assert (1, 2, "two_amounts") in problems(PLAIN.replace("50;;", "50;1,00;"), TWO_COLUMNS)
    assert (2, 2, "two_amounts") in problems(PLAIN.replace(";;1.000,00", ";;"), TWO_COLUMNS)
    assert (2, 3, "signed_amount") in problems(PLAIN.replace("1.000,00", "-1.000,00"), TWO_COLUMNS)


def test_text_in_another_encoding_than_the_maps_is_a_problem() -> None:
    content = BASE.replace("FEE", "GEBÜHR").encode("cp1252")
    assert [problem.code for problem in parse(content, MAP).problems] == ["bad_encoding"]
    assert parse(content, replace(MAP, encoding="cp1252")).is_clean


def test_what_the_person_gives_must_be_what_the_running_balance_says() -> None:
    assert problems(BASE, MAP, Given(opening_minor=100_000, closing_minor=560_900)) == []
    assert problems(BASE, MAP, Given(opening_minor=100_001)) == [(4, 1, "balances_differ")]
