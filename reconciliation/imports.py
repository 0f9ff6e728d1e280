"""Import bank statements: once per content, whole or not at all.

What is wrong inside a file sets it aside for good, with every reason (quarantine). What is only missing around it - a
bank account we do not know yet, the day before - refuses it: nothing is kept, and the same file is welcome afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from django.db import connection

from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import commands, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import Money
from reconciliation.models import BankAccount, Statement, StatementImport, StatementLine
from reconciliation.statements import parse
from reconciliation.statements.base import ParsedFile, ParsedStatement, Problem

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


def import_statement(*, content: bytes, file_name: str, actor: Actor) -> StatementImport:
    """Import a statement file for the actor's organization.

    Takes:  the file's bytes, of any format we read.
    Gives:  the import, IMPORTED with its statements or QUARANTINED with every reason; the same content again gives
            the first import and changes nothing.
    Raises: Forbidden, FileTooLarge, BadText for the name, UnknownBankAccount, ChainBroken.
    """
    access.require(actor, Permission.RECONCILIATION_WRITE)
    organization_id = access.organization_of(actor)
    if len(content) > MAX_BYTES:
        raise FileTooLarge(f"A statement file may have up to {MAX_BYTES // 1024 // 1024} MB.", field="file")
    file_name = texts.line(file_name[:200], field="file", at_most=200)
    known = _known(organization_id, _digest(content))
    if known is not None:
        return known
    return _import(
        content=content, parsed=parse(content), file_name=file_name, organization_id=organization_id, actor=actor
    )


@command
def _import(
    *, content: bytes, parsed: ParsedFile, file_name: str, organization_id: str, actor: Actor
) -> StatementImport:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"statements:{organization_id}"])
    known = _known(organization_id, _digest(content))
    if known is not None:
        commands.unchanged()
        return known
    accounts = {} if parsed.problems else _accounts(organization_id, parsed.statements)
    source = StatementImport.objects.create(
        organization_id=organization_id,
        file_name=file_name,
        format=parsed.format or "",
        content_sha256=_digest(content),
        content=content,
        state=State.QUARANTINED if parsed.problems else State.IMPORTED,
        problems=[asdict(problem) for problem in parsed.problems],
        line_count=sum(len(statement.lines) for statement in parsed.statements),
    )
    statements = [] if parsed.problems else _keep(source, parsed.statements, accounts)
    _tell(source, statements, parsed.problems)
    return source


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _known(organization_id: str, digest: str) -> StatementImport | None:
    return StatementImport.objects.filter(organization_id=organization_id, content_sha256=digest).first()


Mark = tuple[str, str]


def _accounts(organization_id: str, statements: Sequence[ParsedStatement]) -> dict[Mark, BankAccount]:
    """Find and lock the bank account of every statement. Raises: UnknownBankAccount, naming all that are missing."""
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
    return found


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


def _tell(source: StatementImport, statements: Sequence[Statement], problems: Sequence[Problem]) -> None:
    verb = "quarantine" if problems else "import"
    facts = {
        "file_name": source.file_name,
        "format": source.format,
        "sha256": source.content_sha256,
        "line_count": source.line_count,
        "statements": [statement.id for statement in statements],
    }
    audit.record(
        action=f"statement.{verb}",
        object_id=source.id,
        organization_id=source.organization_id,
        after=facts,
        reason="; ".join(problem.message for problem in problems[:20]),
    )
    events.record(
        type="statement.quarantined" if problems else "statement.imported",
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
