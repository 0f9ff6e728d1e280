"""Pure: the issue file that tells the bank which checks are ours, so that it pays no other (positive pay).

Banks each have a layout of their own; nearly all take one line a check with these values, as CSV or in fixed columns.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass

from coverpay.kernel.money import Money

ISSUE, VOID = "I", "V"
HEADER = ("record", "account", "check_number", "issue_date", "amount", "payee")


@dataclass(frozen=True, slots=True)
class IssuedCheck:
    """One check as the bank must know it. `record` is I for an issue, V for a check that is not to be paid."""

    record: str
    account: str
    number: int
    issued_on: dt.date
    amount: Money
    payee: str


def write(checks: Sequence[IssuedCheck]) -> str:
    """Write the file: a header, a line a check, and a last line with count and sum of the issues."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(HEADER)
    for check in checks:
        lines.writerow([check.record, *_cells(check)])
    issued = [check for check in checks if check.record == ISSUE]
    total = sum((check.amount for check in issued[1:]), issued[0].amount).decimal if issued else "0.00"
    lines.writerow(["T", "", len(issued), "", total, ""])
    return out.getvalue()


def _cells(check: IssuedCheck) -> tuple[str, ...]:
    payee = " ".join(check.payee.upper().split())[:80]
    return check.account, str(check.number), check.issued_on.isoformat(), str(check.amount.decimal), payee
