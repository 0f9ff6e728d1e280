"""Others' CSV files: read by the map, every problem with its place, never taken when the rows miss the total."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.source_files import SourceColumns, SourceRow, check, read, read_map
from reconciliation.statements.csv_maps import BadMap
from tests.support.spoiling import mutants

KNOWN = ("premium", "carrier_fee")
SPEC: dict[str, Any] = {
    "policy": "Policy",
    "amount": "Net",
    "item": "Type",
    "reference": "Ref",
    "date": "Paid",
    "items": {"PREM": "premium", "FEE": "carrier_fee"},
}
FILE = (
    "Policy,Type,Net,Ref,Paid\n"
    'P-1,PREM,"4,250.00",RA-7,2026-02-02\n'
    "P-1,FEE,125.00,RA-7,2026-02-02\n"
    "P-2,premium,(50.00),RA-8,\n"
)
TOTAL = 425_000 + 12_500 - 5_000


def _map(**changes: Any) -> SourceColumns:
    return read_map({**SPEC, **changes}, KNOWN)


def _codes(content: str, **changes: Any) -> list[tuple[int, int, str]]:
    found = read(content.encode(), _map(**changes), "USD", KNOWN)
    return [(problem.line, problem.column, problem.code) for problem in found.problems]


def test_rows_are_read_by_the_map_with_the_others_words_translated() -> None:
    found = read(FILE.encode(), _map(), "USD", KNOWN)
    assert found.problems == ()
    assert found.total_minor == TOTAL
    assert found.rows == (
        SourceRow(2, "P-1", 425_000, "premium", "RA-7", dt.date(2026, 2, 2)),
        SourceRow(3, "P-1", 12_500, "carrier_fee", "RA-7", dt.date(2026, 2, 2)),
        SourceRow(4, "P-2", -5_000, "premium", "RA-8", None),
    )


def test_a_sender_that_writes_what_it_received_as_negative_is_turned() -> None:
    found = read(FILE.encode(), _map(amount_is_negative=True), "USD", KNOWN)
    assert found.total_minor == -TOTAL


CHANGES = {
    "a word nobody explained": ("PREM", "MISC", [(2, 2, "unknown_item")]),
    "no policy": ("P-2,", ",", [(4, 1, "no_policy")]),
    "no amount": ("125.00", "", [(3, 3, "bad_amount")]),
    "a fraction of a cent": ("125.00", "125.001", [(3, 3, "bad_amount")]),
    "an impossible date": ("RA-7,2026-02-02\nP-2", "RA-7,2026-02-30\nP-2", [(3, 5, "bad_date")]),
    "a row too short": ("P-2,premium,", "P-2,", [(4, 1, "row_width")]),
    "another heading": ("Net", "Gross", [(1, 1, "no_column")]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_change_is_reported_at_its_place(change: str) -> None:
    old, new, expected = CHANGES[change]
    assert FILE.count(old) == 1
    assert _codes(FILE.replace(old, new)) == expected


def test_a_file_without_rows_is_a_problem() -> None:
    assert _codes(FILE.splitlines()[0] + "\n") == [(1, 1, "no_rows")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"policy": None}, "policy"),
        ({"amount": 0}, "amount"),
        ({"items": {"PREM": "prem"}}, "items"),
        ({"amount_is_negative": 1}, "amount_is_negative"),
        ({"decimal": ";"}, "decimal"),
        ({"balance": "B"}, "spec"),
    ],
)
def test_a_map_no_file_can_be_read_by_is_refused_at_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(BadMap) as refused:
        _map(**change)
    assert refused.value.field == field


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(content: bytes) -> None:
    found = read(content, _map(), "USD", KNOWN)
    assert found.problems or found.rows


def test_a_spoiled_file_is_reported_misses_its_total_or_says_the_same_amounts() -> None:
    truth = sorted(row.amount_minor for row in read(FILE.encode(), _map(), "USD", KNOWN).rows)
    refused = 0
    for mutant in mutants(FILE.encode(), 1_500, 20261125):
        found = read(mutant, _map(), "USD", KNOWN)
        problems = found.problems or check(found.rows, TOTAL, "USD")
        refused += bool(problems)
        assert problems or sorted(row.amount_minor for row in found.rows) == truth, mutant.decode(errors="replace")
    assert refused > 300
