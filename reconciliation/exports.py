"""Hand the journal to an accounting system: batches that hold each entry once, asked for again without doubling."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Sum

from compliance import access, audit, events
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid, NotFound
from reconciliation.export import formats, journals
from reconciliation.export.formats import ExportFile, Options
from reconciliation.export.journals import Journal, LedgerSide
from reconciliation.ledger.accounts import CHART
from reconciliation.ledger.models import Book, Line
from reconciliation.models import AccountMapping, ExportBatch, ExportedEntry

MOST_LINES = 200_000
"""Lines of the ledger one batch takes; export shorter periods beyond it."""
LISTED = 20


class NothingToExport(Conflict):
    """Every entry of the period is in a batch of this system already, or there is none."""

    code = "nothing_to_export"


class AccountsUnmapped(Invalid):
    """Entries of the period touch accounts the mapping does not know; nothing was exported."""

    code = "accounts_unmapped"


class PeriodTooLong(Invalid):
    """The period holds more lines than one batch takes."""

    code = "period_too_long"


@dataclass(frozen=True, slots=True)
class Tied:
    """One account in the tie-out: what the ledger moved in a period, what is exported of it, what is not."""

    code: str
    owner: str
    currency: str
    ledger_minor: int
    exported_minor: int

    @property
    def waiting_minor(self) -> int:
        return self.ledger_minor - self.exported_minor


@command
def publish_mapping(*, system: str, spec: Mapping[str, Any], effective_from: dt.date, actor: Actor) -> AccountMapping:
    """Publish which account of an accounting system takes what, from a date on; the same again gives what stands.

    Raises: Forbidden, MappingUnreadable, BadText.
    """
    access.require(actor, Permission.RECONCILIATION_WRITE)
    organization_id = access.organization_of(actor)
    system = texts.line(system, field="system", at_most=40)
    journals.check(spec, CHART)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    last = AccountMapping.objects.filter(organization_id=organization_id, system=system).order_by("-number").first()
    if last is not None and (last.spec, last.effective_from) == (dict(spec), effective_from):
        commands.unchanged()
        return last
    mapping = AccountMapping.objects.create(
        organization_id=organization_id,
        system=system,
        number=last.number + 1 if last else 1,
        effective_from=effective_from,
        spec=dict(spec),
    )
    audit.record(
        action="account_mapping.publish",
        object_id=mapping.id,
        organization_id=organization_id,
        before={"number": last.number} if last else {},
        after={"system": system, "number": mapping.number, "spec": dict(spec)},
    )
    return mapping


@command
def build(
    *,
    system: str,
    format: str,
    from_on: dt.date,
    to_on: dt.date,
    summary: bool = False,
    currency: str = "USD",
    actor: Actor,
) -> ExportBatch:
    """Make a batch of every entry of a period that no standing batch of the system holds.

    Takes:  days from `from_on` through `to_on`, by the accounting date; one currency a batch.
    Raises: Forbidden, NotFound (mapping), Invalid, AccountsUnmapped naming them, NothingToExport, PeriodTooLong.
    """
    access.require(actor, Permission.RECONCILIATION_WRITE)
    organization_id = access.organization_of(actor)
    write = formats.FORMATS.get(format)
    if write is None:
        raise Invalid(f"The format is one of {', '.join(formats.FORMATS)}.", field="format")
    if to_on < from_on:
        raise Invalid("The period ends before it begins.", field="to_on")
    mapping = mapping_in_force(organization_id, system, to_on)
    book = Book.objects.select_for_update(no_key=True).filter(organization_id=organization_id).first()
    sides = _sides(book, system, currency, from_on, to_on) if book else []
    if book is None or not sides:
        raise NothingToExport("No entry of the period waits to be exported.", field="from_on")
    _all_mapped(mapping, sides)
    batch = ExportBatch(
        organization_id=organization_id,
        book=book,
        mapping=mapping,
        system=system,
        format=format,
        summary=summary,
        from_on=from_on,
        to_on=to_on,
        currency=currency,
    )
    made = _journals(batch, mapping, sides)
    _keep(batch, write(f"{system}-{from_on:%Y%m%d}-{to_on:%Y%m%d}-{batch.id[-6:]}", made, _options(mapping)), made)
    _claim(batch, sides)
    _tell("export.built", batch)
    return batch


@command
def acknowledge(*, batch_id: str, external_reference: str = "", actor: Actor) -> ExportBatch:
    """Note that the accounting system has a batch; it is never withdrawn afterwards. Again, nothing changes.

    Raises: NotFound, Forbidden, BadText, IllegalTransition for a withdrawn one.
    """
    batch = _locked(batch_id, actor)
    reference = texts.line(external_reference, field="external_reference", at_most=120, empty=True)
    if batch.state == ExportBatch.State.ACKNOWLEDGED and reference in ("", batch.external_reference):
        commands.unchanged()
        return batch
    _only_built(batch)
    batch.acknowledge()
    batch.external_reference, batch.decided_at = reference, clock.now()
    batch.save(update_fields=["state", "external_reference", "decided_at"])
    _tell("export.acknowledged", batch)
    return batch


@command
def withdraw(*, batch_id: str, reason: str, actor: Actor) -> ExportBatch:
    """Take back a batch the accounting system did not take in; its entries go with the next one.

    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    batch = _locked(batch_id, actor)
    reason = texts.line(reason, field="reason", at_most=300)
    _only_built(batch)
    batch.withdraw()
    batch.decided_reason, batch.decided_at = reason, clock.now()
    batch.save(update_fields=["state", "decided_reason", "decided_at"])
    _tell("export.withdrawn", batch, reason=reason)
    return batch


def mapping_in_force(organization_id: str, system: str, on: dt.date) -> AccountMapping:
    """The mapping of a system on a day. Raises: NotFound."""
    rows = AccountMapping.objects.filter(organization_id=organization_id, system=system, effective_from__lte=on)
    found = rows.order_by("-effective_from", "-number").first()
    if found is None:
        raise NotFound(f"Publish an account mapping for {system} first.", field="system")
    return found


def tie_out(organization_id: str, system: str, from_on: dt.date, to_on: dt.date) -> list[Tied]:
    """Ledger against export, account by account, for the movements of a period; what waits is the difference.

    Entries posted into the period after a batch was built show as waiting; the next batch takes them.
    """
    lines = Line.objects.filter(
        account__book__organization_id=organization_id, posted_on__gte=from_on, posted_on__lte=to_on
    )
    live = ExportedEntry.objects.filter(
        entry_id=OuterRef("entry_id"), currency=OuterRef("currency"), system=system, live=True
    )
    keys = ("account__code", "account__owner", "currency")
    total = {row[:3]: row[3] for row in lines.order_by().values_list(*keys).annotate(sum=Sum("amount_minor"))}
    held = lines.filter(Exists(live)).order_by().values_list(*keys).annotate(sum=Sum("amount_minor"))
    exported = {row[:3]: row[3] for row in held}
    return [
        Tied(code, owner, currency, int(total[code, owner, currency]), int(exported.get((code, owner, currency), 0)))
        for code, owner, currency in sorted(total)
    ]


def _sides(book: Book, system: str, currency: str, from_on: dt.date, to_on: dt.date) -> list[LedgerSide]:
    held = ExportedEntry.objects.filter(entry_id=OuterRef("entry_id"), system=system, currency=currency, live=True)
    rows: QuerySet[Any, Any] = (
        Line.objects.filter(account__book=book, currency=currency, posted_on__gte=from_on, posted_on__lte=to_on)
        .filter(~Exists(held))
        .order_by("entry_id", "id")
        .values_list(
            "entry_id", "posted_on", "entry__kind", "entry__memo", "account__code", "account__owner", "currency",
            "amount_minor", "entry__subject_id",
        )[: MOST_LINES + 1]
    )  # fmt: skip
    sides = [LedgerSide(*row) for row in rows]
    if len(sides) > MOST_LINES:
        raise PeriodTooLong(f"One batch takes {MOST_LINES:,} lines; export a shorter period.", field="to_on")
    return sides


def _all_mapped(mapping: AccountMapping, sides: Sequence[LedgerSide]) -> None:
    missing = sorted(
        {f"{side.code}:{side.owner}".strip(":") for side in sides
         if journals.target(mapping.spec, side.code, side.owner) is None}
    )  # fmt: skip
    if missing:
        raise AccountsUnmapped(
            f"Map these accounts first, then export again: {', '.join(missing[:LISTED])}"
            + (f" and {len(missing) - LISTED} more." if len(missing) > LISTED else "."),
            field="system",
            accounts=missing,
        )


def _journals(batch: ExportBatch, mapping: AccountMapping, sides: Sequence[LedgerSide]) -> list[Journal]:
    if batch.summary:
        return journals.in_summary(sides, mapping.spec, prefix=batch.id[-8:].upper())
    return journals.in_detail(sides, mapping.spec)


def _options(mapping: AccountMapping) -> Options:
    default = Options()
    return Options(mapping.spec.get("journal", default.journal), mapping.spec.get("tax_rate", default.tax_rate))


@step
def _keep(batch: ExportBatch, files: Sequence[ExportFile], made: Sequence[Journal]) -> None:
    lines = [line for journal in made for line in journal.lines]
    batch.files = [asdict(file) for file in files]
    batch.content_hash = hashlib.sha256(json.dumps(batch.files).encode()).hexdigest()
    batch.line_count = len(lines)
    batch.debit_minor = sum(line.amount_minor for line in lines if line.amount_minor > 0)
    batch.entry_count = 0
    batch.save(force_insert=True)


@step
def _claim(batch: ExportBatch, sides: Sequence[LedgerSide]) -> None:
    """Hold each entry for this batch; the database refuses one that another standing batch holds."""
    entries = list(dict.fromkeys(side.entry_id for side in sides))
    ExportedEntry.objects.bulk_create(
        (
            ExportedEntry(batch=batch, entry_id=entry_id, system=batch.system, currency=batch.currency)
            for entry_id in entries
        ),
        batch_size=2000,
    )
    batch.entry_count = len(entries)
    batch.save(update_fields=["entry_count"])


def _locked(batch_id: str, actor: Actor) -> ExportBatch:
    rows = ExportBatch.objects.select_for_update(of=("self",), no_key=True)
    return access.get_operable(actor, rows, batch_id, permission=Permission.RECONCILIATION_WRITE, field="batch")


def _only_built(batch: ExportBatch) -> None:
    if batch.state != ExportBatch.State.BUILT:
        raise IllegalTransition(f"The batch is {batch.get_state_display().lower()}.", field="batch", state=batch.state)


@step
def _tell(type: str, batch: ExportBatch, *, reason: str = "") -> None:
    facts = {
        "system": batch.system,
        "format": batch.format,
        "from_on": batch.from_on.isoformat(),
        "to_on": batch.to_on.isoformat(),
        "entries": batch.entry_count,
        "debit_minor": batch.debit_minor,
        "currency": batch.currency,
        "state": batch.state,
    }
    audit.record(
        action=type,
        object_id=batch.id,
        organization_id=batch.organization_id,
        after={**facts, "content_hash": batch.content_hash},
        reason=reason,
    )
    events.record(
        type=type, organization_id=batch.organization_id, object_id=batch.id, data={"batch": batch.id, **facts}
    )
