"""Files read: nothing is guessed, every error has its place, what is proved is kept, and no row is lost."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.ach import reading, records
from payments.ach.reading import Event, What
from tests.support import ach_bank as bank
from tests.support.ach_bank import ODFI, RDFI

TRACE = ODFI + "0000001"


def problems(events: list[Event]) -> list[tuple[int, int, str]]:
    return [(found.line, found.column, found.code) for event in events for found in event.problems]


def entries(events: list[Event]) -> list[str]:
    """The codes of what was understood."""
    return [event.addenda[0].code for event in events if event.what is What.ENTRY]


def file(*rows: bank.Row, **more) -> bytes:
    return bank.file(rows or (bank.returned(TRACE, "R01", 10_050),), **more)


def lines_of(content: bytes) -> list[str]:
    return content.decode().splitlines()


def joined(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def test_a_return_is_read_with_its_batch():
    events = reading.read(file(bank.returned(TRACE, "R03", 10_050, information="NO SUCH ACCOUNT", died_on="")))
    assert [event.what.name for event in events] == [
        "FILE_OPENED", "BATCH_OPENED", "ENTRY", "BATCH_CLOSED", "FILE_CLOSED", *["FILLER"] * 4,
    ]  # fmt: skip
    assert problems(events) == []
    entry = events[2]
    assert (entry.line, entry.rows) == (3, 2)
    assert (entry.record.transaction_code, entry.record.amount_minor) == ("26", 10_050)
    assert entry.addenda == (records.Return("R03", TRACE, None, RDFI, "NO SUCH ACCOUNT", RDFI + "0000001"),)


def test_changes_refusals_dishonored_and_contested_returns_are_told_apart_by_their_codes():
    rows = (
        bank.changed(TRACE, "C01", "0099887"),
        bank.refused_change(TRACE, "C65", "0099887", "C01", sequence=2),
        bank.dishonored(TRACE, "R68", 10_050, "R01", sequence=3),
        bank.contested(TRACE, "R73", 10_050, "R01", sequence=4),
    )
    events = reading.read(file(*rows, sec="COR"))
    assert problems(events) == []
    found = [event.addenda[0] for event in events if event.what is What.ENTRY]
    assert [type(one) for one in found] == [
        records.Change, records.RefusedChange, records.Dishonored, records.Contested,
    ]  # fmt: skip
    assert found[1].change_code == "C01"
    assert (found[2].return_code, found[2].return_settlement_day) == ("01", "330")
    assert (found[3].dishonored_code, found[3].returned_on) == ("68", dt.date(2026, 11, 25))


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", ""])
def test_line_ends_do_not_matter_not_even_their_absence(newline):
    events = reading.read(file(newline=newline))
    assert problems(events) == []
    assert entries(events) == ["R01"]
    assert sum(event.rows for event in events) == 10


@pytest.mark.parametrize("size", [1, 7, 93, 94, 95, 4096])
@pytest.mark.parametrize("newline", ["\r\n", ""])
def test_how_the_bytes_come_does_not_matter(size, newline):
    content = file(*(bank.returned(TRACE, "R01", n, sequence=n) for n in range(1, 40)), newline=newline)
    pieces = [content[begin : begin + size] for begin in range(0, len(content), size)]
    assert list(reading.events(pieces)) == reading.read(content)


def test_a_byte_order_mark_and_the_old_end_of_file_sign_are_no_content():
    assert problems(reading.read(b"\xef\xbb\xbf" + file() + b"\x1a")) == []
    assert problems(reading.read(file() + b"\n\n")) == []


def test_a_file_control_whose_reserved_columns_were_trimmed_is_whole():
    lines = lines_of(file(filled=False))
    lines[-1] = lines[-1].rstrip()
    assert problems(reading.read(joined(lines))) == [(6, 1, "not_blocked")]


BREAKS = {
    "a short row": (3, lambda row: row[:90], [(3, 91, "too_short"), (4, 1, "addenda_without_entry"),
                                              (5, 11, "not_proved"), (6, 22, "not_proved")]),
    "a long row": (3, lambda row: row + "X", [(3, 95, "too_long"), (4, 1, "addenda_without_entry"),
                                              (5, 11, "not_proved"), (6, 22, "not_proved")]),
    "an amount that is none": (3, lambda row: row[:29] + "00000X0050" + row[39:], [
        (3, 30, "bad_amount_minor"), (5, 11, "not_proved"), (6, 22, "not_proved")]),
    "another amount": (3, lambda row: row[:29] + "0000010051" + row[39:], [
        (5, 21, "wrong_total"), (6, 32, "wrong_total")]),
    "a wrong check digit": (3, lambda row: row[:11] + "0" + row[12:], [(3, 4, "bad_routing_number")]),
    "another bank": (3, lambda row: row[:3] + "121000358" + row[12:], [
        (5, 11, "wrong_hash"), (6, 22, "wrong_hash")]),
    "an unknown return code": (4, lambda row: row[:3] + "R99" + row[6:], [(4, 4, "unknown_return_code")]),
    "an unknown addenda type": (4, lambda row: row[:1] + "02" + row[3:], [(4, 2, "unknown_addenda")]),
    "an unknown transaction code": (3, lambda row: row[:1] + "20" + row[3:], [
        (3, 2, "bad_transaction_code"), (5, 11, "not_proved"), (6, 22, "not_proved")]),
    "an unknown record": (3, lambda row: "4" + row[1:], [
        (3, 1, "unknown_record"), (4, 1, "addenda_without_entry"),
        (5, 5, "wrong_count"), (5, 11, "wrong_hash"), (5, 21, "wrong_total"),
        (6, 14, "wrong_count"), (6, 22, "wrong_hash"), (6, 32, "wrong_total")]),
    "a byte outside ASCII": (3, lambda row: row[:60] + "\xe9" + row[61:], [
        (3, 55, "bad_receiver_name"), (5, 11, "not_proved"), (6, 22, "not_proved")]),
    "a control character": (3, lambda row: row[:60] + "\t" + row[61:], [(3, 55, "bad_receiver_name")]),
    "no addenda announced": (3, lambda row: row[:78] + "0" + row[79:], [(4, 1, "addenda_without_entry")]),
    "two addenda announced": (3, lambda row: row[:78] + "2" + row[79:], [
        (3, 79, "bad_has_addenda"), (4, 1, "addenda_without_entry")]),
    "a batch of another class": (2, lambda row: row[:50] + "IAT" + row[53:], [
        (2, 51, "unknown_class"), (2, 51, "unknown_class")]),
    "a service class that is none": (2, lambda row: "5999" + row[4:], [
        (2, 2, "bad_service_class"), (2, 2, "bad_service_class")]),
    "another batch number": (5, lambda row: row[:87] + "0000002", [(5, 88, "wrong_batch_number")]),
    "another company": (5, lambda row: row[:44] + "9999999999" + row[54:], [(5, 45, "wrong_company_id")]),
    "a count that is none": (5, lambda row: row[:4] + "00000A" + row[10:], [(5, 5, "bad_entry_count")]),
    "another block count": (6, lambda row: row[:7] + "000009" + row[13:], [(6, 8, "wrong_count")]),
    "another batch count": (6, lambda row: row[:1] + "000003" + row[7:], [(6, 2, "wrong_count")]),
    "a header that is none": (1, lambda row: row[:23] + "261399" + row[29:], [(1, 24, "bad_created_on")]),
}  # fmt: skip


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_broken_is_reported_with_line_and_column(what):
    line, change, expected = BREAKS[what]
    lines = lines_of(file())
    lines[line - 1] = change(lines[line - 1])
    content = ("\n".join(lines) + "\n").encode("latin-1")
    events = reading.read(content)
    assert problems(events) == expected
    assert sum(event.rows for event in events) == 10


def test_a_row_that_is_missing_shows_in_count_hash_and_totals():
    lines = lines_of(file(bank.returned(TRACE, "R01", 10_050), bank.returned(TRACE, "R02", 1, sequence=2)))
    del lines[4:6]
    assert [code for _, _, code in problems(reading.read(joined(lines)))] == [
        "wrong_count", "wrong_hash", "wrong_total", "wrong_count", "wrong_hash", "wrong_total", "not_blocked",
    ]  # fmt: skip


def test_an_announced_addenda_that_does_not_come_is_missed():
    lines = lines_of(file())
    del lines[3]
    found = problems(reading.read(joined(lines)))
    assert found[0] == (3, 79, "addenda_missing")
    assert (4, 5, "wrong_count") in found


def test_a_damaged_batch_leaves_the_others_proved():
    content = bank.file([bank.returned(TRACE, "R01", 10_050)], [bank.returned(TRACE, "R02", 700)])
    lines = lines_of(content)
    lines[2] = lines[2][:29] + "0000010051" + lines[2][39:]
    events = reading.read(joined(lines))
    closed = [event for event in events if event.what is What.BATCH_CLOSED]
    assert [[found.code for found in event.problems] for event in closed] == [["wrong_total"], []]
    assert entries(events) == ["R01", "R02"]


def test_an_unknown_code_leaves_its_batch_proved():
    lines = lines_of(file(bank.returned(TRACE, "R99", 10_050), bank.returned(TRACE, "R02", 700, sequence=2)))
    events = reading.read(joined(lines))
    assert problems(events) == [(4, 4, "unknown_return_code")]
    refused = next(event for event in events if event.what is What.REFUSED)
    assert refused.rows == 2
    assert refused.raw == "\n".join(lines[2:4])
    assert refused.record.amount_minor == 10_050


def test_a_truncated_file_keeps_the_batches_that_were_closed():
    content = bank.file([bank.returned(TRACE, "R01", 10_050)], [bank.returned(TRACE, "R02", 700)])
    lines = lines_of(content)[:7]  # up to the entry of the second batch, without its addenda
    events = reading.read(joined(lines))
    assert problems(events) == [(7, 79, "addenda_missing"), (7, 1, "batch_not_closed"), (7, 1, "file_not_closed")]
    closed = [event for event in events if event.what is What.BATCH_CLOSED]
    assert [(event.rows, bool(event.problems)) for event in closed] == [(1, False), (0, True)]


def test_a_file_cut_within_a_row_says_so():
    events = reading.read(file()[: 95 * 3 + 40])
    assert problems(events) == [(4, 41, "too_short"), (4, 1, "batch_not_closed"), (4, 1, "file_not_closed")]
    assert entries(events) == []


def test_two_files_in_one_are_two_files():
    events = reading.read(file() + file())
    assert problems(events) == []
    assert entries(events) == ["R01", "R01"]


def test_a_second_file_that_begins_before_the_first_ended_is_noted():
    lines = lines_of(file())
    assert problems(reading.read(joined(lines[:5] + lines)))[0] == (6, 1, "file_not_closed")


def test_records_where_they_do_not_belong_are_refused():
    header, batch, entry, addenda, control, end = lines_of(file(filled=False))
    assert problems(reading.read(joined([entry])))[0] == (1, 1, "outside_batch")
    assert problems(reading.read(joined([addenda])))[0] == (1, 1, "addenda_without_entry")
    assert problems(reading.read(joined([control])))[0] == (1, 1, "control_without_batch")
    assert problems(reading.read(joined([end])))[0] == (1, 1, "control_without_file")
    assert problems(reading.read(joined([batch, entry, addenda, control, end])))[0] == (1, 1, "no_file_header")
    assert problems(reading.read(joined([header, batch, entry, addenda, batch])))[0] == (5, 1, "batch_not_closed")
    assert problems(reading.read(joined([header, "9" * 94])))[0] == (2, 1, "filler_too_early")
    assert problems(reading.read(joined([header, "", batch])))[0] == (2, 1, "blank_line")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"PK\x03\x04 no ACH at all", "{}".encode("utf-16"), b"\x00" * 3000])
def test_what_is_no_ach_file_is_all_problems(content):
    events = reading.read(content)
    assert problems(events)
    assert not [event for event in events if event.what in (What.ENTRY, What.BATCH_CLOSED, What.FILE_CLOSED)]


@given(st.binary(max_size=3000))
def test_nothing_makes_the_reader_fail(content):
    for event in reading.read(content):
        assert event.rows >= 0


GOOD = lines_of(bank.file(
    [bank.returned(TRACE, "R01", 10_050), bank.returned(TRACE, "R10", 7, sequence=2)], [bank.returned(TRACE, "R02", 5)]
))  # fmt: skip


@given(data=st.data())
def test_every_row_ends_as_understood_or_refused_whatever_is_done_to_the_file(data):
    lines = list(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["drop", "double", "swap", "cut", "change"]))
        if what == "drop" and len(lines) > 1:
            del lines[place]
        elif what == "double":
            lines.insert(place, lines[place])
        elif what == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[place], lines[other] = lines[other], lines[place]
        elif what == "cut":
            lines[place] = lines[place][: data.draw(st.integers(1, 93))]
        else:
            column = data.draw(st.integers(0, max(0, len(lines[place]) - 1)))
            lines[place] = lines[place][:column] + data.draw(st.sampled_from("09AZ #")) + lines[place][column + 1 :]
    events = reading.read(joined(lines))
    assert sum(event.rows for event in events) == len(lines)
    starts = [event.line for event in events if event.rows]
    assert starts == sorted(set(starts))
    assert all(event.problems for event in events if event.what is What.REFUSED)
