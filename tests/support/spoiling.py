"""Spoil files for tests in the ways transfers, editors and forgers do, and hold what is read against the truth."""

from __future__ import annotations

import random
import string
from collections import Counter
from collections.abc import Iterator

from reconciliation.statements.base import ParsedFile

FRESH = (string.printable + "٣é").encode()


def mutants(original: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Give spoiled copies: a byte changed, lost or added, the end cut off, lines lost, doubled or exchanged."""
    chance = random.Random(seed)
    for _ in range(count):
        yield _mutate(original, chance)


def _mutate(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    fresh = chance.choice(FRESH).to_bytes(1, "big")
    lines = content.splitlines(keepends=True)
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    kind = chance.randrange(8)
    if kind == 0:
        return content[:at] + fresh + content[at + 1 :]
    if kind == 1:
        return content[:at] + content[at + 1 :]
    if kind == 2:
        return content[:at] + fresh + content[at:]
    if kind == 3:
        return content[:at]
    if kind == 4:
        return b"".join(lines[:one] + lines[one + 1 :])
    if kind == 5:
        return b"".join(lines[: one + 1] + lines[one:])
    if kind == 6:
        lines[one], lines[other] = lines[other], lines[one]
        return b"".join(lines)
    digits = [place for place, byte in enumerate(content) if chr(byte).isdigit()]
    place = chance.choice(digits)
    return content[:place] + str(chance.randrange(10)).encode() + content[place + 1 :]


def money(parsed: ParsedFile) -> Counter[tuple[int | None, int | None, tuple[int, ...]]]:
    """Give balances and amounts of every statement, without any order."""
    return Counter(
        (
            statement.opening_minor,
            statement.closing_minor,
            tuple(sorted(line.amount_minor for line in statement.lines if line.amount_minor)),
        )
        for statement in parsed.statements
    )
