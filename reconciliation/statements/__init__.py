"""Bank statements: bytes in, statements and problems out. Pure: no Django, no I/O."""

from __future__ import annotations

from collections.abc import Callable

from reconciliation.statements import bai2, camt, mt940, ofx
from reconciliation.statements.base import Format, ParsedFile, Problem
from reconciliation.statements.detect import UnknownFormat, detect

PARSERS: dict[Format, Callable[[bytes], ParsedFile]] = {
    Format.BAI2: bai2.parse,
    Format.CAMT053: camt.parse,
    Format.CAMT054: camt.parse,
    Format.MT940: mt940.parse,
    Format.OFX: ofx.parse,
}


def parse(content: bytes) -> ParsedFile:
    """Read a statement file of any known format. Never raises on content: what is wrong is in `problems`."""
    found = detect(content)
    if isinstance(found, UnknownFormat):
        return ParsedFile(None, (), (Problem(1, 1, "unknown_format", found.reason),))
    return PARSERS[found](content)
