"""Files written: lengths, hashes, totals, blocks, and what is refused; held against a plain reading of columns."""

from __future__ import annotations

import datetime as dt
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.ach import reading, writing
from payments.ach.layouts import FieldRefused
from payments.ach.reading import What
from payments.ach.writing import Batch, FileFull, Item, Sender, Writer, WrongDirection
from tests.support.ach_bank import routing

SENDER = Sender("121000358", "1234567890", "FIRST BANK", "COVERPAY", "12100035")
AT = dt.datetime(2026, 11, 24, 15, 30, tzinfo=dt.UTC)
DEBITS = Batch("COVERPAY", "1234567890", "PPD", "PREMIUM", dt.date(2026, 11, 25))
CREDITS = Batch("COVERPAY", "1234567890", "CCD", "REFUND", dt.date(2026, 11, 25), service_class="220")
MIXED = Batch("COVERPAY", "1234567890", "PPD", "PREMIUM", dt.date(2026, 11, 25), service_class="200")


def written(*batches: tuple[Batch, list[Item]], first_sequence: int = 1) -> tuple[str, writing.Totals]:
    out: list[str] = []
    writer = Writer(out.append, SENDER, created_at=AT, modifier="A", first_sequence=first_sequence)
    for batch, items in batches:
        writer.batch(batch, items)
    totals = writer.close()
    return "".join(out), totals


def debit(amount: int = 10_050, bank: str = "09100001", text: str = "", account: str = "1234567") -> Item:
    return Item("27", routing(bank), account, amount, "INS-1", "Aloha Foods", "", text)


def credit(amount: int = 500) -> Item:
    return Item("22", routing("02100008"), "7654321", amount, "INS-2", "Jane Public")


def test_a_file_of_two_batches_adds_up_by_hand():
    text, _ = written((DEBITS, [debit(), debit(995, text="INVOICE 7")]), (CREDITS, [credit()]))
    lines = text.splitlines()
    assert len(lines) == 10
    assert {len(line) for line in lines} == {94}
    assert lines[0].startswith("101 12100035812345678902611241530A094101FIRST BANK")
    assert lines[1][:4] + lines[1][50:63] + lines[1][69:75] == "5225PPDPREMIUM   261125"
    assert lines[4] == "705" + "INVOICE 7".ljust(80) + "0001" + "0000002"
    # two entries and one addenda; 2 x 9100001; 100.50 + 9.95
    assert lines[5] == "8225000003" + "0018200002" + "000000011045" + "000000000000" + "1234567890" + " " * 25 + (
        "12100035" + "0000001"
    )
    # 2 batches, 1 block, 4 records; 18200002 + 2100008
    assert lines[9] == "9000002000001" + "00000004" + "0020300010" + "000000011045" + "000000000500" + " " * 39


def test_trace_numbers_rise_from_where_the_last_file_ended():
    out: list[str] = []
    writer = Writer(out.append, SENDER, created_at=AT, modifier="B", first_sequence=41)
    assert writer.batch(DEBITS, [debit(), debit()]) == range(41, 43)
    assert writer.batch(CREDITS, [credit()]) == range(43, 44)
    writer.close()
    entries = [event.record.trace_number for event in reading.read("".join(out).encode()) if event.what is What.ENTRY]
    assert entries == ["121000350000041", "121000350000042", "121000350000043"]


def test_a_batch_without_entries_is_not_written():
    text, totals = written((DEBITS, []), (CREDITS, [credit()]))
    assert totals.batches == 1
    assert "PREMIUM" not in text


def test_a_batch_takes_only_its_own_direction_and_a_mixed_one_both():
    with pytest.raises(WrongDirection):
        written((DEBITS, [credit()]))
    with pytest.raises(WrongDirection):
        written((CREDITS, [debit()]))
    _, totals = written((MIXED, [debit(100), credit(7)]))
    assert (totals.debit_minor, totals.credit_minor) == (100, 7)


def test_what_does_not_fit_is_refused_and_never_cut():
    with pytest.raises(FieldRefused, match=r"account_number \(columns 13-29\)"):
        written((DEBITS, [debit(account="1" * 18)]))
    with pytest.raises(FieldRefused, match=r"text \(columns 4-83\) holds 80"):
        written((DEBITS, [debit(text="x" * 81)]))
    with pytest.raises(FieldRefused, match=r"batch header: company_name \(columns 5-20\) holds 16"):
        written((Batch("C" * 17, "1", "PPD", "PREMIUM", dt.date(2026, 1, 2)), [debit()]))


def test_a_batch_whose_sum_its_control_cannot_say_goes_on_in_another():
    most = 9_999_999_999
    text, totals = written((DEBITS, [debit(most) for _ in range(99)]))
    assert totals.batches == 1
    with pytest.raises(FileFull):
        written((DEBITS, [debit(most) for _ in range(101)]))  # two batches, but one file control
    assert sum(line[0] == "8" for line in text.splitlines()) == 1


def test_trace_numbers_that_are_used_up_are_refused():
    with pytest.raises(FileFull):
        written((DEBITS, [debit(), debit()]), first_sequence=9_999_999)


ITEMS = st.builds(
    Item,
    st.sampled_from(["22", "27", "32", "37", "23", "28"]),
    st.integers(1, 99_999_999).map(lambda bank: routing(f"{bank:08}")),
    st.text("0123456789", min_size=1, max_size=17),
    st.integers(0, 10**8),
    st.text("AZ09-", max_size=15),
    st.text("Jane Pub'&-/", max_size=22).map(str.strip),
    st.sampled_from(["", "R", "S"]),
    st.sampled_from(["", "", "INVOICE 7"]),
)


@given(st.lists(st.lists(ITEMS, max_size=13), max_size=4))
def test_every_file_is_whole_blocks_of_94_columns_and_reads_back_proved(batches):
    text, totals = written(*((MIXED, items) for items in batches))
    lines = text.splitlines()
    assert len(lines) % 10 == 0
    assert {len(line) for line in lines} == {94}
    events = reading.read(text.encode())
    assert [event.problems for event in events if event.problems] == []
    read = [
        Item(e.transaction_code, e.routing_number, e.account_number, e.amount_minor, e.receiver_id, e.receiver_name,
             e.discretionary, event.addenda[0].text if event.addenda else "")
        for event in events if event.what is What.ENTRY for e in [event.record]
    ]  # fmt: skip
    assert read == [item for items in batches for item in items]
    assert totals.entries == sum(1 + bool(item.text) for items in batches for item in items)
    hashed = sum(int(line[3:11]) for line in lines if line[0] == "6")
    assert lines[-1] == "9" * 94 or int(lines[-1][21:31]) == hashed % 10**10


def streamed(count: int) -> tuple[int, int]:
    """Write and read `count` entries at once, the file never whole. Gives: entries seen and their sum."""
    batch, held = 5_000, list[bytes]()
    items = [debit(100 + n) for n in range(5)]
    writer = Writer(lambda text: held.append(text.encode()), SENDER, created_at=AT, modifier="A")

    def chunks():
        for _ in range(0, count, batch):
            writer.batch(DEBITS, (items[n % 5] for n in range(batch)))
            yield from held
            held.clear()
        writer.close()
        yield from held

    seen = summed = 0
    for event in reading.events(chunks()):
        assert not event.problems
        if event.what is What.ENTRY:
            seen += 1
            summed += event.record.amount_minor
    return seen, summed


def test_half_a_million_entries_are_written_and_read_as_they_come():
    assert streamed(500_000) == (500_000, 51_000_000)  # 1.00 to 1.04, each 100,000 times


def test_more_entries_take_no_more_memory():
    peaks = []
    for count in (10_000, 30_000):
        tracemalloc.start()
        streamed(count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.1 < 6_000_000
