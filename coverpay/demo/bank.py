"""Be the bank: write the BAI2 statement of a day from what moved on the account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

SERVICE_CHARGE_MINOR = 1250
ACH_CREDIT, WIRE, DEPOSIT, INTEREST, FEE = "165", "195", "301", "354", "698"
"""BAI2 type codes: preauthorized ACH credit, incoming transfer, commercial deposit, interest, miscellaneous fees."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that came to the account (above zero) or left it, with its type code and the reference its sender gave."""

    amount_minor: int
    type_code: str
    reference: str
    text: str


def statement(
    *, bank_id: str, account: str, on: dt.date, opening_minor: int, moved: Sequence[Movement], currency: str = "USD"
) -> str:
    """Write one account's day in BAI2: records 01 02 03 16 49 98 99, all control totals and counts filled in."""
    credits = [each.amount_minor for each in moved if each.amount_minor > 0]
    debits = [-each.amount_minor for each in moved if each.amount_minor < 0]
    credited, debited = sum(credits), sum(debits)
    closing = opening_minor + credited - debited
    day = f"{on:%y%m%d}"
    details = [
        f"16,{each.type_code},{abs(each.amount_minor)},0,BK{day}{number:03d},{each.reference},{each.text}/"
        for number, each in enumerate(moved, start=1)
    ]
    summary = (
        f"03,{account},{currency},010,{opening_minor},,,015,{closing},,,100,{credited},{len(credits)},,"
        f"400,{debited},{len(debits)},/"
    )
    control = opening_minor + closing + 2 * (credited + debited)
    lines = [
        f"01,{bank_id},COVERPAY,{day},0600,1,,,2/",
        f"02,COVERPAY,{bank_id},1,{day},2400,{currency},2/",
        summary,
        *details,
        f"49,{control},{len(details) + 2}/",
        f"98,{control},1,{len(details) + 4}/",
        f"99,{control},1,{len(details) + 6}/",
    ]
    return "\n".join(lines) + "\n"
