"""BAI2: every way a file can be wrong is reported with its place, and nothing is booked from it."""

from __future__ import annotations

import pytest

from reconciliation.statements import parse
from reconciliation.statements.base import Problems
from reconciliation.statements.detect import UnknownFormat, detect
from tests.reconciliation.test_bai2 import BASE, problems

HEADER, GROUP, ACCOUNT, PAYOUT, DRAW, TRAILER, GROUP_END, FILE_END = BASE.splitlines(keepends=True)

CHANGES = {
    "closing balance off by one": ("015,560900", "015,560901", [(3, 1, "does_not_tie"), (6, 4, "control_total")]),
    "no opening balance": ("010,100000", "040,100000", [(3, 1, "opening_missing")]),
    "no closing balance": ("015,560900", "045,560900", [(3, 1, "closing_missing")]),
    "closing balance defaulted": ("015,560900", "015,", [(3, 1, "closing_missing"), (6, 4, "control_total")]),
    "total credits differ from the details": ("100,535900", "102,535900", []),
    "debit turned into a credit": ("16,495", "16,395", [(3, 1, "does_not_tie"), (3, 1, "total_credits")]),
    "account control total": ("49,1882700", "49,1882701", [(6, 4, "control_total")]),
    "account record count": ("49,1882700,4", "49,1882700,5", [(6, 12, "record_count")]),
    "group control total": ("98,1882700", "98,1", [(7, 4, "control_total")]),
    "number of accounts": ("98,1882700,1", "98,1882700,2", [(7, 12, "count")]),
    "group record count": ("98,1882700,1,6", "98,1882700,1,7", [(7, 14, "record_count")]),
    "number of groups": ("99,1882700,1", "99,1882700,0", [(8, 12, "count")]),
    "file record count": ("1,8/", "1,9/", [(8, 14, "record_count")]),
    "decimal point in an amount": ("16,495,75000", "16,495,750.00", [(5, 8, "bad_amount")]),
    "digits that are not ASCII": ("16,495,75000", "16,495,٧٥٠٠٠", [(5, 8, "bad_amount")]),
    "signed detail": ("16,495,75000", "16,495,-75000", [(5, 8, "signed_amount")]),
    "amount beyond reason": ("16,495,75000", "16,495,9000000000000000", [(5, 8, "amount_too_large")]),
    "status code as a detail": ("16,495", "16,015", [(5, 4, "not_a_detail")]),
    "loan code as a detail": ("16,495", "16,760", [(5, 4, "not_a_detail")]),
    "total as a detail": ("16,495", "16,400", [(5, 4, "not_a_detail")]),
    "type code of letters": ("16,495", "16,4X5", [(5, 4, "bad_type_code")]),
    "money on information": ("16,495", "16,890", [(5, 8, "not_a_detail")]),
    "unknown funds type": ("75000,0,", "75000,Q,", [(5, 14, "bad_funds_type")]),
    "impossible date": ("1,260104", "1,260230", [(2, 25, "bad_date")]),
    "impossible time": ("0615", "2561", [(1, 30, "bad_time")]),
    "interim report": ("USD,2/", "USD,3/", [(2, 41, "interim")]),
    "unknown modifier": ("USD,2/", "USD,7/", [(2, 41, "bad_modifier")]),
    "correction group": ("021000089,1", "021000089,3", [(2, 23, "group_status")]),
    "test group": ("021000089,1", "021000089,4", [(2, 23, "group_status")]),
    "unknown currency": ("4470001,USD", "4470001,XXX", [(3, 12, "unknown_currency")]),
    "no account number": ("03,4470001", "03,", [(3, 4, "field_missing")]),
    "balance stated twice": ("100,535900", "010,535900", [(3, 42, "summary_repeated")]),
    "another version": (",,,2/", ",,,1/", [(1, 39, "unsupported_version")]),
    "missing slash": ("4/", "4", [(6, 13, "missing_slash")]),
    "something after the slash": ("1,8/", "1,8/9", [(8, 15, "stray_slash")]),
    "one field too many": ("1,6/", "1,6,1/", [(7, 16, "extra_field")]),
    "unknown record": ("49,", "47,", [(6, 1, "unknown_record")]),
    "reference longer than any we keep": ("PAYOUT-0001", "P" * 121, [(4, 1, "reference_too_long")]),
    "account longer than any we keep": ("4470001", "4" * 41, [(3, 1, "identifier_too_long")]),
    "NUL in a text": ("SANDBOX", "SAND\0BOX", [(4, 47, "control_character")]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_change_is_reported_at_its_place(change: str) -> None:
    old, new, expected = CHANGES[change]
    assert BASE.count(old) == 1, "the change must touch one place"
    found = problems(BASE.replace(old, new))
    assert set(expected) <= set(found)
    assert bool(found) == bool(expected)


ORDERS = {
    "no file header": ([GROUP, ACCOUNT, PAYOUT, DRAW, TRAILER, GROUP_END, FILE_END], "unknown_format"),
    "no group header": ([HEADER, ACCOUNT, PAYOUT, DRAW, TRAILER, GROUP_END, FILE_END], "no_group"),
    "no account": ([HEADER, GROUP, PAYOUT, DRAW, TRAILER, GROUP_END, FILE_END], "no_account"),
    "no account trailer": ([HEADER, GROUP, ACCOUNT, PAYOUT, DRAW, GROUP_END, FILE_END], "account_not_closed"),
    "no group trailer": ([HEADER, GROUP, ACCOUNT, PAYOUT, DRAW, TRAILER, FILE_END], "group_not_closed"),
    "no file trailer": ([HEADER, GROUP, ACCOUNT, PAYOUT, DRAW, TRAILER, GROUP_END], "file_not_closed"),
    "two file headers": (
        [HEADER, HEADER, GROUP, ACCOUNT, PAYOUT, DRAW, TRAILER, GROUP_END, FILE_END],
        "second_file_header",
    ),
    "two files in one": ([BASE, BASE], "after_the_end"),
    "continuation of nothing": (["\n", "88,X/\n", BASE], "unknown_format"),
    "the same day twice": (
        [HEADER, GROUP, *([ACCOUNT, PAYOUT, DRAW, TRAILER] * 2), "98,3765400,2,10/\n", "99,3765400,1,12/\n"],
        "statement_repeated",
    ),
    "header only": ([HEADER], "file_not_closed"),
    "no accounts at all": ([HEADER, "99,0,0,2/\n"], "no_statements"),
}


@pytest.mark.parametrize("order", ORDERS)
def test_records_out_of_order_are_reported(order: str) -> None:
    lines, expected = ORDERS[order]
    assert expected in {code for _, _, code in problems("".join(lines))}


def test_availability_must_add_up_to_its_amount() -> None:
    split = BASE.replace("16,165,535900,0,", "16,165,535900,S,535000,800,99,")
    assert [code for _, _, code in problems(split)] == ["availability_differs"]


def test_a_distribution_longer_than_its_record_is_reported() -> None:
    split = BASE.replace("16,165,535900,0,", "16,165,535900,D,9,0,535900,")
    assert "bad_count" in {code for _, _, code in problems(split)}


def test_bytes_of_other_formats_are_named_unknown() -> None:
    for content in (b"", b" \n", b"\xff\xfe0\x001\x00", b"<Document/>", b"<html>", b"date,amount\n"):
        found = detect(content)
        assert isinstance(found, UnknownFormat)
        assert found.reason
        assert [problem.code for problem in parse(content).problems] == ["unknown_format"]


def test_a_file_of_rubbish_is_reported_without_filling_memory() -> None:
    parsed = parse(BASE.encode() + b"junk\n" * 5_000)
    assert len(parsed.problems) == Problems.LIMIT + 1
    assert parsed.problems[-1].code == "too_many_problems"
    assert "4000" in parsed.problems[-1].message
