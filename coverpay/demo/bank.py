"""Be the bank: write the BAI2 statement of a day from what processors sent, and the bank's own charge."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

SERVICE_CHARGE_MINOR = 1250
_CREDIT_TYPE, _FEE_TYPE = "165", "698"  # preauthorized ACH credit; miscellaneous fees


@dataclass(frozen=True, slots=True)
class Deposit:
    """Money that reached the account, with the reference its sender gave."""

    amount_minor: int
    reference: str
    text: str


def statement(
    *, bank_id: str, account: str, on: dt.date, opening_minor: int, deposits: list[Deposit], currency: str = "USD"
) -> str:
    """Write one account's day in BAI2: records 01 02 03 16 49 98 99, all control totals and counts filled in."""
    credited = sum(deposit.amount_minor for deposit in deposits)
    closing = opening_minor + credited - SERVICE_CHARGE_MINOR
    day = f"{on:%y%m%d}"
    details = [
        f"16,{_CREDIT_TYPE},{deposit.amount_minor},0,BK{day}{number:03d},{deposit.reference},{deposit.text}/"
        for number, deposit in enumerate(deposits, start=1)
    ]
    details.append(f"16,{_FEE_TYPE},{SERVICE_CHARGE_MINOR},0,BK{day}900,,MONTHLY SERVICE CHARGE/")
    summary = (
        f"03,{account},{currency},010,{opening_minor},,,015,{closing},,,100,{credited},{len(deposits)},,"
        f"400,{SERVICE_CHARGE_MINOR},1,/"
    )
    control = opening_minor + closing + credited + SERVICE_CHARGE_MINOR + credited + SERVICE_CHARGE_MINOR
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
