"""Read ISO 20022 bank to customer statements (camt.053) and notifications (camt.054), versions 02 to 08.

Source: ISO 20022 Message Definition Report "Bank-to-Customer Cash Management", messages camt.053.001.02 to .08 and
camt.054.001.02 to .08: Stmt (Acct, Bal, TxsSummry, Ntry). Booked entries move the booked balance from OPBD (or the
previous day's PRCD) to CLBD; pending and future entries do not, and are left out.

A notification has no balances, so nothing in it can prove itself: its own totals must tie, and what it tells of are
announcements, which wait for the statement that brings them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from coverpay.kernel.money import EXPONENTS
from reconciliation.statements.base import (
    UNNAMED_BANK,
    Announced,
    Format,
    ParsedFile,
    ParsedNotice,
    ParsedStatement,
    Problems,
    finish,
    finish_notices,
)
from reconciliation.statements.camt_entries import INFORMATION, Entry, amount, day, entry, sign
from reconciliation.statements.xml_tree import Node, read_xml, report

NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.05([34])\.001\.([0-9]{2})")
VERSIONS = frozenset(f"{number:02}" for number in range(2, 9))
PARTS = {"3": ("BkToCstmrStmt", "Stmt"), "4": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}


def parse(content: bytes) -> ParsedFile:
    """Read a camt.053 or camt.054 file. Never raises on content: what is wrong is a problem with its place."""
    problems = Problems()
    root = read_xml(content, problems)
    if root is None:
        return finish(Format.CAMT053, (), problems)
    known = NAMESPACE.fullmatch(root.namespace)
    if known is None or root.name != "Document":
        report(problems, root, "unknown_message", f"{root.name[:30]!r} is no camt.053 or camt.054 document.")
        return finish(Format.CAMT053, (), problems)
    kind, version = known[1], known[2]
    format = Format.CAMT053 if kind == "3" else Format.CAMT054
    if version not in VERSIONS:
        report(problems, root, "unsupported_version", f"Version {version} is not supported; 02 to 08 are.")
        return finish(format, (), problems)
    message, part = PARTS[kind]
    body = root.child(message)
    if body is None:
        report(problems, root, "no_message", f"The document has no {message}.")
        return finish(format, (), problems)
    for node in body.children:
        if node.name not in ("GrpHdr", "SplmtryData", part):
            report(problems, node, "unknown_element", f"{node.name[:30]!r} does not belong in {message}.")
    if format is Format.CAMT054:
        notices = [_notice(node, problems) for node in body.all(part)]
        return finish_notices(format, [notice for notice in notices if notice is not None], problems)
    read = [_statement(node, problems) for node in body.all(part)]
    return finish(format, [statement for statement in read if statement is not None], problems)


def _notice(node: Node, problems: Problems) -> ParsedNotice | None:
    """Read one Ntfctn without what is information only; None without an account or currency (then reported)."""
    account, bank = _account(node, problems)
    currency = _currency(node, problems)
    if not account or currency is None:
        return None
    read = _entries(node, currency, problems)
    if node.child("Bal") is not None:
        report(problems, node, "unknown_element", "A notification states no balances, this one does.")
    told = tuple(
        Announced(found.line._replace(bank_reference=found.servicer_reference), found.is_booked)
        for found in read
        if found.state != INFORMATION
    )
    return ParsedNotice(account, bank, currency, told, node.line)


def _entries(node: Node, currency: str, problems: Problems) -> list[Entry]:
    """Read every Ntry of a statement or notification, held against its summary."""
    entries = [entry(child, currency, problems) for child in node.all("Ntry")]
    read = [found for found in entries if found is not None]
    _check_summary(node, read, currency, problems)
    return read


def _statement(node: Node, problems: Problems) -> ParsedStatement | None:
    """Read one Stmt; None when it has no account, currency or day (then reported)."""
    account, bank = _account(node, problems)
    currency = _currency(node, problems)
    if not account or currency is None:
        return None
    opening, closing, closed_on = _balances(node, currency, problems)
    read = _entries(node, currency, problems)
    as_of = closed_on or _stated_day(node, problems)
    if as_of is None:
        report(problems, node, "field_missing", "The statement does not say of which day it is.")
        return None
    lines = tuple(found.line_of(as_of) for found in read if found.is_booked)
    late = next((line for line in lines if line.posted_on > as_of), None)
    if late is not None:
        problems.add(late.line, 1, "after_the_day", f"An entry is booked on {late.posted_on}, after {as_of}.")
    last = max((found.line.line for found in read), default=node.line)
    return ParsedStatement(account, bank, currency, as_of, opening, closing, lines, node.line, last)


def _account(node: Node, problems: Problems) -> tuple[str, str]:
    """Read Acct: the IBAN or other number, and the servicer's BIC or clearing number."""
    account = node.said("Acct/Id/IBAN") or node.said("Acct/Id/Othr/Id")
    if not account:
        report(problems, node.child("Acct") or node, "field_missing", "The statement names no account (Acct/Id).")
    servicer = node.find("Acct/Svcr/FinInstnId")
    bank = ""
    if servicer is not None:
        named = (servicer.said(path) for path in ("BICFI", "BIC", "ClrSysMmbId/MmbId", "Othr/Id"))
        bank = next((name for name in named if name), "")
    return account, bank or UNNAMED_BANK


def _currency(node: Node, problems: Problems) -> str | None:
    """Take the account's currency, or that of the first amount where the account names none."""
    stated = node.find("Acct/Ccy")
    currency = stated.text if stated is not None else ""
    if not currency:
        for child in node.children:
            money = child.child("Amt") if child.name in ("Bal", "Ntry") else None
            if money is not None:
                currency, stated = money.attributes.get("Ccy", ""), money
                break
    if currency in EXPONENTS:
        return currency
    message = f"{currency[:30]!r} is no currency we keep books in; its decimals are unknown."
    report(problems, stated or node, "unknown_currency", message)
    return None


def _balances(node: Node, currency: str, problems: Problems) -> tuple[int | None, int | None, dt.date | None]:
    """Read OPBD or PRCD, and CLBD with its day. The other types (available, interim, forward) are only checked."""
    found: dict[str, int | None] = {}
    closed_on: dt.date | None = None
    for balance in node.all("Bal"):
        kind = balance.said("Tp/CdOrPrtry/Cd")
        value = _signed(balance, currency, problems)
        on = day(balance.child("Dt"), problems)
        if kind in ("OPBD", "PRCD", "CLBD"):
            if kind in found:
                report(problems, balance, "balance_repeated", f"The balance {kind} is stated a second time.")
            found[kind] = value
            if kind == "CLBD":
                closed_on = on
                if on is None:
                    report(problems, balance, "field_missing", "The closing balance has no date.")
    opening, previous = found.get("OPBD"), found.get("PRCD")
    if opening is not None and previous is not None and opening != previous:
        report(problems, node, "balances_differ", "The opening balance (OPBD) is not the previous closing (PRCD).")
    return (opening if opening is not None else previous), found.get("CLBD"), closed_on


def _signed(node: Node, currency: str, problems: Problems) -> int | None:
    value, mark = amount(node.child("Amt"), node, currency, problems), sign(node, problems)
    return None if value is None or mark is None else value * mark


def _stated_day(node: Node, problems: Problems) -> dt.date | None:
    for path in ("FrToDt/ToDtTm", "CreDtTm"):
        if (found := node.find(path)) is not None:
            return day(found, problems)
    return None


def _check_summary(node: Node, entries: Sequence[Entry], currency: str, problems: Problems) -> None:
    """Hold TxsSummry, where given, against the entries: all of them, or the booked ones alone."""
    summary = node.child("TxsSummry")
    if summary is None:
        return
    booked = [found for found in entries if found.is_booked]
    for name, signs in (("TtlNtries", (1, -1)), ("TtlCdtNtries", (1,)), ("TtlDbtNtries", (-1,))):
        total = summary.child(name)
        if total is None:
            continue
        counts, sums = [], []
        for some in (entries, booked):
            amounts = [abs(found.line.amount_minor) for found in some if found.sign in signs]
            counts.append(len(amounts))
            sums.append(sum(amounts))
        stated = total.child("NbOfNtries")
        if stated is not None and stated.text not in map(str, counts):
            message = f"There are {counts[0]} entries, {name} says {stated.text[:20]}."
            report(problems, stated, "count", message)
        stated = total.child("Sum")
        if stated is not None and amount(stated, total, currency, problems) not in (None, *sums):
            report(problems, stated, "control_total", f"The entries do not add up to {name}, {stated.text[:20]}.")
        if name == "TtlNtries":
            nets = [sum(found.line.amount_minor for found in some) for some in (entries, booked)]
            _check_net(total, nets, currency, problems)


def _check_net(total: Node, nets: Sequence[int], currency: str, problems: Problems) -> None:
    """Hold the net of all entries against TtlNetNtryAmt (02, 03) or TtlNetNtry (04 on)."""
    at = total.child("TtlNetNtry")
    money = at.child("Amt") if at is not None else total.child("TtlNetNtryAmt")
    if money is None:
        return
    value = amount(money, total, currency, problems)
    mark = (at or total).said("CdtDbtInd")
    known = nets if mark == "CRDT" else [-net for net in nets] if mark == "DBIT" else [abs(net) for net in nets]
    if value is not None and value not in known:
        report(problems, money, "control_total", f"The entries do not come to the net amount {money.text[:20]}.")
