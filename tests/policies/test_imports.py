"""Policies from CSV: all of the file or none of it, every problem by row and column, the same file once."""

from __future__ import annotations

import io
from typing import Any

import pytest

from billing.models import Schedule
from compliance.models import AuditEntry, EventRecord
from coverpay.kernel.errors import Forbidden
from policies import imports
from policies.models import Party, Policy, PolicyImport
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db
CELL = "unreadable_cell"
HEADER = "policy_number,program,insured_reference,insured_name,state,effective_on,expires_on,premium,plan,bind"
GOOD = "P-1,hi,INS-1,Aloha Foods,HI,2026-01-31,2027-01-31,10000.00,halves,yes"
NEXT = "P-2,hi,INS-2,Mauka Tools,HI,2026-01-31,2027-01-31,5000.00,full,no"


def bring(
    house: House, *lines: str | bytes, header: str = HEADER, end: bytes = b"\n", bom: bool = False
) -> PolicyImport:
    rows = [line if isinstance(line, bytes) else line.encode() for line in (header, *lines)]
    content = (b"\xef\xbb\xbf" if bom else b"") + end.join(rows) + end
    return imports.import_policies(file=io.BytesIO(content), file_name="book.csv", actor=house.me)


def found(done: PolicyImport) -> list[tuple[int, str, str]]:
    return [(problem["row"], problem["column"], problem["code"]) for problem in done.problems]


def changed(line: str, **cells: str) -> str:
    """The line with cells of the header's columns changed; commas are quoted."""
    values = dict(zip(HEADER.split(","), line.split(","), strict=True)) | cells
    return ",".join(f'"{value}"' if "," in value else value for value in values.values())


def test_a_good_file_is_quoted_and_bound_as_each_row_says(house: House) -> None:
    done = bring(house, GOOD, NEXT)
    assert (done.state, done.row_count, done.policy_count, done.problem_count) == ("imported", 2, 2, 0)
    assert dict(Policy.objects.values_list("number", "state")) == {"P-1": "bound", "P-2": "quoted"}
    assert Schedule.objects.count() == 1
    assert AuditEntry.objects.get(action="policy_import.create").after["sha256"] == done.content_sha256


def test_the_same_file_again_changes_nothing(house: House) -> None:
    first = bring(house, GOOD, NEXT)
    rows = (AuditEntry.objects.count(), EventRecord.objects.count())
    assert bring(house, GOOD, NEXT).id == first.id
    assert (AuditEntry.objects.count(), EventRecord.objects.count()) == rows
    assert PolicyImport.objects.count() == 1


def test_another_organization_may_bring_the_same_file(house: House) -> None:
    other = books.open_house()
    assert bring(house, GOOD).id != bring(other, GOOD).id
    assert Policy.objects.filter(number="P-1").count() == 2


@pytest.mark.parametrize("form", [{"bom": True}, {"end": b"\r\n"}, {"bom": True, "end": b"\r\n"}])
def test_a_mark_at_the_start_and_windows_line_ends_are_fine(house: House, form: dict[str, Any]) -> None:
    assert bring(house, GOOD, NEXT, **form).policy_count == 2


def test_quoted_cells_keep_commas_and_quotes_and_blank_lines_are_passed_over(house: House) -> None:
    done = bring(house, "", changed(GOOD, insured_name='Foods, Inc. ""Aloha""', premium="10,000.00"), ",,,,,,,,,", NEXT)
    assert (done.state, done.row_count) == ("imported", 2)
    assert Party.objects.get(reference="INS-1").name == 'Foods, Inc. "Aloha"'


def test_the_file_may_end_without_a_line_end_and_hold_no_row(house: House) -> None:
    content = io.BytesIO(f"{HEADER}\n{GOOD}".encode())
    assert imports.import_policies(file=content, file_name="a.csv", actor=house.me).policy_count == 1
    assert bring(house).policy_count == 0


@pytest.mark.parametrize(
    ("cells", "problems"),
    [
        ({"premium": "ten", "effective_on": "31.1.2026"}, [("effective_on", CELL), ("premium", "bad_amount")]),
        ({"effective_on": "20260131"}, [("effective_on", CELL)]),
        ({"effective_on": "2026-W05-6"}, [("effective_on", CELL)]),
        ({"effective_on": "2026-02-30"}, [("effective_on", CELL)]),
        ({"premium": "10,50"}, [("premium", "bad_amount")]),
        ({"premium": "0"}, [("premium", "invalid")]),
        ({"bind": "maybe"}, [("bind", CELL)]),
        ({"policy_number": " ", "plan": ""}, [("policy_number", "empty_cell"), ("plan", "empty_cell")]),
        ({"policy_number": "x" * 51}, [("policy_number", "bad_text")]),
        ({"insured_name": "a\x00b"}, [("insured_name", "bad_text")]),
        ({"insured_reference": "x" * 81}, [("insured_reference", "bad_text")]),
        ({"program": "nope"}, [("program", "not_found")]),
        ({"state": "TX", "premium": "-5"}, [("premium", "invalid"), ("state", "state_not_in_program")]),
        ({"expires_on": "2026-01-31"}, [("expires_on", "invalid")]),
        ({"plan": "nope"}, [("plan", "not_found")]),
    ],
)  # fmt: skip
def test_every_problem_of_a_row_is_named_by_row_and_column(
    house: House, cells: dict[str, str], problems: list[tuple[str, str]]
) -> None:
    done = bring(house, NEXT, changed(GOOD, **cells))
    assert found(done) == [(3, column, code) for column, code in problems]
    assert (done.state, done.policy_count, done.row_count) == ("refused", 0, 2)
    assert not (Policy.objects.exists() or Party.objects.exists())


def test_all_rows_with_problems_are_listed_at_once_and_nothing_is_half_imported(house: House) -> None:
    done = bring(
        house,
        GOOD,
        "P-3,hi,INS-3",
        NEXT,
        changed(GOOD, policy_number="P-4", state="TX"),
        changed(NEXT, premium="x"),
        GOOD,
    )
    assert found(done) == [
        (3, "", "wrong_width"),
        (5, "state", "state_not_in_program"),
        (6, "premium", "bad_amount"),
        (7, "policy_number", "policy_number_taken"),
    ]
    assert not (Policy.objects.exists() or EventRecord.objects.exists() or Schedule.objects.exists())


def test_a_refused_file_imports_after_mending_and_the_refusal_is_kept(house: House) -> None:
    assert bring(house, GOOD, changed(NEXT, state="TX")).state == "refused"
    assert bring(house, GOOD, changed(NEXT, state="TX")).state == "refused"
    assert bring(house, GOOD, NEXT).state == "imported"
    assert PolicyImport.objects.filter(state="refused").count() == 2


def test_a_file_refused_for_what_was_missing_here_imports_once_it_is_there(house: House) -> None:
    header, line = f"{HEADER},agency_code", f"{GOOD},lighthouse-x"
    assert found(bring(house, line, header=header)) == [(2, "agency_code", "not_found")]
    world.organization("agency", code="lighthouse-x")
    assert bring(house, line, header=header).state == "imported"


@pytest.mark.parametrize(
    ("header", "problems"),
    [
        ("", [(1, column, "missing_column") for column in imports.REQUIRED]),
        (HEADER.replace("premium", "prämie"), [(1, "premium", "missing_column"), (1, "prämie", "unknown_column")]),
        (f"{HEADER},plan", [(1, "plan", "double_column")]),
        (f"{HEADER},x\x00y", [(1, "x�y", "unknown_column")]),
    ],
)
def test_a_header_that_is_not_ours_is_refused_by_column(
    house: House, header: str, problems: list[tuple[int, str, str]]
) -> None:
    assert found(bring(house, GOOD, header=header)) == problems


def test_what_is_not_utf8_or_not_csv_is_named_by_row_and_the_rest_is_read_on(house: House) -> None:
    done = bring(
        house, GOOD, changed(NEXT, insured_name="Caf#").encode().replace(b"#", b"\xe9"), 'a"b,"c"d', NEXT + ",x"
    )
    assert found(done) == [(3, "", "not_utf8"), (4, "", "not_csv"), (5, "", "wrong_width")]


def test_an_open_quote_to_the_end_of_the_file_is_a_problem_and_no_crash(house: House) -> None:
    done = bring(house, GOOD, '"P-2,hi')
    assert found(done) == [(3, "", "not_csv")]


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 3000, HEADER.encode("utf-16"), b"PK\x03\x04\xff\xfe" * 99, b"," * 9999]
)
def test_a_file_of_another_kind_is_refused_with_reasons(house: House, content: bytes) -> None:
    done = imports.import_policies(file=io.BytesIO(content), file_name="b\x00ok\n.xlsx", actor=house.me)
    assert done.state == "refused"
    assert done.problem_count > 0
    assert done.file_name == "b�ok�.xlsx"


def test_problems_are_counted_all_and_kept_up_to_a_thousand(house: House) -> None:
    done = bring(house, *["x"] * 1200)
    assert (done.problem_count, len(done.problems)) == (1200, imports.KEPT_PROBLEMS)


def test_a_viewer_cannot_import(house: House) -> None:
    with pytest.raises(Forbidden):
        imports.import_policies(file=io.BytesIO(b""), file_name="a.csv", actor=world.actor(house.operator, "viewer"))
