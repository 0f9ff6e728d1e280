"""Tell a statement's format from its bytes; names and extensions are never asked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciliation.statements.base import Format

_BAI2_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*01\s*,")


@dataclass(frozen=True, slots=True)
class UnknownFormat:
    """The bytes are none of the formats we read; `reason` is a sentence for the person who sent them."""

    reason: str


def detect(content: bytes) -> Format | UnknownFormat:
    """Name the format, or say why none fits. Whether the content is sound is for the parser to say."""
    if not content.strip():
        return UnknownFormat("The file is empty.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return UnknownFormat("The file is UTF-16 text; ask the bank for plain text (ASCII or UTF-8).")
    if _BAI2_START.match(content):
        return Format.BAI2
    return UnknownFormat("The file does not start like any format we read; a BAI2 file starts with a 01 record.")
