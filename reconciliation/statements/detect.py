"""Tell a statement's format from its bytes; names and extensions are never asked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciliation.statements.base import Format

HEAD = 4096
_BOM = b"\xef\xbb\xbf"
_BAI2_START = re.compile(rb"\s*01\s*,")
_CAMT = re.compile(rb"tech:xsd:camt\.05([0-9])\.")
_OFX_START = re.compile(rb"\s*(?:OFXHEADER\s*:|<OFX\s*>)")
_OFX_XML = re.compile(rb"<\?OFX\s|<OFX[\s>]")
_MT940_START = re.compile(rb"\s*(?:\{1:[^{}]*\}|:20:)")
CAMT = {b"3": Format.CAMT053, b"4": Format.CAMT054}


@dataclass(frozen=True, slots=True)
class UnknownFormat:
    """The bytes are none of the formats we read; `reason` is a sentence for the person who sent them."""

    reason: str


def detect(content: bytes) -> Format | UnknownFormat:
    """Name the format, or say why none fits. Whether the content is sound is for the parser to say.

    CSV is never guessed: which column means what is for a person to say, see `csv_file`.
    """
    if not content.strip():
        return UnknownFormat("The file is empty.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return UnknownFormat("The file is UTF-16 text; ask the bank for plain text (ASCII or UTF-8).")
    head = content[:HEAD].removeprefix(_BOM)
    if _BAI2_START.match(head):
        return Format.BAI2
    if _OFX_START.match(head):
        return Format.OFX
    if _MT940_START.match(head):
        return Format.MT940
    if head.lstrip().startswith(b"<"):
        return _xml(head)
    return UnknownFormat(
        "The file does not start like any format we read: BAI2, CAMT, MT940 or OFX. A CSV file needs its columns "
        "named first."
    )


def _xml(head: bytes) -> Format | UnknownFormat:
    camt = _CAMT.search(head)
    if camt is not None and camt[1] in CAMT:
        return CAMT[camt[1]]
    if camt is not None and camt[1] == b"2":
        return UnknownFormat("This is an intraday report (camt.052); import the statement of the day (camt.053).")
    if _OFX_XML.search(head):
        return Format.OFX
    return UnknownFormat("The file is XML, but neither camt.053, camt.054 nor OFX.")
