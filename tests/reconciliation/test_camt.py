"""CAMT.053: a worked example read by hand, and every way a file can be wrong."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from reconciliation.statements import parse
from reconciliation.statements.base import UNNAMED_BANK, Format

BASE = (Path(__file__).parent.parent / "data" / "camt" / "two_days.xml").read_text()


def problems(content: str) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.code) for problem in parse(content.encode()).problems]


def test_two_days_are_read_with_balances_and_places() -> None:
    parsed = parse(BASE.encode())
    assert parsed.problems == ()
    assert parsed.format is Format.CAMT053
    found = [
        (s.account_identifier, s.bank_id, s.currency, s.as_of, s.opening_minor, s.closing_minor, s.first_line)
        for s in parsed.statements
    ]
    assert found == [
        ("4470001", "021000089", "USD", dt.date(2026, 1, 4), 100_000, 560_900, 5),
        ("4470001", "021000089", "USD", dt.date(2026, 1, 5), 560_900, -100, 54),
    ]


def test_a_batch_entry_is_one_line_whose_details_are_its_references() -> None:
    payout, _ = parse(BASE.encode()).statements[0].lines
    assert (payout.line, payout.amount_minor, payout.type_code) == (20, 535_900, "PMNTRCDTESCT")
    assert (payout.posted_on, payout.value_date) == (dt.date(2026, 1, 4), dt.date(2026, 1, 5))
    assert (payout.bank_reference, payout.customer_reference) == ("BK20260104001", "PAYOUT-0001 PAYOUT-0002")
    assert payout.text == "SANDBOX PAYOUT\nPAYOUT-0001 USD 5000.00 ACME INC INVOICE 7\nPAYOUT-0002 USD 359.00"


def test_a_reversal_keeps_the_direction_of_its_mark_and_a_moment_the_banks_own_day() -> None:
    _, draw = parse(BASE.encode()).statements[0].lines
    assert (draw.amount_minor, draw.type_code, draw.text) == (-75_000, "495", "Reversal")
    assert (draw.posted_on, draw.value_date) == (dt.date(2026, 1, 4), None)
    assert (draw.bank_reference, draw.customer_reference) == ("", "DRAW-0001")


def test_without_a_booking_date_an_entry_was_booked_by_the_day_of_the_statement() -> None:
    content = BASE.replace("<BookgDt><Dt>2026-01-05</Dt></BookgDt>", "<ValDt><Dt>2026-01-09</Dt></ValDt>")
    parsed = parse(content.encode())
    assert parsed.problems == ()
    (line,) = parsed.statements[1].lines
    assert (line.posted_on, line.value_date) == (dt.date(2026, 1, 5), dt.date(2026, 1, 9))


def test_pending_entries_are_not_on_the_statement() -> None:
    assert [line.amount_minor for line in parse(BASE.encode()).statements[1].lines] == [-561_000]


@pytest.mark.parametrize("version", ["02", "03", "04", "05", "06", "07", "08"])
def test_versions_2_to_8_are_read_with_status_and_bank_as_each_writes_them(version: str) -> None:
    content = BASE.replace("053.001.02", f"053.001.{version}")
    if version >= "04":
        content = content.replace("<Sts>BOOK</Sts>", "<Sts><Cd>BOOK</Cd></Sts>")
        content = content.replace("<TtlNetNtryAmt>4609.00</TtlNetNtryAmt><CdtDbtInd>CRDT</CdtDbtInd>",
                                  "<TtlNetNtry><Amt>4609.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></TtlNetNtry>")  # fmt: skip
    parsed = parse(content.encode())
    assert parsed.problems == ()
    assert [len(statement.lines) for statement in parsed.statements] == [2, 1]


def test_a_prefixed_namespace_and_a_byte_order_mark_are_read() -> None:
    prefixed = re.sub(r"<(/?)([A-Z])", r"<\1ns:\2", BASE).replace("xmlns=", "xmlns:ns=")
    assert parse(prefixed.encode("utf-8-sig")).statements == parse(BASE.encode()).statements


def test_an_account_at_no_named_bank_is_at_the_unnamed_one() -> None:
    parsed = parse(re.sub(r"<Svcr>.*</Svcr>", "", BASE).encode())
    assert parsed.problems == ()
    assert {statement.bank_id for statement in parsed.statements} == {UNNAMED_BANK}


CHANGES = {
    "closing balance off by one": (">5609.0<", ">5609.01<", [(5, 1, "does_not_tie")]),
    "no opening balance": (">OPBD<", ">OPAV<", [(5, 1, "opening_missing")]),
    "no closing balance": ("CLBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"USD\">5609.0<",
                           "ITBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"USD\">5609.0<", [(5, 1, "closing_missing")]),
    "two closing balances": (">CLAV<", ">CLBD<", [(14, 7, "balance_repeated")]),
    "opening and previous closing differ": (">CLAV<", ">PRCD<", [(5, 5, "balances_differ")]),
    "entry in another currency": ('<Amt Ccy="USD">750.00', '<Amt Ccy="EUR">750.00', [(45, 9, "currency_differs")]),
    "account of an unknown currency": (
        '</Othr></Id><Ccy>USD</Ccy>\n        <Svcr><FinInstnId><ClrSysMmbId><MmbId>021000089</MmbId></ClrSysMmbId>'
        "</FinInstnId></Svcr>\n      </Acct>\n      <Bal><Tp><CdOrPrtry><Cd>OPBD",
        '</Othr></Id><Ccy>XXX</Ccy>\n        <Svcr><FinInstnId><ClrSysMmbId><MmbId>021000089</MmbId></ClrSysMmbId>'
        "</FinInstnId></Svcr>\n      </Acct>\n      <Bal><Tp><CdOrPrtry><Cd>OPBD",
        [(9, 47, "unknown_currency")],
    ),
    "signed amount": (">750.00</Amt>", ">-750.00</Amt>", [(45, 9, "signed_amount")]),
    "too many decimals": (">750.00</Amt>", ">750.001</Amt>", [(45, 9, "bad_amount")]),
    "decimal comma": (">750.00</Amt>", ">750,00</Amt>", [(45, 9, "bad_amount")]),
    "amount beyond reason": (">750.00</Amt>", ">75000000000000000.00</Amt>", [(45, 9, "amount_too_large")]),
    "a detail off by one": (">359.00<", ">359.01<", [(20, 7, "details_total")]),
    "a detail without its amount": (
        '<AmtDtls><TxAmt><Amt Ccy="USD">359.00</Amt></TxAmt></AmtDtls>', "", [(20, 7, "details_incomplete")]),
    "a batch of another size": ("<NbOfTxs>2", "<NbOfTxs>3", [(30, 50, "batch_count")]),
    "a batch of another total": ('<TtlAmt Ccy="USD">5359.00', '<TtlAmt Ccy="USD">5358.00', [(20, 7, "batch_total")]),
    "number of entries": ("<NbOfNtries>2", "<NbOfNtries>3", [(16, 20, "count")]),
    "sum of entries": ("<Sum>6109.00", "<Sum>6109.10", [(16, 46, "control_total")]),
    "net of entries": (">4609.00<", ">4609.10<", [(16, 64, "control_total")]),
    "sum of debits": ("<Sum>750.00", "<Sum>750.10", [(18, 49, "control_total")]),
    "impossible date": ("<Dt>2026-01-04</Dt></BookgDt>", "<Dt>2026-02-30</Dt></BookgDt>", [(25, 18, "bad_date")]),
    "booked after its day": (
        "<Dt>2026-01-04</Dt></BookgDt>", "<Dt>2026-01-06</Dt></BookgDt>", [(20, 1, "after_the_day")]),
    "no date at all": ("<BookgDt><DtTm>2026-01-04T23:30:00-05:00</DtTm></BookgDt>", "", [(44, 7, "field_missing")]),
    "unknown status": ("<Sts>PDNG", "<Sts>MAYB", [(72, 9, "bad_status")]),
    "bad reversal mark": ("<RvslInd>true", "<RvslInd>maybe", [(44, 7, "bad_reversal")]),
    "another version": ("camt.053.001.02", "camt.053.001.99", [(2, 1, "unsupported_version")]),
    "an element that does not belong": ("<GrpHdr>", "<X/><GrpHdr>", [(4, 5, "unknown_element")]),
    "another message": ("<BkToCstmrStmt>", "<BkToCstmrRpt>", []),
    "the same day twice": ("2026-01-05</Dt></Dt></Bal>", "2026-01-04</Dt></Dt></Bal>", [(54, 1, "statement_repeated")]),
    "long reference": ("BK20260104001", "B" * 121, [(20, 1, "reference_too_long")]),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_one_change_is_reported_at_its_place(change: str) -> None:
    old, new, expected = CHANGES[change]
    assert BASE.count(old) == 1, "the change must touch one place"
    found = problems(BASE.replace(old, new))
    assert found
    assert set(expected) <= set(found)


BOMB = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">&c;</Document>"""
EXTERNAL = BOMB.replace('<!ENTITY a "lol">', '<!ENTITY a SYSTEM "file:///etc/hostname">')
DEEP = BASE.replace("<Stmt>", "<a>" * 100, 1)
HEAD = '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">'
HOSTILE = {
    "an entity bomb": (BOMB, "forbidden_xml"),
    "an external entity": (EXTERNAL, "forbidden_xml"),
    "an empty document type": ("<!DOCTYPE Document>" + HEAD + "</Document>", "forbidden_xml"),
    "endless depth": (DEEP, "xml_too_large"),
    "a cut file": (BASE[:2000], "malformed_xml"),
    "an unknown encoding": (BASE.replace("UTF-8", "klingon"), "malformed_xml"),
    "a multi-byte encoding": (BASE.replace("UTF-8", "shift_jis"), "malformed_xml"),
    "an undeclared entity": (HEAD + "&nope;</Document>", "malformed_xml"),
    "an empty document": (HEAD + "</Document>", "no_message"),
    "no statements": (HEAD + "<BkToCstmrStmt/></Document>", "no_statements"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_xml_is_a_problem_and_never_an_exception(name: str) -> None:
    content, code = HOSTILE[name]
    assert code in {problem.code for problem in parse(content.encode()).problems}
