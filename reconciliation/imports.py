"""Import bank statements and notifications: once per content, whole or not at all.

What is wrong inside a file sets it aside for good, with every reason (quarantine). What is only missing around it - a
bank account we do not know yet, the day before - refuses it: nothing is kept, and the same file is welcome afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection

from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import commands, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import Money
from reconciliation import announcements, column_maps
from reconciliation.models import Announcement, BankAccount, ColumnMap, Statement, StatementImport, StatementLine
from reconciliation.statements import csv_file, parse
from reconciliation.statements.base import ParsedFile, ParsedNotice, ParsedStatement, Problem
from reconciliation.statements.csv_file import NOTHING_GIVEN, Given

MAX_BYTES = 20 * 1024 * 1024
State = StatementImport.State


class FileTooLarge(Invalid):
    """The file is larger than a bank statement may be."""

    code = "file_too_large"


class UnknownBankAccount(Invalid):
    """The file speaks of an account that is not set up; set it up and send the file again."""

    code = "unknown_bank_account"


class ChainBroken(Conflict):
    """The statement does not join the ones we have; send the missing day first."""

    code = "statement_chain_broken"


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it is to be kept: its bytes, how it was read, and what was found in it."""

    content: bytes
    name: str
    digest: str
    parsed: ParsedFile
    column_map: ColumnMap | None = None
    given: Given = NOTHING_GIVEN
    reading: str = ""


def import_statement(*, content: bytes, file_name: str, actor: Actor) -> StatementImport:
    """Import a statement or notification file for the actor's organization.

    Takes:  the file's bytes, of any format that tells itself by its bytes.
    Gives:  the import, IMPORTED with what it holds or QUARANTINED with every reason; the same content again gives
            the first import and changes nothing.
    Raises: Forbidden, FileTooLarge, BadText for the name, UnknownBankAccount, ChainBroken.
    """
    organization_id, file_name = _checked(content, file_name, actor)
    digest = _digest(content)
    known = _known(organization_id, digest, "")
    if known is not None:
        return known
    file = _File(content, file_name, digest, parse(content))
    return _import(file=file, organization_id=organization_id, actor=actor)


def import_csv(
    *, content: bytes, file_name: str, column_map_id: str, given: Given = NOTHING_GIVEN, actor: Actor
) -> StatementImport:
    """Import a CSV by a saved column map, which the import remembers.

    Takes:  `given`, the balances the person reads off the bank's page, for files without a balance column; they are
            kept with the import, and the lines must come from one to the other.
    Gives:  as `import_statement`. A file set aside may be read again by another map or with other balances.
    Raises: Forbidden, NotFound (the map), FileTooLarge, BadText for the name, ChainBroken.
    """
    organization_id, file_name = _checked(content, file_name, actor)
    columns = access.get_operable(
        actor,
        ColumnMap.objects.select_related("bank_account"),
        column_map_id,
        permission=Permission.RECONCILIATION_WRITE,
        field="column_map",
    )
    digest, reading = _digest(content), _digest(f"{columns.id} {_facts(given)}".encode())
    known = _known(organization_id, digest, reading)
    if known is not None:
        return known
    parsed = csv_file.parse(content, column_maps.reader(columns.bank_account, columns.spec), given)
    file = _File(content, file_name, digest, parsed, columns, given, reading)
    return _import(file=file, organization_id=organization_id, actor=actor)


def _checked(content: bytes, file_name: str, actor: Actor) -> tuple[str, str]:
    """The organization and the name to keep. Raises: Forbidden, FileTooLarge, BadText."""
    access.require(actor, Permission.RECONCILIATION_WRITE)
    if len(content) > MAX_BYTES:
        raise FileTooLarge(f"A statement file may have up to {MAX_BYTES // 1024 // 1024} MB.", field="file")
    return access.organization_of(actor), texts.line(file_name[:200], field="file", at_most=200)


@command
def _import(*, file: _File, organization_id: str, actor: Actor) -> StatementImport:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"statements:{organization_id}"])
    known = _known(organization_id, file.digest, file.reading)
    if known is not None:
        commands.unchanged()
        return known
    parsed = file.parsed
    accounts = {} if parsed.problems else _accounts(organization_id, [*parsed.statements, *parsed.notices])
    source = StatementImport.objects.create(
        organization_id=organization_id,
        file_name=file.name,
        format=parsed.format or "",
        content_sha256=file.digest,
        content=file.content,
        column_map=file.column_map,
        given=_facts(file.given),
        reading=file.reading,
        state=State.QUARANTINED if parsed.problems else State.IMPORTED,
        problems=[asdict(problem) for problem in parsed.problems],
        line_count=sum(len(statement.lines) for statement in parsed.statements)
        + sum(len(notice.entries) for notice in parsed.notices),
    )
    if parsed.problems:
        _tell(source, [], [], 0, parsed.problems)
        return source
    statements = _keep(source, parsed.statements, accounts)
    told = announcements.keep_locked(source, parsed.notices, accounts)
    settled = sum(len(announcements.settle_locked(account)) for account in accounts.values())
    _tell(source, statements, told, settled, ())
    return source


def _facts(given: Given) -> dict[str, Any]:
    """What a person typed, as it is kept; empty for nothing."""
    said = {
        "opening_minor": given.opening_minor,
        "closing_minor": given.closing_minor,
        "as_of": given.as_of.isoformat() if given.as_of else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _known(organization_id: str, digest: str, reading: str) -> StatementImport | None:
    """The import that holds this content already, however it was read; else the one that was read just so."""
    rows = StatementImport.objects.filter(organization_id=organization_id, content_sha256=digest)
    return rows.filter(state=State.IMPORTED).first() or rows.filter(reading=reading).first()


Mark = tuple[str, str]


def _accounts(organization_id: str, statements: Sequence[ParsedStatement | ParsedNotice]) -> dict[Mark, BankAccount]:
    """Find and lock the bank account of everything stated. Raises: UnknownBankAccount, naming all that are missing."""
    rows = BankAccount.objects.filter(organization_id=organization_id).order_by("id").select_for_update(no_key=True)
    wanted = {(statement.bank_id, statement.account_identifier) for statement in statements}
    found = {mark: row for row in rows if (mark := (row.bank_id, row.account_mark)) in wanted}
    if missing := sorted(wanted - found.keys()):
        named = ", ".join(f"{mark} at bank {bank}" for bank, mark in missing)
        raise UnknownBankAccount(f"Set up these bank accounts first, then send the file again: {named}.", field="file")
    for statement in statements:
        account = found[statement.bank_id, statement.account_identifier]
        if statement.currency != account.currency:
            raise UnknownBankAccount(
                f"{account.name} is kept in {account.currency}, the file states it in {statement.currency}.",
                field="file",
            )
    return {mark: found[mark] for mark in sorted(wanted)}


@step
def _keep(
    source: StatementImport, parsed: Sequence[ParsedStatement], accounts: dict[Mark, BankAccount]
) -> list[Statement]:
    statements = []
    for read in sorted(parsed, key=lambda statement: statement.as_of):
        account = accounts[read.bank_id, read.account_identifier]
        _check_chain(account, read)
        statement = Statement.objects.create(
            source=source,
            bank_account=account,
            as_of=read.as_of,
            currency=read.currency,
            opening_minor=read.opening_minor or 0,
            closing_minor=read.closing_minor or 0,
        )
        _keep_lines(statement, read)
        statements.append(statement)
    return statements


def _keep_lines(statement: Statement, read: ParsedStatement) -> None:
    StatementLine.objects.bulk_create(
        (
            StatementLine(
                id=ids.new("stl"),
                statement=statement,
                position=line.line,
                posted_on=line.posted_on,
                value_on=line.value_date,
                amount_minor=line.amount_minor,
                currency=read.currency,
                type_code=line.type_code,
                bank_reference=line.bank_reference,
                customer_reference=line.customer_reference,
                payer=line.payer[:140],
                text=line.text,
            )
            for line in read.lines
        ),
        batch_size=2000,
    )


def _check_chain(account: BankAccount, read: ParsedStatement) -> None:
    """Each statement opens where the one before it closed; a day is stated once. Raises: ChainBroken."""
    rows = Statement.objects.filter(bank_account=account)
    if rows.filter(as_of=read.as_of).exists():
        raise ChainBroken(f"{account.name} already has a statement for {read.as_of}, with other content.", field="file")
    before = rows.filter(as_of__lt=read.as_of).order_by("-as_of").first()
    if before is not None and before.closing_minor != read.opening_minor:
        raise ChainBroken(
            f"{account.name} opens {read.as_of} with {Money(read.opening_minor or 0, read.currency)}, but closed "
            f"{before.as_of} with {Money(before.closing_minor, read.currency)}; import the days between first.",
            field="file",
        )
    after = rows.filter(as_of__gt=read.as_of).order_by("as_of").first()
    if after is not None and after.opening_minor != read.closing_minor:
        raise ChainBroken(
            f"{account.name} closes {read.as_of} with {Money(read.closing_minor or 0, read.currency)}, but opens "
            f"{after.as_of} with {Money(after.opening_minor, read.currency)}; one of the two is not right.",
            field="file",
        )


@step
def _tell(
    source: StatementImport,
    statements: Sequence[Statement],
    told: Sequence[Announcement],
    settled: int,
    problems: Sequence[Problem],
) -> None:
    is_notice = not problems and not statements
    verb = "quarantine" if problems else "announce" if is_notice else "import"
    facts = {
        "file_name": source.file_name,
        "format": source.format,
        "sha256": source.content_sha256,
        "line_count": source.line_count,
        "statements": [statement.id for statement in statements],
        **({"announcements": len(told)} if is_notice else {}),
        **({"announcements_settled": settled} if settled else {}),
        **({"column_map": source.column_map_id, "given": source.given} if source.column_map_id else {}),
    }
    audit.record(
        action=f"statement.{verb}",
        object_id=source.id,
        organization_id=source.organization_id,
        after=facts,
        reason="; ".join(problem.message for problem in problems[:20]),
    )
    events.record(
        type="statement.quarantined" if problems else "statement.announced" if is_notice else "statement.imported",
        organization_id=source.organization_id,
        object_id=source.id,
        data={
            "statement_import": source.id,
            "file_name": source.file_name,
            "line_count": source.line_count,
            "statements": [_shown(statement) for statement in statements],
            "problems": [asdict(problem) for problem in problems[:20]],
            "problem_count": len(problems),
        },
    )


def _shown(statement: Statement) -> dict[str, str | int]:
    return {
        "id": statement.id,
        "bank_account": statement.bank_account_id,
        "as_of": statement.as_of.isoformat(),
        "currency": statement.currency,
        "opening_minor": statement.opening_minor,
        "closing_minor": statement.closing_minor,
    }
