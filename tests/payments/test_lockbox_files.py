"""A lockbox file is read to the cent, or refused whole with the place of everything that is wrong."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.lockbox_files import BoxDeposit, Check, ColumnMap, Stub, read_bai, read_csv
from tests.support import lockbox_writer
from tests.support.lockbox_writer import Paper

DAY = dt.date(2026, 2, 2)
TWO = (
    Paper(60_000, "1001", "ALOHA FOODS", (("P-1", 40_000), ("P-2-001", 20_000))),
    Paper(5_025, "77", "HILO TRADING"),
)
COLUMNS = ColumnMap("Amount", "Policy", "Check No", "Name")


def places(content: bytes) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.code) for problem in read_bai(content).problems]


def changed(line: int, column: int, text: str, content: bytes | None = None) -> bytes:
    """The file with some characters of one line written over."""
    lines = (content or lockbox_writer.file(*TWO)).decode().split("\r\n")
    lines[line - 1] = lines[line - 1][: column - 1] + text + lines[line - 1][column - 1 + len(text) :]
    return "\r\n".join(lines).encode()


def test_a_file_that_ties_is_read_check_by_check_and_stub_by_stub() -> None:
    file = read_bai(lockbox_writer.file(*TWO))
    assert file.problems == ()
    assert file.deposits == (
        BoxDeposit("0012345", DAY, (
            Check(4, 60_000, "1001", "ALOHA FOODS", (Stub("P-1", 40_000), Stub("P-2-001", 20_000))),
            Check(7, 5_025, "77", "HILO TRADING", ()),
        )),
    )  # fmt: skip
    assert file.deposits[0].amount_minor == 65_025


def test_lockboxes_and_batches_are_told_apart() -> None:
    content = lockbox_writer.text([("0012345", "260202", [TWO, TWO[:1]]), ("0099999", "260203", [TWO[1:]])])
    file = read_bai(content)
    assert file.problems == ()
    assert [(box.lockbox, box.amount_minor) for box in file.deposits] == [("0012345", 125_025), ("0099999", 5_025)]


@pytest.mark.parametrize(
    ("line", "column", "text", "found"),
    [
        (4, 8, "0000060001", {(4, 8, "stubs_do_not_tie"), (8, 24, "does_not_tie"), (9, 25, "does_not_tie")}),
        (5, 32, "0000040001", {(4, 8, "stubs_do_not_tie")}),
        (5, 5, "009", {(5, 2, "other_check")}),
        (8, 21, "003", {(8, 21, "count_differs")}),
        (8, 24, "0000065026", {(8, 24, "does_not_tie")}),
        (9, 21, "0001", {(9, 21, "count_differs")}),
        (9, 8, "0012346", {(9, 8, "other_lockbox")}),
        (10, 2, "000011", {(10, 2, "count_differs")}),
        (3, 15, "261399", {(3, 15, "bad_date")}),
        (4, 8, "000006000x", {(4, 8, "bad_number"), (4, 8, "no_amount"), (4, 8, "stubs_do_not_tie"),
                              (8, 24, "does_not_tie"), (9, 25, "does_not_tie")}),
        (7, 1, "X", {(7, 1, "unknown_record"), (8, 21, "count_differs"), (8, 24, "does_not_tie"),
                     (9, 21, "count_differs"), (9, 25, "does_not_tie")}),
        (3, 1, "9", {(3, 1, "out_of_order"), (3, 2, "count_differs"), (4, 1, "out_of_order")}),
    ],
)  # fmt: skip
def test_every_departure_is_told_with_its_place(line: int, column: int, text: str, found: set[object]) -> None:
    assert found <= set(places(changed(line, column, text)))


def test_a_file_that_is_cut_off_or_no_file_is_refused() -> None:
    content = lockbox_writer.file(*TWO)
    for cut in (b"", b"\n\n", content[: len(content) // 2], content[:-107], b"\xff\xfe", b"PK\x03\x04", b"1"):
        assert read_bai(cut).problems, cut
    assert (4, 8, "bad_number") in places("\r\n".join([*content.decode().split("\r\n")[:3], "60010010000"]).encode())


def test_a_csv_with_a_column_map_is_read_and_rows_of_one_check_are_its_stubs() -> None:
    content = b'Check No,Name,Policy,Amount\n1001,Aloha,P-1,400.00\n1001,Aloha,P-2,200\n,Hilo,P-3,"1,234.56"\n\n'
    (box,) = read_csv(content, COLUMNS, received_on=DAY, lockbox="L1").deposits
    assert box == BoxDeposit("L1", DAY, (
        Check(2, 60_000, "1001", "Aloha", (Stub("P-1", 40_000), Stub("P-2", 20_000))),
        Check(4, 123_456, "", "Hilo", (Stub("P-3", 123_456),)),
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"Policy\nP-1\n", (1, 1, "no_column")),
        (b"Check No,Name,Policy,Amount\n1,A,P-1,12.3\n", (2, 4, "bad_number")),
        (b"Check No,Name,Policy,Amount\n1,A,P-1,-5.00\n", (2, 4, "bad_number")),
        (b"Check No,Name,Policy,Amount\n1,A,P-1,0.00\n", (2, 4, "bad_number")),
        (b"Check No,Name,Policy,Amount\n1,A\n", (2, 4, "bad_number")),
        (b"Check No,Name,Policy,Amount\n1,A,P-1," + b"9" * 5000 + b"\n", (2, 4, "bad_number")),
        (b"Check No,Name,Policy,Amount\n", (1, 1, "no_checks")),
        (b'Check No,Name,Policy,Amount\n"1,A,P-1,1.00\n', (3, 1, "not_csv")),
        (b"Check No,Name,Policy,Amount\n\xff,A,P-1,1.00\n", (2, 1, "not_text")),
        (b"", (1, 1, "no_column")),
        (b"Check No,Name,Policy,Amount\n1,A 4242424242424242,P-1,1.00\n", (2, 1, "card_number")),
    ],
)
def test_a_csv_that_cannot_be_read_says_where(content: bytes, place: tuple[int, int, str]) -> None:
    file = read_csv(content, COLUMNS, received_on=DAY)
    assert place in [(problem.line, problem.column, problem.code) for problem in file.problems]


checks = st.builds(
    Paper,
    cents=st.integers(1, 9_999_999),
    number=st.integers(1, 10**10 - 1).map(str),
    payor=st.text("ABCXYZ", max_size=30),
)


@given(st.lists(st.lists(checks, min_size=1, max_size=5), min_size=1, max_size=4))
def test_what_is_written_is_read_back_to_the_cent(batches: list[list[Paper]]) -> None:
    file = read_bai(lockbox_writer.text([("0012345", "260202", batches)]))
    assert file.problems == ()
    read = [(check.amount_minor, check.number, check.payor) for check in file.deposits[0].checks]
    assert read == [(check.cents, check.number, check.payor) for batch in batches for check in batch]


@given(st.binary(max_size=400))
def test_no_content_makes_the_readers_raise(content: bytes) -> None:
    for file in (read_bai(content), read_csv(content, COLUMNS, received_on=DAY)):
        assert file.problems or file.deposits
