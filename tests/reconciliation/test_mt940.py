"""MT940: a worked example read by hand, and every way a file can be wrong."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from reconciliation.statements import parse
from reconciliation.statements.base import UNNAMED_BANK, Format

BASE = (Path(__file__).parent.parent / "data" / "mt940" / "two_pages.sta").read_text()


def problems(content: str) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.code) for problem in parse(content.encode()).problems]


def test_pages_of_one_statement_are_joined_and_days_kept_apart() -> None:
    parsed = parse(BASE.encode())
    assert parsed.problems == ()
    assert parsed.format is Format.MT940
    found = [
        (s.account_identifier, s.bank_id, s.currency, s.as_of, s.opening_minor, s.closing_minor)
        for s in parsed.statements
    ]
    assert found == [
        ("4470001", "021000089", "USD", dt.date(2026, 1, 4), 100_000, 560_900),
        ("4470001", "021000089", "USD", dt.date(2026, 1, 5), 560_900, -100),
    ]
    assert [(s.first_line, s.last_line) for s in parsed.statements] == [(2, 21), (24, 30)]


def test_movements_carry_references_texts_and_both_dates() -> None:
    payout, check, _ = parse(BASE.encode()).statements[0].lines
    assert (payout.line, payout.amount_minor, payout.type_code) == (6, 535_900, "NTRF")
    assert (payout.posted_on, payout.value_date) == (dt.date(2026, 1, 4), dt.date(2026, 1, 5))
    assert (payout.bank_reference, payout.customer_reference) == ("BK20260104001", "PAYOUT-0001")
    assert payout.text == "SANDBOX PROCESSOR\nACME INC\n/INVOICE 7"
    assert (check.amount_minor, check.type_code, check.customer_reference) == (-70_000, "NCHK", "1001")


def test_a_reversed_credit_goes_out_and_a_reversed_debit_comes_in() -> None:
    first, second = parse(BASE.encode()).statements
    reversed_credit, reversed_debit = first.lines[2], second.lines[0]
    assert (reversed_credit.amount_minor, reversed_credit.text) == (-5_000, "Reversal")
    assert (reversed_debit.amount_minor, reversed_debit.text) == (150, "Reversal")


def test_an_entry_date_after_the_years_end_belongs_to_the_new_year() -> None:
    line = parse(BASE.encode()).statements[0].lines[2]
    assert (line.value_date, line.posted_on) == (dt.date(2025, 12, 31), dt.date(2026, 1, 2))


def test_an_entry_date_before_the_years_end_belongs_to_the_old_year() -> None:
    line = parse(BASE.replace("2512310102RC", "2601021231RC").encode()).statements[0].lines[2]
    assert (line.value_date, line.posted_on) == (dt.date(2026, 1, 2), dt.date(2025, 12, 31))


def test_without_an_entry_date_a_later_value_date_does_not_move_the_booking() -> None:
    parsed = parse(BASE.replace(":61:260104D700", ":61:260107D700").encode())
    assert parsed.problems == ()
    line = parsed.statements[0].lines[1]
    assert (line.value_date, line.posted_on) == (dt.date(2026, 1, 7), dt.date(2026, 1, 4))


def test_the_sender_of_the_envelope_is_the_bank_of_a_bare_account() -> None:
    bare = BASE.replace("021000089/4470001", "4470001")
    assert {statement.bank_id for statement in parse(bare.encode()).statements} == {"FRSTUS33"}


def test_a_file_without_envelopes_is_read_and_its_bank_is_unnamed() -> None:
    rows = [row for row in BASE.replace("021000089/4470001", "4470001").splitlines() if row[0] not in "{-"]
    parsed = parse("\r\n".join(rows).encode())
    assert parsed.problems == ()
    assert {statement.bank_id for statement in parsed.statements} == {UNNAMED_BANK}


def test_a_25p_names_its_bank_on_the_second_row() -> None:
    parsed = parse(BASE.replace(":25:021000089/4470001", ":25P:4470001\nTESTUS33").encode())
    assert parsed.problems == ()
    assert {statement.bank_id for statement in parsed.statements} == {"TESTUS33"}


CHANGES = {
    "closing balance off by one": (":62F:C260104USD5609,00", ":62F:C260104USD5609,01", [(2, 1, "does_not_tie")]),
    "page off by one": (":62M:C260104USD6359,", ":62M:C260104USD6359,01", [(10, 1, "page_does_not_tie")]),
    "page opens otherwise": (":60M:C260104USD6359,00", ":60M:C260104USD6358,00", [(16, 1, "page_balance")]),
    "page of another statement": (":28C:4/2", ":28C:9/2", [(13, 1, "page_missing")]),
    "page left out": (":28C:4/2", ":28C:4/3", [(13, 1, "page_missing")]),
    "last page never comes": (":62F:D260105", ":62M:D260105", [(24, 1, "page_missing")]),
    "new statement before the last page": (":60M:", ":60F:", [(2, 1, "page_missing")]),
    "no opening balance": (":60M:C260104USD6359,00\n", "", [(13, 1, "balance_missing")]),
    "movement before the balance": (
        ":60M:C260104USD6359,00\n:61:260104D700,00NCHK1001\n", ":61:260104D700,00NCHK1001\n:60M:C260104USD6359,00\n",
        [(16, 1, "out_of_order")]),
    "no closing balance": (":62F:D260105USD1,00\n", "", [(24, 1, "balance_missing")]),
    "no account": (":28C:5", ":28C:5\n:25:", [(27, 5, "field_missing")]),
    "no statement number": (":28C:5\n", "", [(24, 1, "field_missing")]),
    "statement number of letters": (":28C:5", ":28C:X", [(26, 6, "bad_number")]),
    "debit turned into a credit": (":61:260104D700", ":61:260104C700", [(19, 1, "page_does_not_tie")]),
    "decimal point": ("D700,00NCHK", "D700.00NCHK", [(17, 5, "bad_movement")]),
    "no decimal comma": ("D700,00NCHK", "D700NCHK", [(17, 5, "bad_movement")]),
    "too many decimals": ("D700,00NCHK", "D700,001NCHK", [(17, 12, "bad_amount")]),
    "digits that are not ASCII": ("D700,00NCHK", "D٧00,00NCHK", [(17, 5, "bad_movement")]),
    "another mark": (":61:260104D700", ":61:260104X700", [(17, 5, "bad_movement")]),
    "expected, not booked": (":61:260104D700", ":61:260104ED700", [(17, 5, "bad_movement")]),
    "funds code of another currency": ("0104CD5359", "0104CR5359", [(6, 16, "bad_funds_code")]),
    "impossible value date": (":61:260104D700", ":61:260230D700", [(17, 5, "bad_date")]),
    "impossible entry date": ("2512310102RC", "2512310231RC", [(18, 11, "bad_date")]),
    "entered after its day": ("2512310102RC", "2512310106RC", [(18, 1, "after_the_day")]),
    "impossible balance date": (":62F:D260105", ":62F:D260132", [(30, 7, "bad_date")]),
    "balance without a mark": (":62F:D260105", ":62F:260105", [(30, 6, "bad_balance")]),
    "unknown currency": (":62F:D260105USD", ":62F:D260105XXX", [(30, 13, "unknown_currency")]),
    "two currencies": (":62F:D260105USD", ":62F:D260105EUR", [(30, 1, "currency_differs")]),
    "unknown field": (":64:", ":99:", [(20, 1, "unknown_field")]),
    "text of nothing": (":28C:5", ":28C:5\n:86:X", [(27, 1, "out_of_order")]),
    "something outside a field": ("-}\n{1:F01TESTUS33AXXX0000000000}{2:O9400500260105FRSTUS33XXXX00000000002601050500N}"
        "{4:\n:20:STMT0105", "-}\njunk\n:20:STMT0105", [(23, 1, "unknown_line")]),
    "message cut off": (":62F:D260105USD1,00\n-}", ":62F:D260105USD1,00", [(23, 1, "message_cut")]),
    "message cut off by the next": (":86:END OF DAY\n-}", ":86:END OF DAY", [(12, 1, "message_cut")]),
    "NUL in a text": ("INVOICE", "INV\0ICE", [(9, 5, "control_character")]),
    "long reference": ("DRAW-0002", "D" * 121, [(29, 1, "reference_too_long")]),
    "two closing balances": (":62F:D260105USD1,00", ":62F:D260105USD1,00\n:62F:D260105USD1,00",
        [(31, 1, "balance_repeated")]),
    "the same day twice": (":62F:D260105", ":62F:D260104", [(24, 1, "statement_repeated")]),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_one_change_is_reported_at_its_place(change: str) -> None:
    old, new, expected = CHANGES[change]
    assert BASE.count(old) == 1, "the change must touch one place"
    found = problems(BASE.replace(old, new))
    assert set(expected) <= set(found)
