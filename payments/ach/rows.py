"""Pure: cut what comes as bytes into the rows of an ACH file, however its lines end, or if they do not end at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from payments.ach.layouts import WIDTH

CHUNK = 1 << 16
_LONGEST_LINE = WIDTH * 20
"""A line this long without an end is taken for records that follow each other without line ends."""
_BOM = "ï»¿"


def cut(chunks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Give each row with its number, from 1. Lines of whole records without an end between are cut apart.

    Bytes are read as Latin-1, so that each is one column and none is lost; the reader refuses what is not ASCII.
    """
    number = 0
    for text in _lines(chunks):
        if len(text) <= WIDTH or len(text) % WIDTH:
            number += 1
            yield number, text
        else:
            for begin in range(0, len(text), WIDTH):
                number += 1
                yield number, text[begin : begin + WIDTH]


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = ""
    for text in _texts(chunks):
        rest += text
        lines = rest.split("\n")
        rest = lines.pop()
        yield from lines
        if len(rest) > _LONGEST_LINE:
            whole = (len(rest) // WIDTH - 1) * WIDTH
            yield rest[:whole]
            rest = rest[whole:]
    if rest:
        yield rest


def _texts(chunks: Iterable[bytes]) -> Iterator[str]:
    """The text with one kind of line end; a carriage return at the end of a chunk waits for what follows it."""
    held, begun = "", False
    for chunk in chunks:
        text = held + chunk.decode("latin-1")
        if not begun and text:
            text, begun = text.removeprefix(_BOM), True
        held = "\r" if text.endswith("\r") else ""
        text = text[:-1] if held else text
        yield text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    if held:
        yield "\n"


def chunks_of(content: bytes) -> Iterator[bytes]:
    """A content that is at hand, piece by piece."""
    for begin in range(0, len(content), CHUNK):
        yield content[begin : begin + CHUNK]
