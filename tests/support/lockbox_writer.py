"""Writes files of the BAI lockbox layout that tie, so that tests can break them in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A check as it lies in the lockbox: cents, number, payor, and stubs of (reference, cents)."""

    cents: int
    number: str = "1001"
    payor: str = ""
    stubs: tuple[tuple[str, int], ...] = ()


def file(*checks: Paper, lockbox: str = "0012345", day: str = "260202") -> bytes:
    """One lockbox, one batch."""
    return text([(lockbox, day, [checks])])


def text(boxes: Sequence[tuple[str, str, Sequence[Sequence[Paper]]]]) -> bytes:
    """A file of lockboxes, each with its batches of checks."""
    lines = ["101" + "0000123456" + "0121000358" + "260202" + "0916", "2" + "0000123456" + "0121000358"]
    for lockbox, day, batches in boxes:
        for number, checks in enumerate(batches, start=1):
            lines.append(f"5{number:03d}000{lockbox}{day}")
            for item, check in enumerate(checks, start=1):
                lines += _check(number, item, check)
            total = sum(check.cents for check in checks)
            lines.append(f"7{number:03d}000{lockbox}{day}{len(checks):03d}{total:010d}")
        everything = [check for checks in batches for check in checks]
        total = sum(check.cents for check in everything)
        lines.append(f"8999000{lockbox}{day}{len(everything):04d}{total:010d}")
    lines.append(f"9{len(lines) + 1:06d}")
    return "".join(f"{line:<104}\r\n" for line in lines).encode()


def _check(batch: int, item: int, check: Paper) -> list[str]:
    lines = [f"6{batch:03d}{item:03d}{check.cents:010d}0210000210000456789{check.number:>010}{check.payor:<30}"]
    for number, (reference, cents) in enumerate(check.stubs, start=1):
        last = 9 if number == len(check.stubs) else 0
        lines.append(f"4{batch:03d}{item:03d}6{number:02d}{last}{reference:<20}{cents:010d}")
    return lines
