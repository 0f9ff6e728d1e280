"""OFX: written files come back whole, an independent library agrees, spoiled files change no money unseen."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st
from ofxtools.Parser import OFXTree

from reconciliation.statements import parse
from reconciliation.statements.base import ParsedFile
from tests.reconciliation.test_ofx import BASE, as_xml
from tests.support import ofx_writer as writer
from tests.support.spoiling import money, mutants

MUTANTS = 1_300


@settings(max_examples=80, deadline=None)
@given(writer.periods(), writer.layouts)
def test_what_was_written_is_what_is_read(period: writer.Period, layout: writer.Layout) -> None:
    parsed = parse(writer.write(period, layout))
    assert parsed.problems == ()
    (statement,) = parsed.statements
    assert (statement.account_identifier, statement.as_of) == (period.account, period.end)
    assert (statement.currency, statement.closing_minor) == (period.currency, period.closing)
    assert statement.opening_minor == period.closing - sum(one.amount for one in period.transactions)
    for line, one in zip(statement.lines, period.transactions, strict=True):
        assert (line.amount_minor, line.posted_on) == (one.amount, period.end)
        assert line.customer_reference == one.check_number
        assert line.text == "\n".join(part for part in (one.name, one.memo) if part)


@settings(max_examples=40, deadline=None)
@given(writer.periods(("USD",)), st.booleans())
def test_an_independent_reader_agrees(period: writer.Period, xml: bool) -> None:
    plain = [writer.Transaction(one.amount, one.check_number, "NAME") for one in period.transactions]
    written = writer.Period(period.account, period.end, period.closing, tuple(plain))
    content = writer.write(written, writer.Layout(xml=xml, end_tags=xml, zone="[0:GMT]"))
    (ours,) = parse(content).statements
    tree = OFXTree()
    tree.parse(io.BytesIO(content))
    (theirs,) = tree.convert().statements
    assert (theirs.account.acctid, theirs.account.bankid) == (ours.account_identifier, ours.bank_id)
    assert int(theirs.balance.balamt * 100) == ours.closing_minor
    found = [(one.fitid, int(one.trnamt * 100), one.dtposted.date()) for one in theirs.transactions]
    assert [(line.bank_reference, line.amount_minor, line.posted_on) for line in ours.lines] == found


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_raise(content: bytes) -> None:
    assert parse(b"OFXHEADER:100\n\n" + content).problems


TAGS = ["<OFX>", "</OFX>", "<STMTRS>", "</STMTRS>", "<MEMO>", "text", "</MEMO>", "<", ">", "&", "<A"]


@given(st.lists(st.sampled_from(TAGS), max_size=30))
def test_no_order_of_tags_makes_the_parser_raise(parts: list[str]) -> None:
    assert parse(("OFXHEADER:100\n\n<OFX>" + "".join(parts)).encode()).problems


def _holds(parsed: ParsedFile, original: ParsedFile) -> bool:
    """Tell whether a file says the same money, or betrays itself by the balance that the chain is held against."""
    if money(parsed) == money(original):
        return True
    openings = {(one.account_identifier, one.currency, one.opening_minor) for one in parsed.statements}
    known = {(one.account_identifier, one.currency, one.opening_minor) for one in original.statements}
    return not openings & known


def test_a_spoiled_file_is_reported_or_no_longer_joins_the_day_before() -> None:
    for text in (BASE, as_xml(BASE)):
        content, refused = text.encode(), 0
        truth = parse(content)
        for mutant in mutants(content, MUTANTS // 2, 20260106):
            parsed = parse(mutant)
            refused += bool(parsed.problems)
            assert parsed.problems or _holds(parsed, truth), mutant.decode(errors="replace")
        assert refused > MUTANTS // 8
