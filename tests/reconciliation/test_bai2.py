"""BAI2: worked examples, read by hand from the files in tests/data/bai2."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from reconciliation.statements import parse
from reconciliation.statements.base import Format, ParsedFile, ParsedLine, prove

DATA = Path(__file__).parent.parent / "data" / "bai2"


def example(name: str) -> ParsedFile:
    return parse((DATA / name).read_bytes())


def problems(content: str) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.code) for problem in parse(content.encode()).problems]


def test_a_days_statement_is_read_with_balances_lines_and_places() -> None:
    parsed = example("first_premium.bai")
    assert parsed.format is Format.BAI2
    assert parsed.is_clean
    (statement,) = parsed.statements
    assert (statement.account_identifier, statement.bank_id, statement.currency) == ("4470001", "021000089", "USD")
    assert statement.as_of == dt.date(2026, 1, 4)
    assert (statement.opening_minor, statement.closing_minor) == (100_000, 560_900)
    assert (statement.first_line, statement.last_line) == (3, 6)
    payout, draw = statement.lines
    assert (payout.line, payout.amount_minor, payout.type_code) == (4, 535_900, "165")
    assert (payout.bank_reference, payout.customer_reference) == ("BK20260104001", "PAYOUT-0001")
    assert payout.text == "SANDBOX PROCESSOR PAYOUT"
    assert payout.posted_on == payout.value_date == dt.date(2026, 1, 4)
    assert (draw.amount_minor, draw.text) == (-75_000, "COMMISSION DRAW TO OPERATING")


def test_the_proof_adds_credits_and_debits_to_the_opening_balance() -> None:
    proof = prove(example("first_premium.bai").statements[0])
    assert proof is not None
    assert (proof.credits_minor, proof.debits_minor) == (535_900, -75_000)
    assert proof.expected_closing_minor == 560_900
    assert proof.difference_minor == 0


def test_several_days_and_accounts_are_separate_statements_with_inherited_currencies() -> None:
    parsed = example("two_days.bai")
    assert parsed.problems == ()
    found = [
        (s.account_identifier, s.as_of.day, s.currency, s.opening_minor, s.closing_minor) for s in parsed.statements
    ]
    assert found == [
        ("4470001", 4, "USD", 560_900, 460_900),
        ("990-JPY", 4, "JPY", 0, 1_500),
        ("4470001", 5, "USD", 460_900, 460_400),
    ]


def test_continuations_carry_on_balances_references_and_text() -> None:
    check, ach, lockbox, notice = example("two_days.bai").statements[0].lines
    assert (check.bank_reference, check.customer_reference, check.text) == ("CHK1001", "1001", "")
    assert ach.text == "CARRIER REMITTANCE, DECEMBER\nPOLICY HS-1/2 AND HS-3"
    assert (lockbox.bank_reference, lockbox.customer_reference, lockbox.text) == ("LBX9", "DEP-12", "LOCKBOX DEPOSIT")
    assert (notice.type_code, notice.amount_minor, notice.text) == ("890", 0, "NEXT STATEMENT ONLINE ONLY")


def test_each_funds_type_says_when_money_is_usable() -> None:
    statements = example("two_days.bai").statements
    _, ach, lockbox, _ = statements[0].lines
    wire, custom = statements[1].lines
    (fee,) = statements[2].lines
    assert (ach.availability.value_date, ach.value_date) == (dt.date(2026, 1, 6), dt.date(2026, 1, 6))
    assert lockbox.availability.distribution == ((0, 4_000), (1, 5_000), (2, 1_000))
    assert wire.availability.distribution == ((0, 500), (3, 1_500))
    assert (custom.availability.funds_type, custom.value_date, custom.amount_minor) == ("Z", None, -500)
    assert fee.availability.distribution == ((2, 500),)


def _line(content: str, number: int) -> ParsedLine:
    parsed = parse(content.encode())
    assert parsed.problems == ()
    return parsed.statements[0].lines[number]


BASE = (DATA / "first_premium.bai").read_text()


def test_text_may_hold_commas_and_slashes_and_keeps_them() -> None:
    changed = BASE.replace("SANDBOX PROCESSOR PAYOUT", "ORIG/ID, 12/31, A/B")
    assert _line(changed, 0).text == "ORIG/ID, 12/31, A/B"


def test_a_slash_after_the_last_comma_means_no_text() -> None:
    assert _line(BASE.replace("COMMISSION DRAW TO OPERATING/", "/"), 1).text == ""


def test_fields_left_out_at_a_records_end_take_their_defaults() -> None:
    line = _line(BASE.replace("0,BK20260104002,DRAW-0001,COMMISSION DRAW TO OPERATING/", "/"), 1)
    assert (line.bank_reference, line.customer_reference, line.text) == ("", "", "")
    assert line.availability.funds_type == ""


def test_blanks_around_fields_blank_lines_and_an_end_of_media_mark_do_no_harm() -> None:
    changed = BASE.replace("03,4470001,USD,010", "03, 4470001 ,USD, 010").replace("98,", "\n98,") + "\x1a"
    parsed = parse(changed.encode())
    assert parsed.problems == ()
    assert parsed.statements[0].account_identifier == "4470001"


def test_a_byte_order_mark_and_latin_1_text_are_read() -> None:
    content = b"\xef\xbb\xbf" + BASE.replace("SANDBOX", "CAF\xc9").encode("latin-1")
    parsed = parse(content)
    assert parsed.problems == ()
    assert parsed.statements[0].lines[0].text.endswith(" PROCESSOR PAYOUT")


def test_btrs_version_3_takes_the_accounts_currency_and_assumes_none() -> None:
    version_3 = BASE.replace(",,,2/", ",,,3/")
    assert problems(version_3) == []
    without = version_3.replace("2400,USD,", "2400,,").replace("4470001,USD", "4470001,")
    assert problems(without) == [(3, 12, "unknown_currency")]


@pytest.mark.parametrize(("year", "full"), [("68", 2068), ("69", 1969), ("00", 2000)])
def test_years_have_two_digits_and_turn_at_69(year: str, full: int) -> None:
    assert _line(BASE.replace("1,260104,", f"1,{year}0104,"), 0).posted_on == dt.date(full, 1, 4)
