"""Read BAI2 balance reports (also ANSI X9.121-2012, and BTRS version 3 where it kept the record layout).

Source: Cash Management Balance Reporting Specifications Version 2 (BAI, 2005): records 01 file header, 02 group
header, 03 account identifier and summary/status, 16 transaction detail, 49/98/99 trailers, 88 continuation.
A file nests as 01 (02 (03 16* 49)* 98)* 99. Every trailer repeats the sum of all amounts and the number of physical
records at its level, and every one of these is checked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from coverpay.kernel.money import EXPONENTS
from reconciliation.statements.bai2_fields import (
    TOTAL_CREDITS,
    TOTAL_DEBITS,
    Fields,
    availability,
    direction,
    type_code,
)
from reconciliation.statements.bai2_records import Details, Record, check_plain, read
from reconciliation.statements.base import (
    Availability,
    Format,
    ParsedFile,
    ParsedLine,
    ParsedStatement,
    Problems,
    finish,
)

OPENING_LEDGER, CLOSING_LEDGER = "010", "015"
DEFAULT_CURRENCY = "USD"
GROUP_STATUS = {"2": "deletion", "3": "correction", "4": "test"}
DAYS = {"0": 0, "1": 1, "2": 2}  # funds types that say in how many days the whole amount is usable
UNDATED = {"": Availability(""), "Z": Availability("Z")}
INTERIM_MODIFIERS = {"1": "interim previous-day", "3": "interim same-day"}
SIGNS = {f"{number:03}": direction(f"{number:03}") for number in range(1000)}
NAMES = {"01": "file header", "02": "group header", "03": "account", "49": "account", "98": "group", "99": "file"}


@dataclass(slots=True)
class _Level:
    """What a trailer must repeat: the sum of amounts, the number of physical records, the number of parts."""

    record: Record
    total: int = 0
    records: int = 0
    parts: int = 0


@dataclass(slots=True)
class _Account(_Level):
    number: str = ""
    currency: str | None = None
    summaries: dict[str, int | None] = field(default_factory=dict)
    lines: list[ParsedLine] = field(default_factory=list)


@dataclass(slots=True)
class _Group(_Level):
    bank_id: str = ""
    as_of: dt.date | None = None
    currency: str = ""


def parse(content: bytes) -> ParsedFile:
    """Read a BAI2 file. Never raises on content: every departure from the format is a problem with its place."""
    problems = Problems()
    reader = _Reader(problems)
    for record in read(content, problems):
        if isinstance(record, Details):
            reader.take_details(record)
        else:
            reader.take(record)
    reader.end()
    return finish(Format.BAI2, reader.statements, problems)


class _Reader:
    """Walks the records and keeps the three open levels; a level left open is reported and closed unproved."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.statements: list[ParsedStatement] = []
        self.file: _Level | None = None
        self.group: _Group | None = None
        self.account: _Account | None = None
        self.sender = ""
        self.default_currency = DEFAULT_CURRENCY
        self.ended = False
        self._last: Record | Details | None = None
        self._takers: dict[str, Callable[[Record], None]] = {
            "01": self._file_header,
            "02": self._group_header,
            "03": self._account_identifier,
            "16": self._detail,
            "49": self._account_trailer,
            "98": self._group_trailer,
            "99": self._file_trailer,
        }

    def take(self, record: Record) -> None:
        self._last = record
        if self.ended:
            self._report(record, "after_the_end", f"Record {record.code} stands after the file trailer (99).")
        elif self.file is None and record.code != "01":
            self._report(record, "no_file_header", "The file must start with its header, record 01.")
            self.file = _Level(record)
        self._takers[record.code](record)

    def take_details(self, details: Details) -> None:
        """Take plain details; when there is anything to report about where they stand, they go the long way."""
        account, group = self.account, self.group
        found = [match.groups() for match in details.found]
        signs = [SIGNS[fields[0]] for fields in found]
        if account is None or group is None or group.as_of is None or self.ended or not all(signs):
            for record in details.records():
                self.take(record)
            return
        as_of, amounts = group.as_of, [int(fields[1]) for fields in found]
        account.lines += [
            ParsedLine(
                line,
                as_of,
                as_of if kind == "0" else None,
                sign * amount,
                code,
                bank_reference.strip(),
                customer_reference.strip(),
                text.removesuffix("/").strip(),
                UNDATED.get(kind) or Availability(kind, None, "", ((DAYS[kind], amount),)),
            )
            for (line, _), sign, amount, (code, _, kind, bank_reference, customer_reference, text) in zip(
                details.lines, signs, amounts, found, strict=True
            )
            if sign
        ]
        account.total += sum(amounts)
        account.records += len(amounts)
        self._last = details

    def end(self) -> None:
        """Report the trailers that never came."""
        if self._last is None:
            return
        last = list(self._last.records())[-1] if isinstance(self._last, Details) else self._last
        self._leave_account(last)
        self._leave_group(last)
        if not self.ended:
            self._report(last, "file_not_closed", "The file ends without its trailer, record 99.", end=True)

    def _report(self, record: Record, code: str, message: str, *, end: bool = False) -> None:
        self.problems.add(record.last_line if end else record.line, 1, code, message)

    def _count(self, record: Record) -> None:
        """Count physical records at the innermost level; a level that closes hands its count on."""
        level = self.account or self.group or self.file
        if level is not None:
            level.records += len(record.rows)

    # -- 01, 02, 03: a level opens -------------------------------------------------------------------------------

    def _file_header(self, record: Record) -> None:
        """Record 01: sender, receiver, creation date and time, file id, physical record length, block size, version."""
        if self.file is not None:
            self._report(record, "second_file_header", "A second file header (01); one file holds one header.")
            self._count(record)
            return
        self.file = _Level(record)
        fields = self._plain(record)
        self.sender = fields.required("sender")
        fields.required("receiver")
        fields.date("file creation date")
        fields.time("file creation time")
        fields.required("file identification number")
        fields.optional_count("physical record length")
        fields.optional_count("block size")
        version = fields.next()
        if version not in ("2", "3"):
            fields.report(
                "unsupported_version", f"Version {version[:30]!r} is not supported; it must be 2 (or BTRS 3)."
            )
        self.default_currency = "" if version == "3" else DEFAULT_CURRENCY
        fields.end()
        self._count(record)

    def _group_header(self, record: Record) -> None:
        """Record 02: receiver, originator, status, as-of date and time, currency, as-of-date modifier."""
        self._leave_account(record)
        self._leave_group(record)
        fields = self._plain(record)
        fields.next()
        group = self.group = _Group(record, bank_id=fields.required("originator") or self.sender)
        status = fields.next()
        if status != "1":
            meaning = GROUP_STATUS.get(status, "unknown")
            fields.report("group_status", f"Group status {status[:30]!r} ({meaning}); only 1 (update) may be booked.")
        group.as_of = fields.date("as-of date")
        fields.time("as-of time")
        group.currency = fields.next()
        modifier = fields.next()
        if modifier in INTERIM_MODIFIERS:
            fields.report("interim", f"The group is {INTERIM_MODIFIERS[modifier]}; import the final report of the day.")
        elif modifier not in ("", "2", "4"):
            fields.report("bad_modifier", f"{modifier[:30]!r} is no as-of-date modifier (1 to 4).")
        fields.end()
        self._count(record)

    def _account_identifier(self, record: Record) -> None:
        """Record 03: account, currency, then any number of (type code, amount, item count, funds type ...)."""
        self._leave_account(record)
        if self.group is None:
            self._report(record, "no_group", "Account (03) outside a group: no group header (02) stands before it.")
        fields = self._plain(record)
        account = self.account = _Account(record, number=fields.required("customer account number"))
        account.currency = self._currency(fields)
        while not fields.is_done:
            if not fields.peek():  # a defaulted summary, or the extra comma some banks write at a record's end
                fields.next()
            elif not self._summary(fields, account):
                break
        self._count(record)

    def _currency(self, fields: Fields) -> str | None:
        inherited = self.group.currency if self.group else ""
        currency = fields.next() or inherited or self.default_currency
        if currency in EXPONENTS:
            return currency
        fields.report(
            "unknown_currency", f"{currency[:30]!r} is no currency we keep books in; its decimals are unknown."
        )
        return None

    def _summary(self, fields: Fields, account: _Account) -> bool:
        """Read one status or summary; False when its fields cannot be told apart any more."""
        code = type_code(fields)
        if not code:
            return False
        if code in account.summaries:
            fields.report("summary_repeated", f"Type code {code} was already reported for this account.")
        amount = fields.amount(f"amount of {code}")
        account.summaries[code] = amount
        account.total += amount or 0
        fields.optional_count("item count")
        availability(fields, amount)
        return True

    # -- 16: a movement --------------------------------------------------------------------------------------------

    def _detail(self, record: Record) -> None:
        """Record 16: type code, amount, funds type ..., bank reference, customer reference, free text."""
        self._count(record)
        fields = Fields(record, self.problems)
        code = type_code(fields)
        sign = direction(code) if code else None
        if code and sign is None:
            fields.report("not_a_detail", f"Type code {code} cannot be a movement on the account.")
        amount = fields.amount("amount", signed=False) or 0
        if sign == 0 and amount:
            fields.report("not_a_detail", f"Type code {code} carries no money, yet has the amount {amount}.")
        funds = availability(fields, amount)
        bank_reference, customer_reference = fields.next(), fields.next()
        check_plain(record, fields.at, self.problems)
        account, as_of = self.account, self.group.as_of if self.group else None
        if account is None:
            self._report(record, "no_account", "A transaction (16) stands outside an account.")
            return
        account.total += amount
        if as_of is None or sign is None:
            return
        account.lines.append(
            ParsedLine(
                line=record.line,
                posted_on=as_of,
                value_date=funds.value_date
                if funds.funds_type == "V"
                else (as_of if funds.funds_type == "0" else None),
                amount_minor=sign * amount,
                type_code=code,
                bank_reference=bank_reference,
                customer_reference=customer_reference,
                text=record.text_from(fields.at),
                availability=funds,
            )
        )

    # -- 49, 98, 99: a level closes ----------------------------------------------------------------------------------

    def _account_trailer(self, record: Record) -> None:
        """Record 49: sum of all amounts of records 03, 16 and 88 of the account; its physical records."""
        account = self.account
        self._count(record)
        if account is None:
            self._report(record, "no_account", "An account trailer (49) stands outside an account.")
            return
        self._check_trailer(record, account)
        if self.group is not None and self.group.as_of is not None:
            self._check_summaries(account)
        self._close_account(record)

    def _group_trailer(self, record: Record) -> None:
        """Record 98: sum of the account control totals; number of accounts; physical records of the group."""
        self._leave_account(record)
        group = self.group
        self._count(record)
        if group is None:
            self._report(record, "no_group", "A group trailer (98) stands outside a group.")
            return
        self._check_trailer(record, group, parts="accounts")
        self._close_group()

    def _file_trailer(self, record: Record) -> None:
        """Record 99: sum of the group control totals; number of groups; physical records of the file."""
        self._leave_account(record)
        self._leave_group(record)
        self._count(record)
        if self.file is not None:
            self._check_trailer(record, self.file, parts="groups")
        self.ended = True

    def _check_trailer(self, record: Record, level: _Level, *, parts: str = "") -> None:
        fields, name = self._plain(record), NAMES[record.code]
        stated = fields.amount("control total")
        if stated != level.total:
            shown = "none" if stated is None else stated
            fields.report(
                "control_total", f"The {name}'s amounts add up to {level.total}, its control total is {shown}."
            )
        if parts:
            count = fields.count(f"number of {parts}")
            if count is not None and count != level.parts:
                fields.report("count", f"The {name} holds {level.parts} {parts}, its trailer says {count}.")
        records = fields.count("number of records")
        if records is not None and records != level.records:
            fields.report("record_count", f"The {name} has {level.records} records, its trailer says {records}.")
        fields.end()

    def _check_summaries(self, account: _Account) -> None:
        """Hold total credits (100) and total debits (400), where given, against the details."""
        for code, sign in ((TOTAL_CREDITS, 1), (TOTAL_DEBITS, -1)):
            stated = account.summaries.get(code)
            if stated is None:
                continue
            found = sum(sign * line.amount_minor for line in account.lines if line.amount_minor * sign > 0)
            if stated != found:
                name = "credits" if sign > 0 else "debits"
                message = f"Total {name} ({code}) is {stated}, the details add up to {found}."
                self._report(account.record, f"total_{name}", message)

    def _leave_account(self, record: Record) -> None:
        if self.account is not None:
            self._report(record, "account_not_closed", f"Account {self.account.number} has no trailer, record 49.")
            self._close_account(record)

    def _leave_group(self, record: Record) -> None:
        if self.group is not None:
            self._report(record, "group_not_closed", "The group has no trailer, record 98.")
            self._close_group()

    def _close_account(self, record: Record) -> None:
        account, group, self.account = self.account, self.group, None
        if account is None:
            return
        outer = group or self.file
        if outer is not None:
            outer.records += account.records
        if group is not None:
            group.total += account.total
            group.parts += 1
        if group is None or group.as_of is None or account.currency is None or not account.number:
            return  # reported where it was found; without these it is no statement
        self.statements.append(
            ParsedStatement(
                account_identifier=account.number,
                bank_id=group.bank_id,
                currency=account.currency,
                as_of=group.as_of,
                opening_minor=account.summaries.get(OPENING_LEDGER),
                closing_minor=account.summaries.get(CLOSING_LEDGER),
                lines=tuple(account.lines),
                first_line=account.record.line,
                last_line=record.last_line,
            )
        )

    def _close_group(self) -> None:
        group, self.group = self.group, None
        if group is not None and self.file is not None:
            self.file.total += group.total
            self.file.records += group.records
            self.file.parts += 1

    def _plain(self, record: Record) -> Fields:
        check_plain(record, None, self.problems)
        return Fields(record, self.problems)
