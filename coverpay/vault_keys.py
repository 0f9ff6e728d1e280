"""Rotate the keys of the vault: what an older key sealed is opened and sealed again with the newest, row by row.

Which rows are left is read from what is sealed itself, so a rotation that was stopped goes on where it was, and one
that is run again changes nothing. A row keeps being readable throughout: every key that is listed opens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pgtrigger
from django.apps import apps
from django.db.models import Model, QuerySet

from compliance import audit, vault
from coverpay.kernel import commands
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command
from payments.method_changes import fingerprint_of
from payments.models import PaymentMethod

CHUNK = 200
LARGE = {"content_sealed": 1}
"""Columns whose values are whole files: these are taken one at a time, so that memory stays flat."""
_FROZEN = {"AchFile": "payments.AchFile:frozen_columns", "AchNews": "payments.AchNews:frozen_columns"}
"""Tables whose sealed column nobody else may change: only here, and only to the same text under another key."""
KEEPER = system("vault")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of sealed texts; each is bound to its row's id."""

    model: type[Model]
    name: str

    def __str__(self) -> str:
        return f"{self.model._meta.db_table}.{self.name}"


@dataclass(slots=True)
class Progress:
    """How many texts of a column were sealed anew, and the rows whose text no key opens."""

    column: Column
    sealed: int = 0
    broken: list[str] = field(default_factory=list)


Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class _Done:
    last: str
    sealed: int
    broken: tuple[str, ...]


def columns() -> list[Column]:
    """Every column of sealed texts, which is told by its name."""
    return [
        Column(model, column.name)
        for model in apps.get_models()
        for column in model._meta.concrete_fields
        if column.name.endswith("_sealed")
    ]


def waiting(column: Column) -> QuerySet[Model]:
    """The rows of a column that the newest key has not sealed, in order."""
    rows: QuerySet[Model] = column.model._default_manager.exclude(**{column.name: ""})
    return rows.exclude(**{f"{column.name}__startswith": vault.newest_prefix()}).order_by("pk")


def rotate(watch: Watch = lambda _: None, *, chunk: int = CHUNK) -> list[Progress]:
    """Seal with the newest key whatever an older one sealed, a chunk a transaction. Gives what each column came to."""
    return [_rotate(column, watch, min(chunk, LARGE.get(column.name, chunk))) for column in columns()]


def _rotate(column: Column, watch: Watch, chunk: int) -> Progress:
    progress = Progress(column)
    for done in _chunks(column, chunk):
        progress.sealed += done.sealed
        progress.broken += done.broken
        watch(progress)
    return progress


def _chunks(column: Column, chunk: int) -> Iterator[_Done]:
    after = ""
    while (done := _reseal(column=column, after=after, limit=chunk, actor=KEEPER)) is not None:
        yield done
        after = done.last


@command
def _reseal(*, column: Column, after: str, limit: int, actor: Actor) -> _Done | None:
    """Seal the next rows of a column anew; None when no more are left."""
    left = waiting(column)
    rows = list((left.filter(pk__gt=after) if after else left).select_for_update(no_key=True).only(column.name)[:limit])
    if not rows:
        commands.unchanged()
        return None
    broken, sealed = [], 0
    with ExitStack() as stack:
        if column.model.__name__ in _FROZEN:
            stack.enter_context(pgtrigger.ignore(_FROZEN[column.model.__name__]))
        for row in rows:
            try:
                again = _again(row, column.name)
            except vault.CannotOpen:
                broken.append(str(row.pk))
                continue
            column.model._default_manager.filter(pk=row.pk).update(**{column.name: again})
            sealed += 1
    audit.record(
        action="vault.rotate",
        object_id=str(column)[:40],
        organization_id=None,
        after={"column": str(column), "sealed": sealed, "broken": broken},
    )
    return _Done(str(rows[-1].pk), sealed, tuple(broken))


def _again(row: Any, name: str) -> str:
    id = str(row.pk)
    return vault.seal(vault.open_sealed(getattr(row, name), row_id=id), row_id=id)


def mark_again(*, chunk: int = CHUNK) -> int:
    """Make the fingerprints of bank accounts anew, after their key was changed. Gives how many differed.

    A fingerprint that a processor gave cannot be made anew; it is told again once the processor gives it again.
    """
    count, after = 0, ""
    while (done := _mark(after=after, limit=chunk, actor=KEEPER)) is not None:
        count, after = count + done.sealed, done.last
    return count


@command
def _mark(*, after: str, limit: int, actor: Actor) -> _Done | None:
    rows = PaymentMethod.objects.filter(pk__gt=after).exclude(account_sealed="").order_by("pk")
    found = list(rows.select_for_update(no_key=True)[:limit])
    changed = 0
    for method in found:
        number = vault.open_sealed(method.account_sealed, row_id=method.id)
        fingerprint = fingerprint_of(method.organization_id, method.routing_number, number)
        if fingerprint != method.fingerprint:
            method.fingerprint = fingerprint
            method.save(update_fields=["fingerprint"])
            changed += 1
    if not changed:
        commands.unchanged()
        return _Done(found[-1].id, 0, ()) if found else None
    audit.record(
        action="vault.mark", object_id="payments_paymentmethod", organization_id=None, after={"changed": changed}
    )
    return _Done(found[-1].id, changed, ())
