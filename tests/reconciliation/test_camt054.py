"""CAMT.054: notifications are read, their own totals must tie, and nothing in them is taken for a balance."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from reconciliation.statements import parse
from reconciliation.statements.base import Format
from tests.support import camt_notices as writer
from tests.support.bank import BANK_ID, FIRST, MARK
from tests.support.camt_notices import Told
from tests.support.spoiling import mutants

MUTANTS = 1_000
TWO = [Told(535_900, "BK1", "PAYOUT"), Told(-75_000, "BK2", "DRAW", "PDNG")]


def _codes(content: bytes) -> list[str]:
    return [problem.code for problem in parse(content).problems]


def test_a_notification_is_read_with_the_banks_own_references() -> None:
    parsed = parse(writer.write(TWO))
    assert (parsed.format, parsed.problems, parsed.statements) == (Format.CAMT054, (), ())
    (notice,) = parsed.notices
    assert (notice.account_identifier, notice.bank_id, notice.currency) == (MARK, BANK_ID, "USD")
    first, second = notice.entries
    assert (first.line.amount_minor, first.line.bank_reference, first.is_booked) == (535_900, "BK1", True)
    assert (second.line.amount_minor, second.line.posted_on, second.is_booked) == (-75_000, FIRST, False)
    assert first.line.text == "PAYOUT"


def test_the_number_of_an_entry_in_its_file_is_no_reference_of_the_bank() -> None:
    content = writer.write([Told(100)]).replace(b"<Ntry>", b"<Ntry><NtryRef>1</NtryRef>")
    assert parse(content).notices[0].entries[0].line.bank_reference == ""


@pytest.mark.parametrize(
    ("told", "wrong", "code"),
    [
        (b"<NbOfNtries>2<", b"<NbOfNtries>3<", "count"),
        (b"<Sum>6109.00<", b"<Sum>6109.01<", "control_total"),
        (b'Ccy="USD">5359.00', b'Ccy="CAD">5359.00', "currency_differs"),
        (b"5359.00</Amt>", b"5359.001</Amt>", "bad_amount"),
        (b"<TxsSummry>", b'<Bal><Amt Ccy="USD">1</Amt></Bal><TxsSummry>', "unknown_element"),
        (b"<Ccy>USD", b"<Ccy>XXX", "unknown_currency"),
        (b"camt.054.001.02", b"camt.054.001.09", "unsupported_version"),
    ],
)
def test_what_does_not_tie_in_itself_is_a_problem(told: bytes, wrong: bytes, code: str) -> None:
    content = writer.write(TWO)
    assert told in content
    assert code in _codes(content.replace(told, wrong))


def test_a_file_without_a_notification_is_a_problem() -> None:
    assert _codes(writer.write()) == ["no_notices"]


@settings(max_examples=60, deadline=None)
@given(writer.notices, writer.versions)
def test_what_was_written_is_what_is_read(notices: list[list[Told]], version: str) -> None:
    parsed = parse(writer.write(*notices, version=version))
    assert parsed.problems == ()
    for notice, told in zip(parsed.notices, notices, strict=True):
        kept = [entry for entry in told if entry.state != "INFO"]
        assert [(entry.line.amount_minor, entry.line.bank_reference, entry.is_booked) for entry in notice.entries] == [
            (entry.amount, entry.reference, entry.state == "BOOK") for entry in kept
        ]


def _money(content: bytes) -> list[list[int]]:
    return [sorted(entry.line.amount_minor for entry in notice.entries) for notice in parse(content).notices]


def test_a_spoiled_file_is_reported_or_still_announces_the_same_amounts() -> None:
    content, refused = writer.write(TWO), 0
    truth = sorted(abs(amount) for amount in _money(content)[0])
    for mutant in mutants(content, MUTANTS, 20260109):
        found = parse(mutant)
        refused += bool(found.problems)
        if not found.problems and b"<Sum>6109.00</Sum>" in mutant:
            assert sorted(abs(amount) for amount in _money(mutant)[0]) == truth
    assert refused > MUTANTS // 3
