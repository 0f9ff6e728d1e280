"""Take in lockbox files: read whole, refused whole with every reason, or one deposit for each lockbox and day."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Invalid
from payments import deposit_targets, deposits, lockbox_files
from payments.deposits import Item
from payments.lockbox_files import BoxDeposit, ColumnMap, LockboxFile
from payments.models import Deposit, DepositItem, GatewayAccount
from reconciliation.models import BankAccount

KIND = Deposit.Kind.LOCKBOX


class LockboxRefused(Invalid):
    """The file cannot be read, or does not tie; nothing of it was booked. `problems` lists every reason."""

    code = "lockbox_refused"


class NoColumnMap(Invalid):
    """The file is a CSV, and nobody said which of its columns says what."""

    code = "no_column_map"


@dataclass(frozen=True, slots=True)
class Stubs:
    """What an import would do with one lockbox's day: how many stubs find their place, and what is held, and why."""

    lockbox: str
    received_on: dt.date
    amount_minor: int
    checks: int
    placed: int
    placed_minor: int
    held: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file holds, before it is imported; `imported` names the deposit it made when it came before."""

    deposits: tuple[Stubs, ...]
    currency: str
    imported: tuple[str, ...]


def preview(*, bank_account_id: str, content: bytes, actor: Actor, columns: ColumnMap | None = None) -> Preview:
    """Read a file and say what would become of each stub; writes nothing.

    Raises: NotFound, Forbidden, LockboxRefused, NoColumnMap.
    """
    bank = _bank(actor, bank_account_id)
    file = _read(bank, content, columns)
    references = [_reference(box, content) for box in file.deposits]
    before = Deposit.objects.filter(bank_account=bank, kind=KIND, reference__in=references)
    return Preview(
        tuple(_looked_at(bank, box) for box in file.deposits),
        bank.currency,
        tuple(before.values_list("id", flat=True)),
    )


def import_file(
    *, bank_account_id: str, content: bytes, actor: Actor, columns: ColumnMap | None = None
) -> list[Deposit]:
    """Record the deposits of a file; a worker places what they say. The same content again gives the same deposits.

    Takes:  `columns` for a CSV, where the account's settings do not say them.
    Raises: NotFound, Forbidden, LockboxRefused, NoColumnMap, DepositNotUsable, Invalid.
    """
    bank = _bank(actor, bank_account_id)
    file = _read(bank, content, columns)
    return [
        deposits.record(
            bank_account_id=bank.id,
            kind=KIND,
            reference=_reference(box, content),
            received_on=box.received_on,
            amount_minor=box.amount_minor,
            items=list(_items(box)),
            actor=actor,
        )
        for box in file.deposits
    ]


def column_map(bank: BankAccount) -> ColumnMap | None:
    """The columns of the CSV files that come for a bank account, as its manual account's settings say them."""
    account = GatewayAccount.objects.filter(gateway=deposit_targets.MANUAL, bank_account=bank).order_by("-id").first()
    said = account.settings if account is not None else {}
    columns = {name: str(said.get(f"lockbox_{name}_column", "")) for name in ColumnMap.names()}
    return ColumnMap(**columns) if columns["amount"] and columns["reference"] else None


def _bank(actor: Actor, bank_account_id: str) -> BankAccount:
    rows = BankAccount.objects.select_related("ledger_account")
    return access.get_operable(actor, rows, bank_account_id, permission=Permission.CASH_WRITE, field="bank_account")


def _read(bank: BankAccount, content: bytes, columns: ColumnMap | None) -> LockboxFile:
    if _is_bai(content):
        file = lockbox_files.read_bai(content)
    else:
        columns = columns or column_map(bank)
        if columns is None:
            raise NoColumnMap("Say which columns hold the amount and the policy or invoice number.", field="file")
        file = lockbox_files.read_csv(content, columns, received_on=clock.today())
    if file.problems:
        first = file.problems[0]
        raise LockboxRefused(
            f"Line {first.line}, column {first.column}: {first.message} Nothing was booked.",
            field="file",
            problems=[
                {"line": problem.line, "column": problem.column, "code": problem.code, "message": problem.message}
                for problem in file.problems
            ],
        )
    return file


def _is_bai(content: bytes) -> bool:
    """A file header of the BAI layout is a 1 and at least two digits of priority."""
    return content.removeprefix(b"\xef\xbb\xbf").lstrip()[:3].isdigit()


def _reference(box: BoxDeposit, content: bytes) -> str:
    """The same for the same content only."""
    digest = hashlib.sha256(content).hexdigest()[:16]
    return " ".join(part for part in (box.lockbox[:40], box.received_on.isoformat(), digest) if part)


def _items(box: BoxDeposit) -> Iterator[Item]:
    """An item a stub, each with its check; a check without stubs is one item that names nothing."""
    for check in box.checks:
        stubs = [(stub.reference, stub.amount_minor) for stub in check.stubs] or [("", check.amount_minor)]
        for reference, minor in stubs:
            yield Item(minor, reference, check.payor, check.number[:20])


def _looked_at(bank: BankAccount, box: BoxDeposit) -> Stubs:
    deposit = Deposit(organization_id=bank.organization_id, bank_account=bank, currency=bank.currency)
    expected = deposit_targets.expected(bank)
    placed, placed_minor = 0, 0
    held: list[tuple[str, int, str]] = []
    for item in _items(box):
        announced = expected.get(item.reference, [])
        row = DepositItem(
            deposit=deposit,
            amount_minor=item.amount_minor,
            currency=bank.currency,
            reference=item.reference,
            check_number=item.check_number,
            payor_name=item.payor,
        )
        target = deposit_targets.find(bank.organization_id, row)
        if target.shares or any(attempt.amount_minor == item.amount_minor for attempt in announced):
            placed, placed_minor = placed + 1, placed_minor + item.amount_minor
        else:
            held.append((item.reference, item.amount_minor, target.why))
    return Stubs(box.lockbox, box.received_on, box.amount_minor, len(box.checks), placed, placed_minor, tuple(held))
