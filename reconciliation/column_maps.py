"""Save how a bank's CSV files are read, by version, and look at what a map makes of a file before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Invalid
from reconciliation.models import BankAccount, ColumnMap
from reconciliation.statements import csv_file, csv_maps
from reconciliation.statements.csv_file import NOTHING_GIVEN, Given, Preview

WRITE = Permission.RECONCILIATION_WRITE


class ColumnMapUnreadable(Invalid):
    """The map is none a file could be read by."""

    code = "column_map_unreadable"


@command
def publish(*, bank_account_id: str, name: str, spec: Mapping[str, Any], actor: Actor) -> ColumnMap:
    """Publish how CSV files of a bank account are read; the same again gives the version that stands.

    Takes:  `name`, which tells the maps of one account apart; under a name already used it is the next version.
    Raises: NotFound, Forbidden, BadText, ColumnMapUnreadable.
    """
    account = access.get_operable(
        actor,
        BankAccount.objects.select_for_update(of=("self",), no_key=True),
        bank_account_id,
        permission=WRITE,
        field="bank_account",
    )
    name = texts.line(name, field="name", at_most=80)
    reader(account, spec)
    last = account.column_maps.filter(name=name).order_by("-number").first()
    if last is not None and last.spec == dict(spec):
        commands.unchanged()
        return last
    made = ColumnMap.objects.create(
        organization_id=account.organization_id,
        bank_account=account,
        name=name,
        number=last.number + 1 if last else 1,
        spec=dict(spec),
    )
    audit.record(
        action="column_map.publish",
        object_id=made.id,
        organization_id=made.organization_id,
        before={"number": last.number, "spec": last.spec} if last else {},
        after={"bank_account": account.id, "name": name, "number": made.number, "spec": made.spec},
    )
    return made


def preview(
    *, bank_account_id: str, spec: Mapping[str, Any], content: bytes, given: Given = NOTHING_GIVEN, actor: Actor
) -> Preview:
    """Show what a map, saved or not, makes of a file; writes nothing.

    Raises: NotFound, Forbidden, ColumnMapUnreadable.
    """
    account = access.get_operable(
        actor, BankAccount.objects.all(), bank_account_id, permission=WRITE, field="bank_account"
    )
    return csv_file.preview(content, reader(account, spec), given)


def reader(account: BankAccount, spec: Mapping[str, Any]) -> csv_file.ColumnMap:
    """Read a spec for an account. Raises: ColumnMapUnreadable, naming the field."""
    try:
        return csv_maps.read(
            spec, account_identifier=account.account_mark, bank_id=account.bank_id, currency=account.currency
        )
    except csv_maps.BadMap as refused:
        raise ColumnMapUnreadable(refused.words, field=refused.field) from None


def current(rows: QuerySet[ColumnMap]) -> QuerySet[ColumnMap]:
    """Of the maps given, the last version of each account and name."""
    last = rows.order_by("bank_account_id", "name", "-number").distinct("bank_account_id", "name")
    return rows.filter(pk__in=last.values("pk"))
