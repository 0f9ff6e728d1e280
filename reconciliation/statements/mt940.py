"""Read SWIFT MT940 customer statements, with or without their envelopes.

Source: SWIFT Standards, Category 9 (Cash Management and Customer Status), MT940: fields 20, 21, 25, 28C, 60a, 61, 86,
62a, 64 and 65. A long statement comes as several messages ("pages"): the first opens with 60F, the last closes with
62F, and those between hand the balance over with 62M and 60M. The pages of one statement are joined, and every page
must tie by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from reconciliation.statements.base import (
    UNNAMED_BANK,
    Format,
    ParsedFile,
    ParsedLine,
    ParsedStatement,
    Problems,
    finish,
)
from reconciliation.statements.mt940_fields import (
    Balance,
    Field,
    Message,
    balance,
    fields,
    has_entry_date,
    movement,
    pages_of,
)

_NUMBER = re.compile(r"([0-9]{1,5})(?:/([0-9]{1,5}))?")
KNOWN = frozenset({"20", "21", "25", "25P", "28C", "28", "60F", "60M", "61", "86", "62F", "62M", "64", "65"})
BEFORE_86 = frozenset({"61", "62F", "62M", "64", "65"})
NO_FIELD = Field("", 0, 0, ())
BALANCE_NAMES = {"60": "opening", "62": "closing"}


@dataclass(slots=True)
class _Page:
    """One message: a part of a statement, or all of it."""

    at: Field
    last_line: int
    account: str = ""
    bank: str = ""
    number: str = ""
    page: int | None = None
    opening: Balance | None = None
    closing: Balance | None = None
    lines: list[ParsedLine] = field(default_factory=list)
    undated: set[int] = field(default_factory=set)
    """Movements without an entry date: they were entered by the day of the closing balance."""


def parse(content: bytes) -> ParsedFile:
    """Read an MT940 file. Never raises on content: what is wrong is a problem with its place."""
    problems = Problems()
    pages = [_page(message, problems) for message in pages_of(fields(content, problems), problems)]
    return finish(Format.MT940, _join(pages, problems), problems)


def _page(message: Message, problems: Problems) -> _Page:
    """Read one message, in the order its fields stand."""
    first = message.fields[0]
    page = _Page(first, message.fields[-1].last_line)
    last_tag = ""
    for one, after in zip(message.fields, [*message.fields[1:], NO_FIELD], strict=True):
        if one.tag == "61":
            _moved(one, after.rows if after.tag == "86" else (), page, problems)
        elif one.tag == "86":
            if last_tag not in BEFORE_86:
                problems.add(one.line, 1, "out_of_order", "Information (86) follows neither a movement nor a balance.")
        elif one.tag not in KNOWN:
            problems.add(one.line, 1, "unknown_field", f"Field {one.tag} does not belong in an MT940.")
        elif one.tag in ("25", "25P"):
            _account(one, message, page, problems)
        elif one.tag in ("28C", "28"):
            _numbered(one, page, problems)
        elif one.tag in ("60F", "60M", "62F", "62M"):
            _balanced(one, page, problems)
        elif one.tag in ("64", "65"):
            balance(one, problems)
        last_tag = one.tag
    _check_page(page, problems)
    return page


def _account(one: Field, message: Message, page: _Page, problems: Problems) -> None:
    """Read 25: an account, or a bank and an account set apart by a slash; 25P adds the bank's BIC on a line."""
    bank, slash, account = one.rows[0].partition("/")
    page.account = (account if slash else bank).strip()
    page.bank = (bank if slash else "").strip() or (one.rows[1].strip() if len(one.rows) > 1 else "")
    page.bank = page.bank or message.sender or UNNAMED_BANK
    if not page.account:
        problems.add(one.line, one.column, "field_missing", "Field 25 names no account.")


def _numbered(one: Field, page: _Page, problems: Problems) -> None:
    read = _NUMBER.fullmatch(one.text)
    if read is None:
        problems.add(one.line, one.column, "bad_number", f"{one.text[:20]!r} is no statement number.")
        return
    page.number = read[1].lstrip("0")
    page.page = int(read[2]) if read[2] else None


def _balanced(one: Field, page: _Page, problems: Problems) -> None:
    name = BALANCE_NAMES[one.tag[:2]]
    if getattr(page, name) is not None:
        problems.add(one.line, 1, "balance_repeated", f"The {name} balance is stated a second time.")
    read = balance(one, problems)
    if name == "opening":
        page.opening = read
    else:
        page.closing = read


def _moved(one: Field, said: Sequence[str], page: _Page, problems: Problems) -> None:
    """Read 61 with what 86 says of it. After a balance, 86 speaks of the whole statement, and is left out."""
    if page.opening is None or page.closing is not None:
        problems.add(one.line, 1, "out_of_order", "A movement (61) stands outside the two balances.")
    read = movement(one, said, page.opening.currency if page.opening else "", problems)
    if read is not None:
        page.lines.append(read)
        if not has_entry_date(one):
            page.undated.add(one.line)


def _check_page(page: _Page, problems: Problems) -> None:
    if not page.account:
        problems.add(page.at.line, 1, "field_missing", "The message names no account (25).")
    if not page.number:
        problems.add(page.at.line, 1, "field_missing", "The message has no statement number (28C).")
    opening, closing = page.opening, page.closing
    if opening is None or closing is None:
        missing = "opening (60F)" if opening is None else "closing (62F)"
        problems.add(page.at.line, 1, "balance_missing", f"The message has no {missing} balance to read.")
        return
    if opening.currency != closing.currency:
        problems.add(closing.line, 1, "currency_differs", f"It opens in {opening.currency}, closes otherwise.")
    total = opening.amount_minor + sum(line.amount_minor for line in page.lines)
    if total != closing.amount_minor:
        message = f"The page comes to {total} in minor units, its closing balance is {closing.amount_minor}."
        problems.add(closing.line, 1, "page_does_not_tie", message)
    for place, line in enumerate(page.lines):
        if line.posted_on > closing.on and line.line in page.undated:
            page.lines[place] = line._replace(posted_on=closing.on)
        elif line.posted_on > closing.on:
            message = f"A movement is entered on {line.posted_on}, after {closing.on}."
            problems.add(line.line, 1, "after_the_day", message)


def _join(pages: Sequence[_Page], problems: Problems) -> list[ParsedStatement]:
    """Join the pages of each statement; report pages that do not follow one another."""
    statements: list[ParsedStatement] = []
    started: list[_Page] = []
    opening: Balance | None = None
    for page in pages:
        if page.opening is None or page.closing is None or not page.account:
            continue  # reported with the page
        if not page.opening.is_final:
            _check_follows(started, page, problems)
        elif started:
            _report_open(started[-1], problems)
            started = []
        if opening is None or not started:
            opening = page.opening
        started.append(page)
        if page.closing.is_final:
            statements.append(_statement(started, opening, page.closing))
            started = []
    if started:
        _report_open(started[-1], problems)
    return statements


def _report_open(page: _Page, problems: Problems) -> None:
    problems.add(page.at.line, 1, "page_missing", "The statement goes on (62M), but its next page does not follow.")


def _check_follows(started: Sequence[_Page], page: _Page, problems: Problems) -> None:
    before = started[-1] if started else None
    if before is None or before.account != page.account or before.number != page.number:
        problems.add(page.at.line, 1, "page_missing", "The page continues (60M) a statement that is not before it.")
        return
    if page.page is not None and before.page is not None and page.page != before.page + 1:
        problems.add(page.at.line, 1, "page_missing", f"Page {page.page} follows page {before.page}.")
    if before.closing is None or page.opening is None:
        return
    handed, taken = before.closing, page.opening
    if (handed.amount_minor, handed.currency) != (taken.amount_minor, taken.currency):
        problems.add(taken.line, 1, "page_balance", "The page does not open with the balance the one before handed on.")


def _statement(pages: Sequence[_Page], opening: Balance, closing: Balance) -> ParsedStatement:
    first, last = pages[0], pages[-1]
    return ParsedStatement(
        account_identifier=first.account,
        bank_id=first.bank,
        currency=opening.currency,
        as_of=closing.on,
        opening_minor=opening.amount_minor,
        closing_minor=closing.amount_minor,
        lines=tuple(line for page in pages for line in page.lines),
        first_line=first.at.line,
        last_line=last.last_line,
    )
