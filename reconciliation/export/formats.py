"""Pure: each format an accounting system reads journals in. Amounts are plain decimals; every journal balances.

What each wants was read in public help pages: Xero takes at most 300 lines a file and positive debits; IIF is
tab-separated with TRNS, SPL and ENDTRNS; Sage Intacct wants the head of an entry on its first line only.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from reconciliation.export.journals import Journal

XERO_LINES = 300
INTACCT_DESCRIPTION = 80


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file to hand over: its name and its text."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Options:
    """What a mapping says beside accounts."""

    journal: str = "GJ"
    tax_rate: str = "Tax Exempt"


Writer = Callable[[str, Sequence[Journal], Options], list[ExportFile]]


def quickbooks_iif(name: str, journals: Sequence[Journal], options: Options) -> list[ExportFile]:
    """QuickBooks Desktop: one TRNS block a journal; debits positive, credits negative, MM/DD/YYYY."""
    columns = ("TRNSID", "TRNSTYPE", "DATE", "ACCNT", "NAME", "AMOUNT", "DOCNUM", "MEMO")
    rows = ["\t".join(("!TRNS", *columns)), "\t".join(("!SPL", *columns)), "!ENDTRNS"]
    for journal in journals:
        for place, line in enumerate(journal.lines):
            rows.append(
                "\t".join(
                    (
                        "SPL" if place else "TRNS", "", "GENERAL JOURNAL", f"{journal.on:%m/%d/%Y}",
                        _cell(line.target.name), "", _plain(journal.signed(line)), _cell(journal.number[-11:]),
                        _cell(line.memo or journal.memo),
                    )
                )
            )  # fmt: skip
        rows.append("ENDTRNS")
    return [ExportFile(f"{name}.iif", "\r\n".join(rows) + "\r\n")]


def quickbooks_csv(name: str, journals: Sequence[Journal], options: Options) -> list[ExportFile]:
    """QuickBooks Online: one row a line, told apart by the journal's number."""
    head = ("JournalNo", "JournalDate", "AccountName", "Debits", "Credits", "Description", "Currency")
    rows = (
        (journal.number[-21:], f"{journal.on:%m/%d/%Y}", line.target.name, _plain(journal.debit(line)),
         _plain(journal.credit(line)), line.memo or journal.memo, journal.currency)
        for journal in journals for line in journal.lines
    )  # fmt: skip
    return [ExportFile(f"{name}.csv", _csv(head, rows))]


def xero(name: str, journals: Sequence[Journal], options: Options) -> list[ExportFile]:
    """Xero manual journals: at most 300 lines a file, whole journals each; DD/MM/YYYY, debits positive."""
    head = ("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount")
    files = []
    for number, group in enumerate(_within(journals, XERO_LINES), start=1):
        rows = (
            (f"{journal.memo} {journal.number}", f"{journal.on:%d/%m/%Y}", line.memo, line.target.number,
             options.tax_rate, _plain(journal.signed(line)))
            for journal in group for line in journal.lines
        )  # fmt: skip
        files.append(ExportFile(f"{name}-{number:03d}.csv", _csv(head, rows)))
    return files


def netsuite(name: str, journals: Sequence[Journal], options: Options) -> list[ExportFile]:
    """NetSuite journal entries by CSV import: the external id groups lines and stops a second import."""
    head = ("External ID", "Date", "Currency", "Memo", "Account", "Debit", "Credit", "Line Memo", "Subsidiary",
            "Department", "Class", "Location")  # fmt: skip
    rows = (
        (journal.number, f"{journal.on:%m/%d/%Y}", journal.currency, journal.memo, line.target.number,
         _plain(journal.debit(line)), _plain(journal.credit(line)), line.memo,
         *(line.target.dimensions.get(each, "") for each in ("subsidiary", "department", "class", "location")))
        for journal in journals for line in journal.lines
    )  # fmt: skip
    return [ExportFile(f"{name}.csv", _csv(head, rows))]


def intacct(name: str, journals: Sequence[Journal], options: Options) -> list[ExportFile]:
    """Sage Intacct journal entries: the head on the first line of an entry only, lines numbered from 1."""
    head = ("JOURNAL", "DATE", "DESCRIPTION", "REFERENCE_NO", "LINE_NO", "ACCT_NO", "LOCATION_ID", "DEPT_ID", "MEMO",
            "DEBIT", "CREDIT")  # fmt: skip
    rows = []
    for journal in journals:
        for place, line in enumerate(journal.lines, start=1):
            said = (options.journal, f"{journal.on:%m/%d/%Y}", journal.memo[:INTACCT_DESCRIPTION], journal.number)
            rows.append(
                (*(said if place == 1 else ("", "", "", "")), str(place), line.target.number,
                 line.target.dimensions.get("location", ""), line.target.dimensions.get("department", ""), line.memo,
                 _plain(journal.debit(line)), _plain(journal.credit(line)))
            )  # fmt: skip
    return [ExportFile(f"{name}.csv", _csv(head, rows))]


def generic_csv(name: str, journals: Sequence[Journal], options: Options) -> list[ExportFile]:
    """Any system: one row a line with everything there is."""
    head = ("journal", "date", "currency", "account", "account_name", "debit", "credit", "memo", "entity")
    rows = (
        (journal.number, journal.on.isoformat(), journal.currency, line.target.number, line.target.name,
         _plain(journal.debit(line)), _plain(journal.credit(line)), line.memo or journal.memo, line.entity)
        for journal in journals for line in journal.lines
    )  # fmt: skip
    return [ExportFile(f"{name}.csv", _csv(head, rows))]


def generic_json(name: str, journals: Sequence[Journal], options: Options) -> list[ExportFile]:
    """Any program: the journals with amounts in minor units."""
    told = [
        {
            "number": journal.number,
            "date": journal.on.isoformat(),
            "currency": journal.currency,
            "memo": journal.memo,
            "lines": [
                {
                    "account": line.target.number,
                    "account_name": line.target.name,
                    "amount_minor": line.amount_minor,
                    "memo": line.memo,
                    "entity": line.entity,
                    "dimensions": dict(line.target.dimensions),
                }
                for line in journal.lines
            ],
        }
        for journal in journals
    ]
    return [ExportFile(f"{name}.json", json.dumps({"journals": told}, indent=1) + "\n")]


FORMATS: dict[str, Writer] = {
    "quickbooks_iif": quickbooks_iif,
    "quickbooks_csv": quickbooks_csv,
    "xero": xero,
    "netsuite": netsuite,
    "intacct": intacct,
    "csv": generic_csv,
    "json": generic_json,
}


def _plain(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:f}"


def _cell(text: str) -> str:
    """A text of a tab-separated line: no tabs, line ends or quotes."""
    return " ".join(text.replace('"', "'").split())


def _csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(head)
    lines.writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def _harmless(cell: str) -> str:
    """No spreadsheet takes it for a formula; amounts stay amounts."""
    risky = cell[:1] in ("=", "+", "@", "\t", "\r") or (cell[:1] == "-" and not _is_amount(cell))
    return f"'{cell}" if risky else cell


def _is_amount(cell: str) -> bool:
    return cell[1:].replace(".", "", 1).isdecimal()


def _within(journals: Sequence[Journal], most: int) -> list[list[Journal]]:
    """Whole journals in groups of at most `most` lines; one that is longer stands alone."""
    groups: list[list[Journal]] = []
    held = most
    for journal in journals:
        if held + len(journal.lines) > most:
            groups.append([])
            held = 0
        groups[-1].append(journal)
        held += len(journal.lines)
    return groups
