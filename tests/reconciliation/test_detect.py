"""The format of a statement is told from its bytes, or the reason says what to ask the bank for."""

from __future__ import annotations

import time

import pytest

from reconciliation.statements import parse
from reconciliation.statements.base import Format
from reconciliation.statements.detect import UnknownFormat, detect

CAMT = b'<?xml version="1.0"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.05%d.001.08">'

KNOWN = {
    b"\xef\xbb\xbf01,A,B": Format.BAI2,
    CAMT % 3: Format.CAMT053,
    b"\xef\xbb\xbf" + CAMT % 4: Format.CAMT054,
    b"{1:F01TESTUS33AXXX0000000000}": Format.MT940,
    b"\r\n:20:REF": Format.MT940,
    b"OFXHEADER:100": Format.OFX,
    b"<OFX><SIGNONMSGSRSV1>": Format.OFX,
    b'<?xml version="1.0"?><?OFX OFXHEADER="200"?>': Format.OFX,
}

UNKNOWN = {
    b"": "empty",
    b"\xff\xfe<\x00": "UTF-16",
    CAMT % 2: "intraday",
    b"<Document/>": "XML",
    b"Date,Amount\n": "CSV",
}


@pytest.mark.parametrize("content", KNOWN)
def test_each_format_is_known_by_its_start(content: bytes) -> None:
    assert detect(content) is KNOWN[content]


@pytest.mark.parametrize("content", UNKNOWN)
def test_what_is_not_read_says_why(content: bytes) -> None:
    found = detect(content)
    assert isinstance(found, UnknownFormat)
    assert UNKNOWN[content] in found.reason


HOSTILE = {
    "a header without end": b"OFXHEADER:" + b"A" * 300_000 + b"<OFX></OFX>",
    "an envelope without end": b"{1:" + b"{a}" * 100_000,
    "a field without end": b":20:X\n:61:" + b"1" * 300_000,
    "tags without end": b"OFXHEADER:100\n\n<OFX>" + b"<" * 300_000,
    "spaces without end": b":20:" + b" " * 300_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_lengths_are_refused_in_linear_time(name: str) -> None:
    began = time.perf_counter()
    assert parse(HOSTILE[name]).problems
    assert time.perf_counter() - began < 5
