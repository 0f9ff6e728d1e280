"""What accounting systems are handed: each format, line by line, worked by hand."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.export import formats, journals
from reconciliation.export.formats import FORMATS, Options
from reconciliation.export.journals import Journal, JournalLine, LedgerSide, MappingUnreadable, Target

CASH = Target("1000", "Trust Cash", {"location": "HI"})
OWED = Target("2000", "Unapplied Cash")
DAY = dt.date(2026, 2, 2)
ONE = Journal(
    "ent_01j", DAY, "USD", "Payment 7", (JournalLine(CASH, 535_900, "in"), JournalLine(OWED, -535_900, "=cmd", "org_1"))
)
SPEC = {
    "accounts": {
        "trust_cash": {"number": "1000", "name": "Trust Cash"},
        "trust_cash:bnk_2": {"number": "1001", "name": "Second Bank"},
        "unapplied_cash": {"number": "2000", "name": "Unapplied Cash"},
    }
}


def rows(content: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content)))


def test_iif_has_a_block_a_journal_with_debits_positive_and_no_tabs_in_texts() -> None:
    (file,) = FORMATS["quickbooks_iif"]("x", [ONE], Options())
    lines = file.content.split("\r\n")
    assert lines[0].split("\t")[:5] == ["!TRNS", "TRNSID", "TRNSTYPE", "DATE", "ACCNT"]
    assert lines[3].split("\t") == [
        "TRNS", "", "GENERAL JOURNAL", "02/02/2026", "Trust Cash", "", "5359.00", "ent_01j", "in",
    ]  # fmt: skip
    assert lines[4].split("\t")[6] == "-5359.00"
    assert lines[5:] == ["ENDTRNS", ""]
    odd = Journal("n", DAY, "USD", 'a\tb\n"c"', (JournalLine(CASH, 1), JournalLine(OWED, -1)))
    assert "a b 'c'" in FORMATS["quickbooks_iif"]("x", [odd], Options())[0].content


def test_quickbooks_online_gets_debits_and_credits_in_columns_of_their_own() -> None:
    (file,) = FORMATS["quickbooks_csv"]("x", [ONE], Options())
    assert rows(file.content)[1] == ["ent_01j", "02/02/2026", "Trust Cash", "5359.00", "", "in", "USD"]
    assert rows(file.content)[2][3:6] == ["", "5359.00", "'=cmd"]


def test_xero_gets_whole_journals_in_files_of_at_most_300_lines() -> None:
    files = FORMATS["xero"]("x", [ONE] * 151, Options())
    assert [len(rows(file.content)) - 1 for file in files] == [300, 2]
    assert [file.name for file in files] == ["x-001.csv", "x-002.csv"]
    assert rows(files[0].content)[1] == ["Payment 7 ent_01j", "02/02/2026", "in", "1000", "Tax Exempt", "5359.00"]
    assert rows(files[0].content)[2][5] == "-5359.00"


def test_netsuite_lines_share_an_external_id_so_that_a_second_import_is_refused_there() -> None:
    (file,) = FORMATS["netsuite"]("x", [ONE], Options())
    assert [row[0] for row in rows(file.content)[1:]] == ["ent_01j", "ent_01j"]
    assert rows(file.content)[1][4:7] == ["1000", "5359.00", ""]
    assert rows(file.content)[1][-1] == "HI"


def test_intacct_has_the_head_of_an_entry_on_its_first_line_only() -> None:
    (file,) = FORMATS["intacct"]("x", [ONE], Options(journal="APJ"))
    first, second = rows(file.content)[1:]
    assert first[:6] == ["APJ", "02/02/2026", "Payment 7", "ent_01j", "1", "1000"]
    assert second[:6] == ["", "", "", "", "2", "2000"]


def test_the_generic_formats_tell_everything() -> None:
    (table,) = FORMATS["csv"]("x", [ONE], Options())
    assert rows(table.content)[2][-1] == "org_1"
    (told,) = FORMATS["json"]("x", [ONE], Options())
    assert json.loads(told.content)["journals"][0]["lines"][1]["amount_minor"] == -535_900


sides = st.lists(
    st.tuples(st.sampled_from(["trust_cash", "unapplied_cash"]), st.sampled_from(["", "bnk_2"]),
              st.integers(1, 10**9), st.integers(0, 3)),
    min_size=1, max_size=30,
)  # fmt: skip


@given(sides)
def test_whatever_is_exported_balances_to_the_cent_in_detail_and_in_summary(
    drawn: list[tuple[str, str, int, int]],
) -> None:
    lines = []
    for place, (code, owner, amount, day) in enumerate(drawn):
        on = DAY + dt.timedelta(days=day)
        entry = f"ent_{place}"
        lines += [
            LedgerSide(entry, on, "k", "", code, owner, "USD", amount),
            LedgerSide(entry, on, "k", "", "unapplied_cash", "", "USD", -amount),
        ]
    for made in (journals.in_detail(lines, SPEC), journals.in_summary(lines, SPEC, prefix="B")):
        for journal in made:
            assert sum(line.amount_minor for line in journal.lines) == 0
        told = rows(formats.generic_csv("x", made, Options())[0].content)[1:]
        assert sum(Decimal(row[5] or 0) for row in told) == sum(Decimal(row[6] or 0) for row in told)
    summed = {
        (journal.on, line.target.number): line.amount_minor
        for journal in journals.in_summary(lines, SPEC, prefix="B")
        for line in journal.lines
    }
    for (on, number), amount in summed.items():
        mine = [side for side in lines if side.posted_on == on and _number(side) == number]
        assert amount == sum(side.amount_minor for side in mine)


def _number(side: LedgerSide) -> str:
    found = journals.target(SPEC, side.code, side.owner)
    assert found is not None
    return found.number


def test_the_account_of_an_owner_goes_before_that_of_its_code() -> None:
    assert journals.target(SPEC, "trust_cash", "bnk_2") == Target("1001", "Second Bank")
    assert journals.target(SPEC, "trust_cash", "bnk_1") == Target("1000", "Trust Cash")
    assert journals.target(SPEC, "tax_payable", "HI") is None


@pytest.mark.parametrize(
    "spec",
    [
        None, [], {}, {"accounts": {}}, {"accounts": []}, {"accounts": {"nobody": {"number": "1", "name": "x"}}},
        {"accounts": {"trust_cash": {"number": "1"}}}, {"accounts": {"trust_cash": {"number": " ", "name": "x"}}},
        {"accounts": {"trust_cash": {"number": "1", "name": "x", "odd": 1}}},
        {"accounts": {"trust_cash": {"number": "1", "name": "x", "dimensions": {"a": 1}}}},
        {**SPEC, "journal": 5}, {**SPEC, "odd": "x"},
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_read_is_refused(spec: object) -> None:
    with pytest.raises(MappingUnreadable) as refused:
        journals.check(spec, ["trust_cash", "unapplied_cash"])
    assert refused.value.field == "spec"
