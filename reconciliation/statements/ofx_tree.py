"""OFX documents as elements with their places: 1.x is SGML whose elements need no end tag, 2.x is XML.

Source: Open Financial Exchange Specification 1.6, section 2 (structure, header, SGML details: 2.3.2.1 special
characters), and 2.2 for XML. An aggregate always has its end tag; an element has text and mostly none.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right

from reconciliation.statements.base import Problems
from reconciliation.statements.xml_tree import DEEPEST, MOST_ELEMENTS, Node, read_xml, report

_NAME = r"[A-Za-z][A-Za-z0-9._]{0,62}[ \t]*>"
_TAG = re.compile(rf"<(/?)([A-Za-z][A-Za-z0-9._]{{0,62}})[ \t]*>([^<]*(?:<(?!/?{_NAME})[^<]*)*)")
"""A tag and what is said up to the next one; a sign that begins no tag is text."""
_HEADER = re.compile(r"\s*([A-Z]+)\s*:\s*([^\r\n<]*?)[ \t]*(?=[\r\n<]|$|[A-Z]+:)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_XML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?(?:xml|OFX)\s", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\n|\r")

LONGEST_HEADER = 2_000
CHARSETS = {"1252": "cp1252", "ISO-8859-1": "latin-1", "8859-1": "latin-1", "UTF-8": "utf-8", "NONE": "", "": ""}
# fmt: off
MAY_BE_EMPTY = frozenset({
    "MEMO", "NAME", "CHECKNUM", "REFNUM", "SIC", "DTUSER", "DTAVAIL", "SRVRTID", "PAYEEID", "BRANCHID", "ACCTKEY",
    "MESSAGE", "DTSTART", "DTEND", "CORRECTFITID", "CORRECTACTION", "INTU.BID", "INTU.USERID", "INTU.ORG", "ORG", "FID",
    "LANGUAGE", "CURRATE", "CURSYM", "DTPROFUP", "DTACCTUP",
})
# fmt: on


def read_ofx(content: bytes, problems: Problems) -> Node | None:
    """Give the OFX element; None, with the problem reported, when there is none to read."""
    root = read_xml(content, problems) if _XML_START.match(content) else _read_sgml(content, problems)
    if root is not None and root.name != "OFX":
        report(problems, root, "no_ofx", f"The document starts with {root.name[:30]!r} instead of OFX.")
        return None
    return root


def _read_sgml(content: bytes, problems: Problems) -> Node | None:
    start = content.find(b"<")
    if not 0 <= start <= LONGEST_HEADER:
        problems.add(1, 1, "no_ofx", "The file has an OFX header and no document after it.")
        return None
    header = dict(_HEADER.findall(content[:start].decode("ascii", "replace")))
    if header.get("DATA", "OFXSGML") != "OFXSGML" or header.get("ENCODING", "") not in ("", "USASCII", "UTF-8", "NONE"):
        problems.add(1, 1, "bad_header", "The OFX header names a data format or an encoding that is not read.")
    if header.get("SECURITY", "NONE") not in ("NONE", ""):
        problems.add(1, 1, "bad_header", "The OFX file is encrypted.")
    text = _decode(content, header)
    control = _CONTROL.search(text)
    if control:
        line, column = _Places(text).of(control.start())
        message = f"Character {ord(control[0])} does not belong in a statement."
        problems.add(line, column, "control_character", message)
        return None
    return _Sgml(text, problems).read()


def _decode(content: bytes, header: dict[str, str]) -> str:
    """Decode by the header; many banks name one character set and write another, so UTF-8 is tried first."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        named = CHARSETS.get(header.get("CHARSET", "").upper(), "") or "cp1252"
        return content.decode("cp1252" if named == "utf-8" else named, "replace").removeprefix("ï»¿")


class _Places:
    """Lines and columns of offsets in a text."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in _LINE_END.finditer(text))]
        self._ahead = 1

    def after(self, offset: int) -> tuple[int, int]:
        """As `of`, for offsets asked in their order."""
        while self._ahead < len(self._starts) and self._starts[self._ahead] <= offset:
            self._ahead += 1
        return self._ahead, offset - self._starts[self._ahead - 1] + 1

    def of(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


class _Sgml:
    """Builds the elements of one document; what is not closed, or closes nothing, is reported."""

    def __init__(self, text: str, problems: Problems) -> None:
        self.text = text
        self.problems = problems
        self.places = _Places(text)
        self.root: Node | None = None
        self.open: list[Node] = []
        self.leaf = ""  # the element just read, whose end tag may follow

    def read(self) -> Node | None:
        for count, tag in enumerate(_TAG.finditer(self.text)):
            if count >= MOST_ELEMENTS or len(self.open) > DEEPEST:
                self._report(tag.start(), "xml_too_large", "The OFX is too deep or has too many elements.")
                return None
            closes, name, said = tag.groups()
            if closes:
                self._end(name.upper(), tag.start(), said)
            else:
                self._start(name.upper(), tag.start(), said)
        for node in self.open:
            report(self.problems, node, "not_closed", f"{node.name} has no end tag; the file may be cut off.")
        if self.root is None:
            self._report(0, "no_ofx", "The file has no element that can be read.")
        return self.root

    def _report(self, offset: int, code: str, message: str) -> None:
        line, column = self.places.of(offset)
        self.problems.add(line, column, code, message)

    def _start(self, name: str, offset: int, said: str) -> None:
        line, column = self.places.after(offset)
        text = said.strip()
        node = Node(name, line, column, "", html.unescape(text) if "&" in text else text)
        if self.open:
            self.open[-1].add(node)
        elif self.root is None:
            self.root = node
        else:
            self._report(offset, "after_the_end", f"{name} stands after the end of the document.")
        if text or name in MAY_BE_EMPTY:
            self.leaf = name
        else:
            self.open.append(node)
            self.leaf = ""

    def _end(self, name: str, offset: int, said: str) -> None:
        if said.strip():
            self._report(offset, "stray_text", f"Text stands after the end of {name}, outside any element.")
        if self.leaf == name:
            self.leaf = ""
            return
        self.leaf = ""
        if self.open and self.open[-1].name == name:
            self.open.pop()
            return
        inside = self.open[-1].name if self.open else "nothing"
        self._report(offset, "wrong_end", f"{name} ends here, but {inside} is open.")
        if any(node.name == name for node in self.open):
            while self.open.pop().name != name:
                pass
