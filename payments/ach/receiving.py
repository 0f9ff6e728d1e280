"""Files that come from the bank: returns, changes, acknowledgements. What is safe is applied, all else waits.

A file is kept sealed with its hash first, so that the same content never counts twice. Each of its records then takes
effect once, in its own transaction, and leaves one row of news; whatever dies on the way, `resume` goes on from there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from compliance import access, audit, events, vault
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, ids, jobs, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Invalid
from payments import sweeps
from payments.ach import calendar, news, reading, records
from payments.ach.desk import DESK, GATEWAY
from payments.ach.files import content_of
from payments.ach.news import Item
from payments.ach.proofs import Problem
from payments.ach.reading import Event, What
from payments.ach.rows import chunks_of
from payments.models import AchFile, GatewayAccount

MAX_BYTES = 64 * 1024 * 1024
AT_ONCE = 300
"""Records read while somebody waits for the page; a larger file is read by a worker."""
MAX_REFUSED = 1_000
"""Rows of nonsense kept one by one; the content is kept whole, so a file of nothing else needs no more."""
Kind, F = AchFile.Kind, AchFile.State


class FileTooLarge(Invalid):
    """Larger than any file of returns; this is something else."""

    code = "ach_file_too_large"


@dataclass(slots=True)
class _Parsed:
    """What a content holds: what may be applied, what may not and why, and what was said of the file as a whole."""

    items: list[Item] = field(default_factory=list)
    opened_on: dt.date | None = None
    classes: set[str] = field(default_factory=set)
    understood: int = 0
    refused: int = 0


def receive(*, account_id: str, name: str, content: bytes, actor: Actor) -> AchFile:
    """Take in a file from the bank; the same content again changes nothing.

    Gives:  the file. What could not be applied is news in quarantine, each with its line, column and reason.
    Raises: NotFound, Forbidden, FileTooLarge, BadText.
    """
    if len(content) > MAX_BYTES:
        raise FileTooLarge(f"A file from the bank has at most {MAX_BYTES // 2**20} MB.", field="file")
    parsed = _parse(content)
    file = _store(account_id=account_id, name=name, content=content, parsed=parsed, actor=actor)
    if file.result:
        return file
    if len(parsed.items) > AT_ONCE:
        jobs.wake("payments.read_ach_file", file.id)
        return file
    _apply(file, parsed)
    file.refresh_from_db()
    return file


def go_on(file_id: str) -> None:
    """Let every record of a received file take effect that did not yet."""
    file = AchFile.objects.select_related("account").get(pk=file_id)
    if not file.result:
        _apply(file, _parse(content_of(file)))


def resume(limit: int = 50) -> int:
    """Go on with received files whose records were not all applied. Gives how many."""
    left = AchFile.objects.filter(direction=AchFile.Direction.IN, result="").order_by("id")
    return sweeps.each(list(left.values_list("id", flat=True)[:limit]), go_on)


def _apply(file: AchFile, parsed: _Parsed) -> None:
    """Let each record take effect that did not yet. One that cannot now keeps no other, and is tried again later."""
    done = set(file.news.values_list("detail__number", flat=True))
    waiting = {str(number): item for number, item in enumerate(parsed.items) if number not in done}
    sweeps.each(waiting, lambda number: news.apply(file, int(number), waiting[number]))
    _finish(file_id=file.id, expected=len(parsed.items), refused=parsed.refused, actor=DESK)


@command
def _store(*, account_id: str, name: str, content: bytes, parsed: _Parsed, actor: Actor) -> AchFile:
    rows = GatewayAccount.objects.select_for_update(no_key=True).filter(gateway=GATEWAY)
    account = access.get_operable(actor, rows, account_id, permission=Permission.PAYMENTS_WRITE, field="account")
    name = texts.line(name, field="name", at_most=120)
    digest = hashlib.sha256(content).hexdigest()
    known = AchFile.objects.filter(account=account, direction=AchFile.Direction.IN, content_hash=digest).first()
    if known is not None:
        commands.unchanged()
        return known
    id = ids.new("acf")
    file = AchFile.objects.create(
        id=id,
        organization_id=account.organization_id,
        account=account,
        direction=AchFile.Direction.IN,
        kind=Kind.ACKNOWLEDGEMENT if parsed.classes == {"ACK"} else Kind.RETURNS,
        name=name,
        file_date=parsed.opened_on or clock.today(),
        content_sealed=vault.seal(content.decode("latin-1"), row_id=id),
        content_hash=digest,
        entry_count=parsed.understood,
        state=F.READ if parsed.understood else F.QUARANTINED,
    )
    audit.record(
        action="ach_file.receive",
        object_id=file.id,
        organization_id=file.organization_id,
        after={"name": name, "hash": digest, "entries": parsed.understood, "state": file.state},
    )
    return file


@command
def _finish(*, file_id: str, expected: int, refused: int, actor: Actor) -> None:
    """Write down what came of a file, once all of its records left their news."""
    file = AchFile.objects.select_for_update(no_key=True).get(pk=file_id)
    if file.result or file.news.count() < expected:
        commands.unchanged()
        return
    applied = file.news.filter(state="applied").count()
    waits = file.news.filter(state="quarantined").count()
    more = f", {refused - MAX_REFUSED} more rows are no records" if refused > MAX_REFUSED else ""
    file.result = f"{applied} applied, {waits} in quarantine{more}"
    file.save(update_fields=["result"])
    facts: dict[str, Any] = {"name": file.name, "state": file.state, "applied": applied, "quarantined": waits}
    audit.record(action="ach_file.read", object_id=file.id, organization_id=file.organization_id, after=facts)
    events.record(
        type="ach_file.received",
        organization_id=file.organization_id,
        object_id=file.id,
        data={"ach_file": file.id, **facts},
    )


def _parse(content: bytes) -> _Parsed:
    parsed = _Parsed()
    for item, event in _items(reading.events(chunks_of(content)), parsed):
        if event is not None and event.what is What.ENTRY:
            parsed.understood += 1
            parsed.items.append(item)
        else:
            parsed.refused += 1
            if parsed.refused <= MAX_REFUSED:
                parsed.items.append(item)
    return parsed


def _items(found: Iterator[Event], parsed: _Parsed) -> Iterator[tuple[Item, Event | None]]:
    """Each entry with its batch and whether the batch was proved; each refusal and problem with its reason."""
    header: records.BatchHeader | None = None
    opened: dt.date | None = None
    held: list[Event] = []
    for event in found:
        if event.what is What.FILE_OPENED:
            opened = event.record.created_on
            parsed.opened_on = parsed.opened_on or opened
        elif event.what is What.BATCH_OPENED:
            header = event.record
            parsed.classes.add(event.record.sec_code)
        elif event.what is What.ENTRY:
            held.append(event)
            continue
        elif event.what is What.BATCH_CLOSED:
            for entry in held:
                yield _entry(entry, header, opened, event.problems), entry
            held, header = [], None
        if event.problems:
            yield _refusal(event), event


def _entry(
    event: Event, header: records.BatchHeader | None, opened: dt.date | None, problems: Sequence[Problem]
) -> Item:
    near = opened or clock.today()
    settled = calendar.settled_on(header.settlement_day, near) if header else None
    return Item(
        line=event.line,
        column=1,
        sec_code=header.sec_code if header else "",
        entry=event.record,
        addenda=event.addenda,
        settled_on=settled or (header.effective_on if header else None) or near,
        unproved="; ".join(problem.message for problem in problems),
    )


def _refusal(event: Event) -> Item:
    first = event.problems[0]
    return Item(
        line=event.line if event.rows else first.line,
        column=first.column,
        raw=event.raw,
        unproved="; ".join(f"line {p.line}, column {p.column}: {p.message}" for p in event.problems),
        problem=first.code,
    )
