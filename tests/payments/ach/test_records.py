"""Every record, its columns, what fits and what is refused."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.ach import columns, records
from payments.ach.layouts import FieldRefused, Kind, check_digit, fold, is_routing
from payments.ach.records import EntryDetail

PLAIN = st.characters(min_codepoint=33, max_codepoint=126)
DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31))


def _values(field):
    """A strategy of what a field may hold, written without the code under test."""
    if field.among:
        return st.sampled_from(sorted(field.among))
    made = {
        Kind.DIGITS: st.text("0123456789", min_size=field.length, max_size=field.length),
        Kind.NUMBER: st.integers(0, 10**field.length - 1),
        Kind.TEXT: st.text(PLAIN, min_size=1, max_size=field.length),
        Kind.RIGHT: st.text(PLAIN, min_size=1, max_size=field.length),
        Kind.ROUTING: st.text("0123456789", min_size=8, max_size=8).map(lambda bank: bank + _ninth(bank)),
        Kind.DAY: DAYS,
    }[field.kind]
    nothing = {Kind.DAY: None}.get(field.kind, "")
    return made | st.just(nothing) if field.blank else made


def _ninth(bank: str) -> str:
    """The check digit by the other road: try all ten."""
    weights = (3, 7, 1, 3, 7, 1, 3, 7, 1)
    return next(d for d in "0123456789" if sum(w * int(c) for w, c in zip(weights, bank + d, strict=True)) % 10 == 0)


@pytest.mark.parametrize("layout", columns.LAYOUTS, ids=lambda layout: layout.name)
@given(data=st.data())
def test_every_record_is_94_columns_and_reads_back_as_it_was_written(layout, data):
    record = layout.record(*(data.draw(_values(field)) for field in layout.valued))
    line = layout.write(record)
    assert len(line) == 94
    assert layout.read(line) == (record, ())


@pytest.mark.parametrize("layout", columns.LAYOUTS, ids=lambda layout: layout.name)
def test_the_fields_of_a_tuple_are_those_of_its_layout_in_order(layout):
    assert layout.record._fields == tuple(field.name for field in layout.valued)


@given(data=st.data())
def test_the_quick_way_to_write_and_read_entries_is_the_same_as_the_table(data):
    entry = EntryDetail(*(data.draw(_values(field)) for field in columns.ENTRY.valued))
    entry = entry._replace(has_addenda=entry.has_addenda % 2)
    line = columns.write_entry(entry)
    assert line == columns.ENTRY.write(entry)
    assert columns.read_entry(line) == entry == columns.ENTRY.read(line)[0]


ENTRY = EntryDetail("27", "121000358", "0123456789", 10_050, "INS-7", "Aloha Foods", "", 0, "121000350000001")


def test_an_entry_stands_in_the_columns_the_format_says():
    line = columns.write_entry(ENTRY)
    expected = "627121000358" + "0123456789       " + "0000010050" + "INS-7          " + "Aloha Foods           "
    assert line == expected + "  0" + "121000350000001"


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"account_number": "1" * 18}, "account_number", "entry detail: account_number (columns 13-29) holds 17"),
        ({"account_number": ""}, "account_number", "must not be blank"),
        ({"account_number": " "}, "account_number", "must not be blank"),
        ({"amount_minor": 10**10}, "amount_minor", "holds 10 digits, and 10000000000 has 11"),
        ({"amount_minor": -1}, "amount_minor", "takes a whole number from zero on"),
        ({"amount_minor": True}, "amount_minor", "takes a whole number from zero on"),
        ({"routing_number": "121000359"}, "routing_number", "takes nine digits with their check digit"),
        ({"transaction_code": "99"}, "transaction_code", "must be one of"),
        ({"transaction_code": "2", "account_number": "1" * 18}, "transaction_code", "takes exactly 2 digits"),
        ({"receiver_name": "José"}, "receiver_name", "holds printable ASCII only"),
        ({"receiver_name": "A" * 23}, "receiver_name", "holds 22 characters"),
        ({"trace_number": "12"}, "trace_number", "takes exactly 15 digits"),
    ],
)
def test_what_does_not_fit_is_refused_with_record_field_and_columns(change, field, says):
    with pytest.raises(FieldRefused) as refused:
        columns.write_entry(ENTRY._replace(**change))
    assert refused.value.field == field
    assert says in refused.value.message


def test_reading_names_every_flaw_with_its_column():
    line = "5999" + "Aloha".ljust(16) + " " * 20 + "1234567890" + "PPD" + "PREMIUM".ljust(10) + " " * 6
    line += "261399" + "   " + "1" + "1210003A" + "0000001"
    record, flaws = columns.BATCH_HEADER.read(line)
    assert record is None
    assert [(flaw.column, flaw.code) for flaw in flaws] == [
        (2, "bad_service_class"), (70, "bad_effective_on"), (80, "bad_odfi"),
    ]  # fmt: skip


def test_check_digits_are_those_of_banks_that_exist():
    assert [check_digit(bank) for bank in ("12100035", "02100008", "09100001")] == ["8", "9", "9"]
    assert is_routing("021000089")
    assert not is_routing("02100008")


def test_names_lose_their_accents_and_what_cannot_be_printed():
    assert fold("José  Ñandú · Søren", 22) == "Jose Nandu Soren"
    assert fold("株式会社", 22) == ""
    assert fold("A" * 30, 22) == "A" * 22


def test_sums_of_transaction_codes():
    assert records.is_debit("27")
    assert records.is_debit("38")
    assert not records.is_debit("22")
    assert {records.ACCOUNT_TYPES[code] for code in ("22", "27", "23", "28")} == {"checking"}
