"""Entries of camt.053 and camt.054 (Ntry) with their batches and transaction details.

Source: ISO 20022 Message Definition Report "Bank-to-Customer Cash Management", components ReportEntry2 to
ReportEntry10, EntryDetails and EntryTransaction. CdtDbtInd is the direction of the entry itself, also when RvslInd
says that it reverses another.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciliation.statements.base import LONGEST_REFERENCE, LONGEST_TYPE_CODE, ParsedLine, Problems
from reconciliation.statements.figures import BadFigure, minor
from reconciliation.statements.xml_tree import Node, report

SIGNS = {"CRDT": 1, "DBIT": -1}
BOOKED, INFORMATION = "BOOK", "INFO"
STATES = frozenset({"BOOK", "PDNG", "INFO", "FUTR"})
NOT_GIVEN = frozenset({"", "NOTPROVIDED", "NOT PROVIDED", "NONREF"})
REFERENCES = ("Refs/EndToEndId", "RmtInf/Strd/CdtrRefInf/Ref", "Refs/ChqNb", "Refs/InstrId", "Refs/TxId")
DEBTORS, CREDITORS = ("Dbtr/Nm", "Dbtr/Pty/Nm"), ("Cdtr/Nm", "Cdtr/Pty/Nm")
PARTIES = DEBTORS + CREDITORS

_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One Ntry: the line it makes, its direction, its state, whether it is dated, the account servicer's reference."""

    line: ParsedLine
    sign: int
    state: str
    is_dated: bool
    servicer_reference: str

    @property
    def is_booked(self) -> bool:
        """Whether it is in the booked balance."""
        return self.state == BOOKED

    def line_of(self, as_of: dt.date) -> ParsedLine:
        """Give the line; without a booking date it was booked on the statement's day, at the latest."""
        if self.is_dated or self.line.posted_on <= as_of:
            return self.line
        return self.line._replace(posted_on=as_of)


def entry(node: Node, currency: str, problems: Problems) -> Entry | None:
    """Read one entry; None when it cannot be a line (then reported)."""
    value, mark = amount(node.child("Amt"), node, currency, problems), sign(node, problems)
    state = node.said("Sts/Cd") or node.said("Sts")
    if state not in STATES:
        report(problems, node.child("Sts") or node, "bad_status", f"{state[:30]!r} is no status of an entry.")
    reversal = node.said("RvslInd")
    if reversal not in ("", "true", "false", "1", "0"):
        report(problems, node, "bad_reversal", f"The reversal mark is {reversal[:30]!r}; it is true or false.")
    booked, valued = day(node.child("BookgDt"), problems), day(node.child("ValDt"), problems)
    posted = booked or valued
    if posted is None:
        report(problems, node, "field_missing", "The entry has neither booking date nor value date.")
    if value is None or mark is None or posted is None:
        return None
    reference = _given(node.said("AcctSvcrRef"))
    details = [detail for group in node.all("NtryDtls") for detail in group.all("TxDtls")]
    _check_batches(node, value, mark, currency, problems)
    _check_details(node, details, value * mark, currency, problems)
    is_reversal = reversal in ("true", "1")
    line = ParsedLine(
        line=node.line,
        posted_on=posted,
        value_date=valued,
        amount_minor=value * mark,
        type_code=_type_code(node),
        bank_reference=reference or _given(node.said("NtryRef")),
        customer_reference=_reference(node, details),
        text=_text(node, details, is_reversal=is_reversal),
        payer=_payer(details, came_in=(mark > 0) != is_reversal),
    )
    return Entry(line, mark, state, booked is not None, reference)


def amount(money: Node | None, at: Node, currency: str, problems: Problems) -> int | None:
    """Read an amount without a sign in the account's currency; None when there is none to use (then reported)."""
    if money is None:
        report(problems, at, "field_missing", f"{at.name} has no amount.")
        return None
    stated = money.attributes.get("Ccy", currency)
    if stated != currency:
        report(problems, money, "currency_differs", f"The amount is in {stated[:10]!r}, the account in {currency}.")
        return None
    try:
        return minor(money.text, currency)
    except BadFigure as refused:
        report(problems, money, refused.code, str(refused))
        return None


def sign(node: Node, problems: Problems) -> int | None:
    """Read CdtDbtInd: 1 for CRDT, -1 for DBIT; None for anything else (then reported)."""
    mark = node.said("CdtDbtInd")
    if mark not in SIGNS:
        message = f"{node.name} has the mark {mark[:10]!r}; it must be CRDT or DBIT."
        report(problems, node.child("CdtDbtInd") or node, "bad_mark", message)
    return SIGNS.get(mark)


def day(node: Node | None, problems: Problems) -> dt.date | None:
    """Read a date, or the day of a moment as the bank wrote it; None without one or for a bad one (then reported)."""
    if node is None:
        return None
    inner = node.child("Dt") or node.child("DtTm")
    shown = (inner or node).text
    read = _DAY.fullmatch(shown) or _MOMENT.fullmatch(shown)
    if read is not None:
        try:
            return dt.date.fromisoformat(read[1])
        except ValueError:
            pass
    report(problems, inner or node, "bad_date", f"{shown[:30]!r} is no date.")
    return None


def _check_batches(node: Node, value: int, mark: int, currency: str, problems: Problems) -> None:
    """Hold Btch, where given, against its details and, when it is the only one, against the entry's amount."""
    groups = list(node.all("NtryDtls"))
    total = 0
    stated_all = bool(groups)
    for group in groups:
        batch = group.child("Btch")
        if batch is None:
            stated_all = False
            continue
        details = sum(1 for _ in group.all("TxDtls"))
        count = batch.child("NbOfTxs")
        if count is not None and details and count.text.lstrip("0") != str(details):
            message = f"The batch holds {details} transactions, it says {count.text[:20]}."
            report(problems, count, "batch_count", message)
        money = batch.child("TtlAmt")
        stated = amount(money, batch, currency, problems) if money is not None else None
        if stated is None:
            stated_all = False
        else:
            total += stated * (sign(batch, problems) or mark if batch.child("CdtDbtInd") else mark)
    if stated_all and total != value * mark:
        report(problems, node, "batch_total", "The batches' total is not the amount of the entry.")


def _check_details(node: Node, details: Sequence[Node], value: int, currency: str, problems: Problems) -> None:
    """Hold the sum of the transaction details against the entry. A single one without an amount is the whole entry."""
    moneys = [detail.child("Amt") or detail.find("AmtDtls/TxAmt/Amt") for detail in details]
    stated = [money for money in moneys if money is not None and money.attributes.get("Ccy", currency) == currency]
    if not stated:
        return
    if len(stated) != len(details):
        report(problems, node, "details_incomplete", "Some transaction details have an amount and some have none.")
        return
    total = 0
    for detail, money in zip(details, stated, strict=True):
        mark = sign(detail, problems) if detail.child("CdtDbtInd") else (1 if value >= 0 else -1)
        total += (amount(money, detail, currency, problems) or 0) * (mark or 0)
    if total != value:
        message = f"The transaction details add up to {total} in minor units, the entry is {value}."
        report(problems, node, "details_total", message)


def _type_code(node: Node) -> str:
    """Join domain, family and sub-family, four letters each; a bank's own code where there are none."""
    code = node.find("BkTxCd/Domn")
    if code is not None:
        parts = (code.said("Cd"), code.said("Fmly/Cd"), code.said("Fmly/SubFmlyCd"))
        return "".join(parts)[:LONGEST_TYPE_CODE]
    return node.said("BkTxCd/Prtry/Cd")[:LONGEST_TYPE_CODE]


def _given(value: str) -> str:
    return "" if value.upper() in NOT_GIVEN else value


def _first(node: Node, paths: Sequence[str]) -> str:
    return next((found for path in paths if (found := _given(node.said(path)))), "")


def _reference(node: Node, details: Sequence[Node]) -> str:
    """Take the detail's reference; of several all that fit, else the batch's."""
    found = [reference for detail in details if (reference := _first(detail, REFERENCES))]
    joined = " ".join(dict.fromkeys(found))
    if len(found) <= 1 or len(joined) <= LONGEST_REFERENCE:
        return joined or _batch(node)
    return _batch(node) or found[0]


def _batch(node: Node) -> str:
    return _first(node, ("NtryDtls/Btch/PmtInfId", "NtryDtls/Btch/MsgId"))


def _text(node: Node, details: Sequence[Node], *, is_reversal: bool) -> str:
    parts = ["Reversal"] if is_reversal else []
    parts.append(node.said("AddtlNtryInf"))
    for detail in details:
        money = detail.child("Amt") or detail.find("AmtDtls/TxAmt/Amt")
        remittance = detail.child("RmtInf")
        said = [
            _first(detail, REFERENCES) if len(details) > 1 else "",
            f"{money.attributes.get('Ccy', '')} {money.text}".strip() if money is not None and len(details) > 1 else "",
            *(_parties(detail)),
            *(line.text for line in (remittance.all("Ustrd") if remittance is not None else ())),
            detail.said("AddtlTxInf"),
        ]
        parts.append(" ".join(part for part in said if part))
    return "\n".join(part for part in parts if part)


def _payer(details: Sequence[Node], *, came_in: bool) -> str:
    """Name the other party of the only transaction, or of several that all name the same: who paid, or was paid.

    Takes:  `came_in`, by the transaction itself: its reversal moves the other way between the same parties.
    """
    paths = DEBTORS if came_in else CREDITORS
    named = {_first(parties, paths) for detail in details if (parties := detail.child("RltdPties")) is not None}
    return named.pop() if len(named) == 1 else ""


def _parties(detail: Node) -> list[str]:
    parties = detail.child("RltdPties")
    if parties is None:
        return []
    return [name for path in PARTIES if (name := parties.said(path))]
