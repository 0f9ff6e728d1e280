"""Import policies from CSV: read as a stream, every problem listed with row and column, whole or not at all.

The file is read twice. First everything is checked, chunk by chunk, and the numbers are looked over as a whole by the
database; only a file without a problem is then written, chunk by chunk, by COPY. Memory does not grow with the file.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import IO

from django.db import IntegrityError, connection

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import DomainError
from policies import lifecycle, locks
from policies.imports import numbers, writing
from policies.imports.checking import Checker
from policies.imports.reading import KEPT_PROBLEMS, OPTIONAL, REQUIRED, CellError, Problem, Row, Tally, rows
from policies.models import PolicyImport

__all__ = ["KEPT_PROBLEMS", "OPTIONAL", "REQUIRED", "CellError", "Problem", "import_policies"]

CHUNK = 1000


class _Impossible(Exception):
    """A row could not be written after all; the whole file is taken back."""


def import_policies(*, file: IO[bytes], file_name: str, actor: Actor) -> PolicyImport:
    """Import a file of policies for the actor's organization.

    Takes:  UTF-8 CSV with a header; columns REQUIRED and any of OPTIONAL; `bind` is yes or no (no: quotes only).
    Gives:  the import with its counts. A file with any problem is REFUSED and changes nothing else; the same content
            again gives the import that brought it in.
    """
    access.require(actor, Permission.POLICIES_WRITE)
    organization_id = access.organization_of(actor)
    with tempfile.TemporaryFile() as copy:
        digest = _copy(file, copy)
        return _import(
            content=copy,
            digest=digest,
            file_name=file_name,
            organization_id=organization_id,
            actor=actor,
        )


@command
def _import(
    *,
    content: IO[bytes],
    digest: str,
    file_name: str,
    organization_id: str,
    actor: Actor,
) -> PolicyImport:
    tally = Tally()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"policy-import:{organization_id}"],
        )
    before = _imported(organization_id, digest)
    if before is not None:
        commands.unchanged()
        return before
    policy_count = _check(content, organization_id, tally)
    if not tally.problem_count:
        _write(content, organization_id, tally)
    record = PolicyImport.objects.create(
        organization_id=organization_id,
        file_name=texts.shown(file_name, 200),
        content_sha256=digest,
        state=PolicyImport.State.REFUSED if tally.problem_count else PolicyImport.State.IMPORTED,
        row_count=tally.rows,
        policy_count=0 if tally.problem_count else policy_count,
        problem_count=tally.problem_count,
        problems=[asdict(problem) for problem in tally.problems],
    )
    audit.record(
        action="policy_import.create",
        object_id=record.id,
        organization_id=organization_id,
        after={
            "state": record.state,
            "rows": tally.rows,
            "problems": tally.problem_count,
            "sha256": digest,
        },
    )
    return record


def _imported(organization_id: str, digest: str) -> PolicyImport | None:
    return PolicyImport.objects.filter(
        organization_id=organization_id,
        content_sha256=digest,
        state=PolicyImport.State.IMPORTED,
    ).first()


def _check(content: IO[bytes], organization_id: str, tally: Tally) -> int:
    """Look the whole file over and note every problem; nothing is written. Gives the count of rows that can be read."""
    checker, count = Checker(organization_id), 0
    numbers.open_list()
    for chunk in _chunks(rows(content, tally)):
        count += len(chunk)
        seen = checker.check(chunk)
        for row, refusals in zip(chunk, seen.refusals, strict=True):
            for refusal in refusals:
                tally.refuse(row.number, refusal)
        numbers.note(seen.numbers)
    tally.join(*numbers.taken(organization_id, at_most=KEPT_PROBLEMS))
    return count


def _write(content: IO[bytes], organization_id: str, tally: Tally) -> None:
    """Write every row, or none when someone else's work made one impossible meanwhile."""
    with suppress(_Impossible), commands.savepoint():
        _write_chunks(content, organization_id, tally)
        if tally.problem_count:
            raise _Impossible


def _write_chunks(content: IO[bytes], organization_id: str, tally: Tally) -> None:
    """Write chunk after chunk; stop after the first with a row that is impossible."""
    checker = Checker(organization_id)
    for chunk in _chunks(rows(content, Tally())):
        try:
            with commands.savepoint():
                writing.write(organization_id, checker.check(chunk).good)
        except (DomainError, IntegrityError):
            _write_one_by_one(chunk, organization_id, tally)
        if tally.problem_count:
            return


def _write_one_by_one(chunk: Iterable[Row], organization_id: str, tally: Tally) -> None:
    """Write rows each by itself; go on after one that is refused, to name them all."""
    for row in chunk:
        try:
            with commands.savepoint():
                policy = lifecycle.write_quote(organization_id, row.request)
                if row.bind:
                    lifecycle.bind_locked(locks.lock(policy.id))
        except DomainError as error:
            for refusal in lifecycle.refusals(organization_id, row.request) or [error]:
                tally.refuse(row.number, refusal)


def _chunks(read: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(itertools.islice(read, CHUNK)):
        yield chunk


def _copy(source: IO[bytes], target: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(1 << 16):
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()
