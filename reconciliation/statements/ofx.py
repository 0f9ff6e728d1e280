"""Read OFX bank statements, versions 1.x (SGML) and 2.x (XML).

Source: Open Financial Exchange Specification 1.6 and 2.2, section 11.4 (STMTRS, BANKTRANLIST, STMTTRN, LEDGERBAL),
3.2 (date, amount and currency types).

OFX has a closing balance (LEDGERBAL) and no opening one. The opening balance is reckoned, closing less lines, and
marked so: alone the file proves nothing. What proves it is the chain, because the balance reckoned must be what the
statement before closed with; a line changed, lost or added moves it.
"""

from __future__ import annotations

import datetime as dt
import functools
import re

from coverpay.kernel.money import EXPONENTS
from reconciliation.statements.base import (
    LONGEST_TYPE_CODE,
    UNNAMED_BANK,
    Format,
    ParsedFile,
    ParsedLine,
    ParsedStatement,
    Problems,
    finish,
)
from reconciliation.statements.figures import BadFigure, minor
from reconciliation.statements.ofx_tree import read_ofx
from reconciliation.statements.xml_tree import Node, report

_MOMENT = re.compile(
    r"([0-9]{8})(?:([01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9]|60)?(?:\.[0-9]{1,6})?)?"
    r"(?:\[([+-]?[0-9]{1,2}(?:\.[0-9]{1,2})?)(?::[A-Za-z]{1,8})?\])?"
)
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]{0,3}")
SETS = (
    ("BANKMSGSRSV1", "STMTTRNRS", "STMTRS", "BANKACCTFROM"),
    ("CREDITCARDMSGSRSV1", "CCSTMTTRNRS", "CCSTMTRS", "CCACCTFROM"),
)
# fmt: off
TYPES = frozenset({
    "CREDIT", "DEBIT", "INT", "DIV", "FEE", "SRVCHG", "DEP", "ATM", "POS", "XFER", "CHECK", "PAYMENT", "CASH",
    "DIRECTDEP", "DIRECTDEBIT", "REPEATPMT", "HOLD", "OTHER",
})
# fmt: on


def parse(content: bytes) -> ParsedFile:
    """Read an OFX file. Never raises on content: what is wrong is a problem with its place."""
    problems = Problems()
    root = read_ofx(content, problems)
    if root is None:
        return finish(Format.OFX, (), problems)
    statements = []
    for set_name, answer_name, statement_name, account_name in SETS:
        for messages in root.all(set_name):
            for answer in messages.all(answer_name):
                _check_status(answer, problems)
                for node in answer.all(statement_name):
                    read = _statement(node, node.child(account_name), problems)
                    if read is not None:
                        statements.append(read)
    return finish(Format.OFX, statements, problems)


def _check_status(answer: Node, problems: Problems) -> None:
    status = answer.child("STATUS")
    if status is not None and (code := status.said("CODE")) != "0":
        said = f"{status.said('MESSAGE')[:80]} ({code[:10]})".strip()
        report(problems, status, "bank_error", f"The bank answered with an error instead of a statement: {said}.")


def _statement(node: Node, account: Node | None, problems: Problems) -> ParsedStatement | None:
    """Read one STMTRS; None when it has no account, currency, balance or day (then reported)."""
    number = account.said("ACCTID") if account is not None else ""
    bank = account.said("BANKID") if account is not None else ""
    if not number:
        report(problems, account or node, "field_missing", "The statement names no account (ACCTID).")
    currency = _currency(node, problems)
    movements = node.child("BANKTRANLIST")
    ledger = node.child("LEDGERBAL")
    if ledger is None:
        report(problems, node, "closing_missing", "The statement has no closing ledger balance (LEDGERBAL).")
    if ledger is None or currency is None or not number:
        return None
    closing = _amount(ledger, "BALAMT", currency, problems)
    as_of = _day(ledger, "DTASOF", problems, required=True)
    lines = [_line(one, currency, problems) for one in movements.all("STMTTRN")] if movements is not None else []
    read = tuple(line for line in lines if line is not None)
    if closing is None or as_of is None:
        return None
    if movements is not None:
        _check_movements(movements, read, as_of, problems)
    return ParsedStatement(
        account_identifier=number,
        bank_id=bank or UNNAMED_BANK,
        currency=currency,
        as_of=as_of,
        opening_minor=closing - sum(line.amount_minor for line in read),
        closing_minor=closing,
        lines=read,
        first_line=node.line,
        last_line=ledger.line,
        opening_reckoned=True,
    )


def _currency(node: Node, problems: Problems) -> str | None:
    currency = node.said("CURDEF")
    if currency in EXPONENTS:
        return currency
    message = f"{currency[:30]!r} is no currency we keep books in; its decimals are unknown."
    report(problems, node.child("CURDEF") or node, "unknown_currency", message)
    return None


def _line(node: Node, currency: str, problems: Problems) -> ParsedLine | None:
    """Read one STMTTRN; None when it has no amount or day (then reported)."""
    kind, number = node.said("TRNTYPE"), node.said("FITID")
    if kind not in TYPES:
        report(problems, node.child("TRNTYPE") or node, "bad_type_code", f"{kind[:30]!r} is no type of a transaction.")
    if kind == "HOLD":
        report(problems, node, "not_booked", "The transaction is only on hold; import the statement once it is booked.")
    if not number:
        report(problems, node, "field_missing", "The transaction has no number of the bank (FITID).")
    if (corrected := node.child("CORRECTFITID")) is not None and corrected.text:
        message = f"The bank corrects its transaction {corrected.text[:40]}, which is on an earlier statement."
        report(problems, corrected, "correction", message)
    if node.child("CURRENCY") is not None:
        report(problems, node, "currency_differs", f"The transaction is not in {currency}, the account's currency.")
    amount = _amount(node, "TRNAMT", currency, problems)
    posted = _day(node, "DTPOSTED", problems, required=True)
    available = _day(node, "DTAVAIL", problems)
    if amount is None or posted is None:
        return None
    name = node.said("NAME") or node.said("PAYEE/NAME")
    return ParsedLine(
        line=node.line,
        posted_on=posted,
        value_date=available,
        amount_minor=amount,
        type_code=kind[:LONGEST_TYPE_CODE],
        bank_reference=number,
        customer_reference=node.said("CHECKNUM") or node.said("REFNUM"),
        text="\n".join(part for part in (name, node.said("MEMO")) if part),
        payer=node.said("PAYEE/NAME"),
    )


def _amount(node: Node, name: str, currency: str, problems: Problems) -> int | None:
    """Read a signed amount with a point or a comma before its decimals, as 3.2.9.2 allows."""
    money = node.child(name)
    if money is None:
        report(problems, node, "field_missing", f"{node.name} has no {name}.")
        return None
    text = money.text
    if "," in text and _COMMA.fullmatch(text):
        text = text.replace(",", ".")
    try:
        return minor(text, currency, signed=True)
    except BadFigure as refused:
        report(problems, money, refused.code, str(refused))
        return None


def _day(node: Node, name: str, problems: Problems, *, required: bool = False) -> dt.date | None:
    """Read the day of a moment as the bank wrote it, in the bank's own zone."""
    moment = node.child(name)
    if moment is None or not moment.text:
        if required:
            report(problems, moment or node, "field_missing", f"{node.name} has no {name}.")
        return None
    day = _day_of(moment.text)
    if day is None:
        report(
            problems, moment, "bad_date", f"{moment.text[:40]!r} is no date; dates are written YYYYMMDDHHMMSS[-5:EST]."
        )
    return day


@functools.lru_cache(maxsize=1024)
def _day_of(text: str) -> dt.date | None:
    read = _MOMENT.fullmatch(text)
    if read is not None and (read[3] is None or abs(int(read[3].partition(".")[0])) <= 14):
        try:
            return dt.date(int(read[1][:4]), int(read[1][4:6]), int(read[1][6:]))
        except ValueError:
            pass
    return None


def _check_movements(movements: Node, lines: tuple[ParsedLine, ...], as_of: dt.date, problems: Problems) -> None:
    """Report numbers used twice, and days outside the list's period or after the balance."""
    start, end = _day(movements, "DTSTART", problems), _day(movements, "DTEND", problems)
    seen: set[str] = set()
    for line in lines:
        if line.bank_reference in seen:
            message = f"FITID {line.bank_reference[:40]} stands twice; each transaction has a number of its own."
            problems.add(line.line, 1, "number_repeated", message)
        seen.add(line.bank_reference)
        if line.posted_on > as_of:
            message = f"The transaction was posted on {line.posted_on}, after the balance of {as_of}."
            problems.add(line.line, 1, "after_the_day", message)
        elif (start is not None and line.posted_on < start) or (end is not None and line.posted_on > end):
            problems.add(line.line, 1, "outside_period", f"{line.posted_on} is outside the period of the list.")
