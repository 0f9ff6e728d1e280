"""OFX: a worked example read by hand in both notations, and every way a file can be wrong."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from reconciliation.statements import parse
from reconciliation.statements.base import UNNAMED_BANK, Format

BASE = (Path(__file__).parent.parent / "data" / "ofx" / "week.ofx").read_text()
XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE"?>\n'


def problems(content: str) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.code) for problem in parse(content.encode()).problems]


def as_xml(content: str) -> str:
    """Write the SGML example as OFX 2: every element gets its end tag."""
    body = content[content.index("<OFX>") :].replace("</FITID>", "")
    return XML_HEAD + re.sub(r"<([A-Z0-9]+)>([^<\n]+|(?=\n</STMTTRN>))", r"<\1>\2</\1>", body)


def test_balances_lines_and_places_are_read() -> None:
    parsed = parse(BASE.encode())
    assert parsed.problems == ()
    assert parsed.format is Format.OFX
    (statement,) = parsed.statements
    assert (statement.account_identifier, statement.bank_id, statement.currency) == ("4470001", "021000089", "USD")
    assert (statement.as_of, statement.closing_minor) == (dt.date(2026, 1, 4), 560_900)
    payout, check = statement.lines
    assert (payout.line, payout.amount_minor, payout.type_code) == (30, 535_900, "CREDIT")
    assert (payout.posted_on, payout.value_date) == (dt.date(2026, 1, 4), dt.date(2026, 1, 5))
    assert (payout.bank_reference, payout.customer_reference) == ("BK20260104001", "PAYOUT-0001")
    assert payout.text == "SANDBOX & CO\nPAYOUT"
    assert (check.amount_minor, check.customer_reference, check.text) == (-75_000, "1001", "")


def test_the_opening_balance_is_reckoned_and_says_so() -> None:
    (statement,) = parse(BASE.encode()).statements
    assert statement.opening_minor == 100_000
    assert statement.opening_reckoned


def test_a_changed_amount_moves_the_opening_balance_where_the_chain_sees_it() -> None:
    (statement,) = parse(BASE.replace("+5359.00", "+5359.01").encode()).statements
    assert statement.opening_minor == 99_999


def test_version_2_says_the_same() -> None:
    parsed = parse(as_xml(BASE).encode())
    assert parsed.problems == ()
    first, second = parsed.statements[0], parse(BASE.encode()).statements[0]
    assert (first.opening_minor, first.closing_minor) == (second.opening_minor, second.closing_minor)
    assert [line.text for line in first.lines] == [line.text for line in second.lines]


def test_everything_on_one_line_and_a_decimal_comma_are_read() -> None:
    header, body = BASE.split("\n\n", 1)
    parsed = parse((header + "\n\n" + body.replace("\n", "").replace("5609.00", "5609,00")).encode())
    assert parsed.problems == ()
    assert parsed.statements[0].opening_minor == 100_000


def test_the_headers_character_set_is_used() -> None:
    content = BASE.replace("SANDBOX", "CAFÉ €").encode("cp1252")
    assert parse(content).statements[0].lines[0].text == "CAFÉ € & CO\nPAYOUT"


def test_a_file_that_names_no_bank_is_at_the_unnamed_one() -> None:
    assert parse(BASE.replace("<BANKID>021000089\n", "").encode()).statements[0].bank_id == UNNAMED_BANK


CHANGES = {
    "no closing balance": ("<LEDGERBAL>\n<BALAMT>5609.00\n<DTASOF>20260104235959[-5:EST]\n</LEDGERBAL>\n", "",
        [(20, 1, "closing_missing")]),
    "no account": ("<ACCTID>4470001\n", "", [(22, 1, "field_missing")]),
    "unknown currency": ("<CURDEF>USD", "<CURDEF>XXX", [(21, 1, "unknown_currency")]),
    "no amount": ("<TRNAMT>-750\n", "", [(40, 1, "field_missing")]),
    "too many decimals": ("<TRNAMT>-750", "<TRNAMT>-750.001", [(43, 1, "bad_amount")]),
    "grouped digits": ("<TRNAMT>-750", "<TRNAMT>-1,750.00", [(43, 1, "bad_amount")]),
    "digits that are not ASCII": ("<TRNAMT>-750", "<TRNAMT>-٧50", [(43, 1, "bad_amount")]),
    "amount beyond reason": ("<TRNAMT>-750", "<TRNAMT>-75000000000000000", [(43, 1, "amount_too_large")]),
    "impossible date": ("<DTPOSTED>20260104\n", "<DTPOSTED>20260230\n", [(42, 1, "bad_date")]),
    "impossible zone": ("233000.000[-5:EST]", "233000.000[-25:EST]", [(32, 1, "bad_date")]),
    "no date": ("<DTPOSTED>20260104\n", "", [(40, 1, "field_missing")]),
    "posted after the balance": ("<DTPOSTED>20260104\n", "<DTPOSTED>20260109\n", [(40, 1, "after_the_day")]),
    "posted before the period": ("<DTPOSTED>20260104\n", "<DTPOSTED>20251231\n", [(40, 1, "outside_period")]),
    "no number": ("<FITID>BK20260104002</FITID>\n", "", [(40, 1, "field_missing")]),
    "number used twice": ("BK20260104002", "BK20260104001", [(40, 1, "number_repeated")]),
    "unknown type": ("<TRNTYPE>CHECK", "<TRNTYPE>MAGIC", [(41, 1, "bad_type_code")]),
    "only on hold": ("<TRNTYPE>CHECK", "<TRNTYPE>HOLD", [(40, 1, "not_booked")]),
    "a correction": ("<CHECKNUM>1001", "<CORRECTFITID>X1<CORRECTACTION>DELETE", [(45, 1, "correction")]),
    "another currency": ("<CHECKNUM>1001", "<CURRENCY><CURSYM>EUR</CURRENCY>", [(40, 1, "currency_differs")]),
    "an error of the bank": ("<CODE>0\n", "<CODE>2000\n", [(16, 1, "bank_error")]),
    "an aggregate left open": ("</BANKTRANLIST>\n", "", [(56, 1, "wrong_end")]),
    "an end of nothing": ("<CHECKNUM>1001", "</LEDGERBAL>", [(45, 1, "wrong_end")]),
    "text outside an element": ("</BANKTRANLIST>", "</BANKTRANLIST>junk", [(48, 1, "stray_text")]),
    "cut off": ("</BANKMSGSRSV1>\n</OFX>\n", "", [(11, 1, "not_closed"), (13, 1, "not_closed")]),
    "two documents": ("</OFX>\n", "</OFX>\n<OFX></OFX>\n", [(61, 1, "after_the_end")]),
    "encrypted": ("SECURITY:NONE", "SECURITY:TYPE1", [(1, 1, "bad_header")]),
    "another data format": ("OFXSGML", "OFXJSON", [(1, 1, "bad_header")]),
    "NUL in a text": ("SANDBOX", "SAND\0BOX", [(37, 11, "control_character")]),
    "long reference": ("PAYOUT-0001", "P" * 121, [(30, 1, "reference_too_long")]),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_one_change_is_reported_at_its_place(change: str) -> None:
    old, new, expected = CHANGES[change]
    assert BASE.count(old) == 1, "the change must touch one place"
    found = problems(BASE.replace(old, new))
    assert set(expected) <= set(found)


def test_entities_in_version_2_are_refused() -> None:
    bomb = XML_HEAD + '<!DOCTYPE OFX [<!ENTITY a "x">]><OFX>&a;</OFX>'
    assert [code for _, _, code in problems(bomb)] == ["forbidden_xml"]


def test_a_header_alone_and_a_document_without_statements_are_reported() -> None:
    assert [code for _, _, code in problems("OFXHEADER:100\nDATA:OFXSGML\n")] == ["no_ofx"]
    assert [code for _, _, code in problems("OFXHEADER:100\n\n<OFX></OFX>")] == ["no_statements"]
    assert [code for _, _, code in problems("OFXHEADER:100\n\n<HTML></HTML>")] == ["no_ofx"]


def test_endless_depth_is_refused() -> None:
    assert "xml_too_large" in {code for _, _, code in problems("OFXHEADER:100\n\n<OFX>" + "<A>" * 500)}
