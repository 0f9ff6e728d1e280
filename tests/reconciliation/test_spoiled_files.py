"""Ten thousand spoiled files over all formats: none crashes a parser, none is taken that does not tie."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from reconciliation.statements import csv_file, parse
from reconciliation.statements.base import ParsedFile, prove
from reconciliation.statements.csv_file import ColumnMap, Given
from tests.support import bai2_writer, camt_notices, camt_writer, csv_writer, mt940_writer, ofx_writer
from tests.support.camt_notices import Told
from tests.support.spoiling import money, mutants

EACH = 1_500
SEED = 20261125
DAY = dt.date(2026, 1, 5)
AMOUNTS = (535_900, -75_000, 1_250, 1_250, -99, 1_000_000)
OPENING = 100_000
MAP = ColumnMap("4470001", "USD", "Date", amount="Amount", reference="Reference", description=("Text",))
SEEN = Given(OPENING, OPENING + sum(AMOUNTS))


def _bai2() -> bytes:
    details = tuple(
        bai2_writer.Detail("165" if amount > 0 else "495", abs(amount), ("0",), f"BK{n}", f"R{n}", "PREMIUM")
        for n, amount in enumerate(AMOUNTS)
    )
    account = bai2_writer.Account("4470001", OPENING, details, "USD")
    return bai2_writer.write([bai2_writer.Group(DAY, (account,))])


def _mt940() -> bytes:
    moves = tuple(
        mt940_writer.Movement(amount, reference=f"R{n}", text=("PREMIUM",)) for n, amount in enumerate(AMOUNTS)
    )
    return mt940_writer.write([mt940_writer.Day("4470001", DAY, OPENING, moves)], mt940_writer.Layout(page=4))


def _ofx() -> bytes:
    listed = tuple(ofx_writer.Transaction(amount, f"F{n}", f"NAME {n}", "PREMIUM") for n, amount in enumerate(AMOUNTS))
    return ofx_writer.write(ofx_writer.Period("4470001", DAY, OPENING, listed), ofx_writer.Layout(zone="[0:GMT]"))


def _camt() -> bytes:
    entries = tuple(camt_writer.Entry((amount,), f"R{n}", "PREMIUM") for n, amount in enumerate(AMOUNTS))
    return camt_writer.write([camt_writer.Day("4470001", DAY, OPENING, entries)], camt_writer.Layout())


def _camt054() -> bytes:
    return camt_notices.write([Told(amount, f"BK{n}") for n, amount in enumerate(AMOUNTS)])


def _csv() -> bytes:
    rows = tuple(csv_writer.Row(amount, f"R{n}", "PREMIUM") for n, amount in enumerate(AMOUNTS))
    return csv_writer.write(rows, OPENING, DAY, csv_writer.Layout())


def _mapped(content: bytes) -> ParsedFile:
    return csv_file.parse(content, MAP, SEEN)


FORMATS: dict[str, tuple[Callable[[], bytes], Callable[[bytes], ParsedFile]]] = {
    "BAI2": (_bai2, parse),
    "MT940": (_mt940, parse),
    "OFX": (_ofx, parse),
    "CAMT.053": (_camt, parse),
    "CAMT.054": (_camt054, parse),
    "CSV": (_csv, _mapped),
    "CSV with a running balance": (
        _csv,
        lambda content: csv_file.parse(
            content, ColumnMap("4470001", "USD", "Date", amount="Amount", balance="Balance"), SEEN
        ),
    ),
}


def test_the_files_are_ten_thousand_in_all() -> None:
    assert len(FORMATS) * EACH >= 10_000


@pytest.mark.parametrize("name", FORMATS)
def test_a_spoiled_file_is_refused_or_ties_and_says_the_same_money(name: str) -> None:
    write, read = FORMATS[name]
    content = write()
    original = read(content)
    assert original.problems == ()
    refused = 0
    for mutant in mutants(content, EACH, SEED):
        parsed = read(mutant)
        refused += bool(parsed.problems)
        if not parsed.problems:
            assert _ties(parsed), mutant.decode(errors="replace")
            assert _same(parsed, original) or _betrayed(parsed, original), mutant.decode(errors="replace")
    assert refused > EACH // 8


def _ties(parsed: ParsedFile) -> bool:
    proofs = [prove(statement) for statement in parsed.statements]
    return all(proof is not None and proof.difference_minor == 0 for proof in proofs)


def _same(parsed: ParsedFile, original: ParsedFile) -> bool:
    return money(parsed) == money(original) and _told(parsed) == _told(original)


def _told(parsed: ParsedFile) -> list[int]:
    """Amounts announced, without their signs: the sum and the number are all that a notification can state."""
    return sorted(abs(entry.line.amount_minor) for notice in parsed.notices for entry in notice.entries)


def _betrayed(parsed: ParsedFile, original: ParsedFile) -> bool:
    """Without an opening balance of its own, a changed OFX file no longer joins the day before."""
    reckoned = [statement for statement in parsed.statements if statement.opening_reckoned]
    known = {statement.opening_minor for statement in original.statements}
    return bool(reckoned) and not {statement.opening_minor for statement in reckoned} & known


NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt"
ROOTS = {
    "CAMT.053": f'Document xmlns="{NAMESPACE}.053.001.02"',
    "CAMT.054": f'Document xmlns="{NAMESPACE}.054.001.02"',
    "OFX 2": "OFX",
}
LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(12))
DTDS = {
    "a billion laughs": f'[<!ENTITY l0 "lol">{LAUGHS}]',
    "a quadratic blow-up": f'[<!ENTITY l12 "{"x" * 3_000}">]',
    "an external entity": '[<!ENTITY l12 SYSTEM "file:///etc/hostname">]',
    "an external parameter entity": '[<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd"> %p;]',
    "an external subset": 'SYSTEM "http://127.0.0.1/x.dtd"',
    "an empty document type": "",
}


@pytest.mark.parametrize("format", ROOTS)
@pytest.mark.parametrize("attack", DTDS)
def test_bombs_entities_and_document_types_are_a_problem_of_their_own(format: str, attack: str) -> None:
    root = ROOTS[format]
    name = root.partition(" ")[0]
    head = '<?xml version="1.0"?>' + ('<?OFX OFXHEADER="200" VERSION="211"?>' if name == "OFX" else "")
    bomb = "&l12;" * (2_000 if "quadratic" in attack else 1)
    content = f"{head}<!DOCTYPE {name} {DTDS[attack]}><{root}>{bomb}</{name}>"
    assert [problem.code for problem in parse(content.encode()).problems] == ["forbidden_xml"]
