"""A bank for ACH tests: writes files of returns, changes and the rest by hand; shares no code with what it tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

BANK, COMPANY, ODFI = "121000358", "1234567890", "12100035"
RDFI = "09100001"
_WEIGHTS = (3, 7, 1, 3, 7, 1, 3, 7, 1)


def routing(bank: str) -> str:
    """A routing number of a bank's eight digits, its check digit found by trying."""
    return bank + next(
        d for d in "0123456789" if sum(w * int(c) for w, c in zip(_WEIGHTS, bank + d, strict=True)) % 10 == 0
    )


@dataclass(frozen=True)
class Row:
    """An entry with its addenda, as rows; what the control records must add up."""

    rows: tuple[str, ...]
    bank: str
    debit: int = 0
    credit: int = 0


def returned(
    trace: str, code: str, amount: int, *, bank: str = RDFI, transaction: str = "26", sequence: int = 1,
    name: str = "Aloha Foods", information: str = "", died_on: str = "",
) -> Row:  # fmt: skip
    """An entry that comes back."""
    mine = f"{bank}{sequence:07}"
    addenda = f"799{code}{trace}{died_on:<6}{bank}{information:<44}{mine}"
    return _row(transaction, bank, amount, name, mine, addenda)


def changed(trace: str, code: str, corrected: str, *, bank: str = RDFI, sequence: int = 1) -> Row:
    """A notification of change."""
    mine = f"{bank}{sequence:07}"
    addenda = f"798{code}{trace}{'':6}{bank}{corrected:<29}{'':15}{mine}"
    return _row("26", bank, 0, "Aloha Foods", mine, addenda)


def refused_change(trace: str, code: str, corrected: str, change_code: str, *, sequence: int = 1) -> Row:
    """A notification of change that goes back."""
    mine = f"{RDFI}{sequence:07}"
    addenda = f"798{code}{trace}{'':6}{RDFI}{corrected:<29}{change_code}{trace[-7:]}{'':5}{mine}"
    return _row("26", RDFI, 0, "Aloha Foods", mine, addenda)


def dishonored(trace: str, code: str, amount: int, returned_for: str, *, sequence: int = 1) -> Row:
    """A return that our bank does not take."""
    mine = f"{RDFI}{sequence:07}"
    addenda = f"799{code}{trace}{'':6}{RDFI}{'':3}{RDFI}0000001{'330'}{returned_for[1:]}{'UNTIMELY':<21}{mine}"
    return _row("26", RDFI, amount, "Aloha Foods", mine, addenda)


def contested(trace: str, code: str, amount: int, returned_for: str, *, sequence: int = 1) -> Row:
    """A return that the other bank insists on."""
    mine = f"{RDFI}{sequence:07}"
    addenda = f"799{code}{trace}{'261125'}{RDFI}{'328'}{RDFI}0000001{'330'}{returned_for[1:]}"
    addenda += f"{ODFI}0000009{'331'}{'68'} {mine}"
    return _row("26", RDFI, amount, "Aloha Foods", mine, addenda)


def acknowledged(trace: str, *, sequence: int = 1) -> Row:
    """An acknowledgement that a credit to a company has come."""
    mine = f"{RDFI}{sequence:07}"
    entry = f"624{routing(RDFI)}{'1234567':<17}{0:010}{trace:<15}{'Aloha Foods':<22}  0{mine}"
    return Row((entry,), RDFI)


def _row(transaction: str, bank: str, amount: int, name: str, trace: str, addenda: str) -> Row:
    entry = f"6{transaction}{routing(bank)}{'1234567':<17}{amount:010}{'INS-1':<15}{name:<22}  1{trace}"
    debit = transaction[1] in "6789"
    return Row((entry, addenda), bank, amount if debit else 0, 0 if debit else amount)


def file(
    *batches: Sequence[Row], sec: str = "PPD", on: dt.date = dt.date(2026, 11, 27), newline: str = "\n",
    filled: bool = True,
) -> bytes:  # fmt: skip
    """A file of batches whose controls are right."""
    day = on.strftime("%y%m%d")
    lines = [f"101 {BANK}{COMPANY:>10}{day}0900A094101{'FIRST BANK':<23}{'COVERPAY':<23}{'':8}"]
    for number, rows in enumerate(batches, 1):
        lines.append(f"5200{'COVERPAY':<16}{'':20}{COMPANY}{sec}{'PREMIUM':<10}{'':6}{day}   1{RDFI}{number:07}")
        lines += [line for row in rows for line in row.rows]
        lines.append(f"8200{_sums(rows)}{COMPANY}{'':25}{RDFI}{number:07}")
    every = [row for rows in batches for row in rows]
    blocks = -(-(len(lines) + 1) // 10)
    lines.append(f"9{len(batches):06}{blocks:06}{_sums(every, count=8)}{'':39}")
    if filled:
        lines += ["9" * 94] * (blocks * 10 - len(lines))
    return newline.join([*lines, ""] if newline else lines).encode()


def _sums(rows: Sequence[Row], count: int = 6) -> str:
    counted = sum(len(row.rows) for row in rows)
    hashed = sum(int(row.bank) for row in rows) % 10**10
    debit, credit = sum(row.debit for row in rows), sum(row.credit for row in rows)
    return f"{counted:0{count}}{hashed:010}{debit:012}{credit:012}"
