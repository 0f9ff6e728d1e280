"""Take in what carriers and agencies state, and hold it against our books: differences become breaks.

A statement is kept whole, once, and only when its lines come to the total stated beside them. Comparing writes no
money: a break says what differs, and an upper command or the other side puts it right.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from compliance import access, audit, events
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import commands, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid
from coverpay.kernel.money import EXPONENTS
from payments import source_files, source_items, source_sides
from payments.models import SourceKind, SourceLine, SourceMap, SourceStatement
from payments.source_files import SourceRow
from payments.source_sides import ITEMS
from reconciliation.sides import Compared, Outcome
from reconciliation.statements.csv_maps import BadMap

WRITE = Permission.RECONCILIATION_WRITE
MAX_BYTES = 5 * 1024 * 1024
MOST_LINES = 20_000
MOST_REMITTANCES = 50
State = SourceStatement.State


class SourceRefused(Invalid):
    """The statement cannot be read, or does not come to its total; nothing was kept. `problems` lists every reason."""

    code = "source_refused"


class SourceMapUnreadable(Invalid):
    """The map is none a file could be read by."""

    code = "source_map_unreadable"


class SourceKnown(Conflict):
    """A statement of this number is there already, with other content."""

    code = "source_known"


@dataclass(frozen=True, slots=True)
class Stated:
    """What the other side says of its statement as a whole; `to_on` is its last day."""

    kind: str
    counterparty_id: str
    reference: str
    from_on: dt.date
    to_on: dt.date
    total_minor: int
    currency: str = "USD"
    remittances: tuple[str, ...] = ()


@command
def publish_map(*, kind: str, counterparty_id: str, spec: Mapping[str, Any], actor: Actor) -> SourceMap:
    """Publish how a carrier's or agency's CSV files are read; the same again gives the version that stands.

    Raises: Forbidden, Invalid for an organization without that role on our policies, SourceMapUnreadable.
    """
    access.require(actor, WRITE)
    organization_id = access.organization_of(actor)
    _check_other(organization_id, kind, counterparty_id)
    _read_map(spec, kind)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    rows = SourceMap.objects.filter(organization_id=organization_id, kind=kind, counterparty_id=counterparty_id)
    last = rows.order_by("-number").first()
    if last is not None and last.spec == dict(spec):
        commands.unchanged()
        return last
    made = SourceMap.objects.create(
        organization_id=organization_id,
        kind=kind,
        counterparty_id=counterparty_id,
        number=last.number + 1 if last else 1,
        spec=dict(spec),
    )
    audit.record(
        action="source_map.publish",
        object_id=made.id,
        organization_id=organization_id,
        before={"number": last.number, "spec": last.spec} if last else {},
        after={"kind": kind, "counterparty": counterparty_id, "number": made.number, "spec": made.spec},
    )
    return made


def import_file(*, stated: Stated, content: bytes, file_name: str, actor: Actor) -> SourceStatement:
    """Take in a CSV by the last map of its sender, and compare it. The same content again changes nothing.

    Raises: Forbidden, Invalid, SourceMapUnreadable without a map, SourceRefused with every reason, SourceKnown.
    """
    columns, rows = read(stated=stated, content=content, actor=actor)
    return _receive(
        stated=stated,
        rows=rows,
        digest=hashlib.sha256(content).hexdigest(),
        file_name=texts.line(file_name[:200], field="file", at_most=200),
        columns=columns,
        actor=actor,
    )


def record(*, stated: Stated, rows: Sequence[SourceRow], actor: Actor) -> SourceStatement:
    """Take in a statement line by line, as the API sends it, and compare it. The same again changes nothing.

    Raises: Forbidden, Invalid, SourceRefused with every reason, SourceKnown.
    """
    said = json.dumps([asdict(stated), [asdict(row) for row in rows]], default=str, sort_keys=True)
    digest = hashlib.sha256(said.encode()).hexdigest()
    return _receive(stated=stated, rows=rows, digest=digest, file_name="", columns=None, actor=actor)


def read(*, stated: Stated, content: bytes, actor: Actor) -> tuple[SourceMap, tuple[SourceRow, ...]]:
    """Read a CSV by the last map of its sender; writes nothing. Raises: as `import_file`, but SourceKnown."""
    access.require(actor, WRITE)
    if len(content) > MAX_BYTES:
        raise Invalid(f"A file may have up to {MAX_BYTES // 1024 // 1024} MB.", field="file")
    _check_currency(stated)
    columns = (
        SourceMap.objects.filter(
            organization_id=access.organization_of(actor), kind=stated.kind, counterparty_id=stated.counterparty_id
        )
        .order_by("-number")
        .first()
    )
    if columns is None:
        raise SourceMapUnreadable("Save a map for this sender first.", field="map")
    found = source_files.read(content, _read_map(columns.spec, stated.kind), stated.currency, ITEMS[stated.kind])
    problems = found.problems or source_files.check(found.rows, stated.total_minor, stated.currency)
    _refuse(problems)
    return columns, found.rows


@dataclass(frozen=True, slots=True)
class Preview:
    """What taking a file in would find: how many lines, and every item with both sides."""

    line_count: int
    items: tuple[Compared, ...]

    @property
    def different(self) -> list[Compared]:
        return [item for item in self.items if item.outcome != Outcome.EQUAL]


def preview(*, stated: Stated, content: bytes, actor: Actor) -> Preview:
    """Read a file and hold it against our books; writes nothing. Raises: as `read`."""
    columns, rows = read(stated=stated, content=content, actor=actor)
    statement = _made(stated, rows, "", "", columns, access.organization_of(actor))
    lines = [SourceLine(policy_mark=row.policy, item=row.item, amount_minor=row.amount_minor) for row in rows]
    return Preview(len(rows), source_items.compared(statement, lines))


@command
def compare_again(*, statement_id: str, actor: Actor) -> SourceStatement:
    """Hold a statement against our books as they are now: breaks that no longer stand close, new ones open.

    Raises: NotFound, Forbidden, IllegalTransition for a statement withdrawn.
    """
    statement = _locked(statement_id, actor)
    before = statement.state
    changed = source_items.compare_locked(statement)
    if not changed and statement.state == before:
        commands.unchanged()
        return statement
    _tell("source.compared", statement, before=before)
    return statement


@command
def withdraw(*, statement_id: str, reason: str, actor: Actor) -> SourceStatement:
    """Take back a statement that was not the right one; its open breaks close, and the same file is welcome again.

    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    statement = _locked(statement_id, actor)
    reason = texts.line(reason, field="reason", at_most=300)
    before = statement.state
    statement.withdraw()
    statement.withdrawn_reason = reason
    statement.save(update_fields=["state", "withdrawn_reason"])
    source_items.close_breaks(statement, reason=f"The statement was withdrawn: {reason}")
    _tell("source.withdrawn", statement, before=before, reason=reason)
    return statement


@command
def _receive(
    *,
    stated: Stated,
    rows: Sequence[SourceRow],
    digest: str,
    file_name: str,
    columns: SourceMap | None,
    actor: Actor,
) -> SourceStatement:
    access.require(actor, WRITE)
    organization_id = access.organization_of(actor)
    stated = _checked(organization_id, stated, rows)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    standing = SourceStatement.objects.filter(
        organization_id=organization_id, kind=stated.kind, counterparty_id=stated.counterparty_id
    ).exclude(state=State.WITHDRAWN)
    known = standing.filter(content_sha256=digest).first()
    if known is not None:
        commands.unchanged()
        return known
    if standing.filter(reference=stated.reference).exists():
        raise SourceKnown(f"{stated.reference} is there already; withdraw it first.", field="reference")
    statement = _made(stated, rows, digest, file_name, columns, organization_id)
    statement.save(force_insert=True)
    SourceLine.objects.bulk_create(
        SourceLine(
            id=ids.new("ssl"),
            statement=statement,
            position=position,
            policy_mark=row.policy,
            item=row.item,
            amount_minor=row.amount_minor,
            reference=row.reference,
            dated_on=row.dated_on,
        )
        for position, row in enumerate(rows, start=1)
    )
    source_items.compare_locked(statement)
    _tell("source.received", statement, before=State.RECEIVED)
    return statement


def _made(
    stated: Stated, rows: Sequence[SourceRow], digest: str, file_name: str, columns: SourceMap | None, of: str
) -> SourceStatement:
    return SourceStatement(
        organization_id=of,
        kind=stated.kind,
        counterparty_id=stated.counterparty_id,
        reference=stated.reference,
        from_on=stated.from_on,
        to_on=stated.to_on,
        currency=stated.currency,
        total_minor=stated.total_minor,
        remittances=list(stated.remittances),
        line_count=len(rows),
        content_sha256=digest,
        file_name=file_name,
        map=columns,
    )


def _locked(statement_id: str, actor: Actor) -> SourceStatement:
    rows = SourceStatement.objects.select_for_update(of=("self",))
    statement = access.get_operable(actor, rows, statement_id, permission=WRITE, field="statement")
    if statement.state == State.WITHDRAWN:
        raise IllegalTransition("The statement is withdrawn.", field="statement")
    return statement


def _checked(organization_id: str, stated: Stated, rows: Sequence[SourceRow]) -> Stated:
    """Raises: Invalid, SourceRefused with every reason."""
    _check_other(organization_id, stated.kind, stated.counterparty_id)
    _check_currency(stated)
    if stated.to_on < stated.from_on:
        raise Invalid("The period ends before it begins.", field="to_on")
    if not 1 <= len(rows) <= MOST_LINES:
        raise Invalid(f"A statement has 1 to {MOST_LINES:,} lines.", field="lines")
    if len(stated.remittances) > MOST_REMITTANCES:
        raise Invalid(f"Up to {MOST_REMITTANCES} remittances.", field="remittances")
    known = ITEMS[stated.kind]
    odd = {row.item for row in rows if known and row.item and row.item not in known}
    if odd:
        raise Invalid(f"An item is one of {', '.join(known)}; {', '.join(sorted(odd))[:80]} is not.", field="lines")
    _refuse(source_files.check(rows, stated.total_minor, stated.currency))
    reference = texts.line(stated.reference, field="reference", at_most=80)
    remittances = tuple(texts.line(name, field="remittances", at_most=80) for name in stated.remittances)
    return Stated(
        stated.kind, stated.counterparty_id, reference, stated.from_on, stated.to_on, stated.total_minor,
        stated.currency, remittances,
    )  # fmt: skip


def _check_other(organization_id: str, kind: str, counterparty_id: str) -> None:
    if kind not in SourceKind.values:
        raise Invalid(f"The kind is one of {', '.join(SourceKind.values)}.", field="kind")
    if not source_sides.knows(organization_id, kind, counterparty_id):
        raise Invalid("No policy of yours has this organization in that role.", field="counterparty")


def _check_currency(stated: Stated) -> None:
    if stated.currency not in EXPONENTS:
        raise Invalid("We keep no books in this currency.", field="currency")


def _read_map(spec: Mapping[str, Any], kind: str) -> source_files.SourceColumns:
    try:
        return source_files.read_map(spec, ITEMS[kind])
    except BadMap as refused:
        raise SourceMapUnreadable(refused.words, field=refused.field) from None


def _refuse(problems: Sequence[Any]) -> None:
    if problems:
        first = problems[0]
        raise SourceRefused(
            f"Line {first.line}, cell {first.column}: {first.message} Nothing was kept.",
            field="file",
            problems=[asdict(problem) for problem in problems],
        )


@step
def _tell(type: str, statement: SourceStatement, *, before: str, reason: str = "") -> None:
    facts = {
        "kind": statement.kind,
        "counterparty": statement.counterparty_id,
        "reference": statement.reference,
        "total_minor": statement.total_minor,
        "currency": statement.currency,
        "state": statement.state,
    }
    audit.record(
        action=type,
        object_id=statement.id,
        organization_id=statement.organization_id,
        before={"state": before},
        after=facts,
        reason=reason,
    )
    events.record(
        type=type,
        organization_id=statement.organization_id,
        object_id=statement.id,
        data={"source_statement": statement.id, **facts},
    )
