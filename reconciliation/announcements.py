"""What banks announce before it stands on a statement (camt.054): kept apart, settled by the line that brings it.

An announcement is no money yet: it enters no balance proof and is never matched. The bank's own reference and the
amount tell which statement line it became; without a reference a person looks.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from django.conf import settings
from django.db.models import Q, QuerySet

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition
from reconciliation.models import Announcement, BankAccount, StatementImport, StatementLine
from reconciliation.statements.base import ParsedNotice

State = Announcement.State
Key = tuple[str, int]


@step
def keep_locked(
    source: StatementImport, notices: Sequence[ParsedNotice], accounts: Mapping[tuple[str, str], BankAccount]
) -> list[Announcement]:
    """Keep what a file announces of locked accounts. What an earlier file announced already is not kept again.

    Two identical entries of one file are two; the same reference and amount in another file is the same movement.
    """
    kept: list[Announcement] = []
    by_account: dict[str, list[Announcement]] = defaultdict(list)
    for notice in notices:
        account = accounts[notice.bank_id, notice.account_identifier]
        by_account[account.id] += _rows(source, account, notice)
    for account_id, rows in by_account.items():
        earlier = Counter(_keys(Announcement.objects.filter(bank_account=account_id), rows))
        for row in rows:
            key = (row.bank_reference, row.amount_minor)
            if row.bank_reference and earlier[key] > 0:
                earlier[key] -= 1
            else:
                kept.append(row)
    return Announcement.objects.bulk_create(kept, batch_size=2000)


@step
def settle_locked(account: BankAccount) -> list[Announcement]:
    """Settle what has come to stand on a statement of a locked account, each announcement by a line of its own."""
    waiting = list(
        Announcement.objects.filter(bank_account=account, line__isnull=True).exclude(bank_reference="").order_by("id")
    )
    wanted = {row.bank_reference for row in waiting}
    lines: dict[Key, list[StatementLine]] = defaultdict(list)
    for line in StatementLine.objects.filter(
        statement__bank_account=account, bank_reference__in=wanted, announcement__isnull=True
    ).order_by("-posted_on", "-id"):
        lines[line.bank_reference, line.amount_minor].append(line)
    settled = []
    for row in waiting:
        found = lines[row.bank_reference, row.amount_minor]
        if found:
            row.settle()
            row.line = found.pop()
            row.save(update_fields=["state", "line"])
            settled.append(row)
    return settled


@command
def dismiss(*, announcement_id: str, reason: str, actor: Actor) -> Announcement:
    """Say that an announcement will not come, with the reason; a line that brings it after all still settles it.

    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    found = access.get_operable(
        actor,
        Announcement.objects.select_for_update(of=("self",)),
        announcement_id,
        permission=Permission.RECONCILIATION_WRITE,
    )
    reason = texts.line(reason, field="reason", at_most=300)
    if found.state != State.ANNOUNCED:
        raise IllegalTransition("It is on a statement or dismissed already.", field="announcement")
    found.dismiss()
    found.dismissed_reason = reason
    found.save(update_fields=["state", "dismissed_reason"])
    audit.record(
        action="announcement.dismiss",
        object_id=found.id,
        organization_id=found.bank_account.organization_id,
        before={"state": State.ANNOUNCED.value},
        after={"state": found.state},
        reason=reason,
    )
    return found


def waiting(account: BankAccount) -> QuerySet[Announcement]:
    """What is announced for an account and on no statement yet, the longest waiting first."""
    return account.announcements.filter(state=State.ANNOUNCED).order_by("posted_on", "id")


def late() -> QuerySet[Announcement]:
    """Announcements that should have come by now: a worklist for a person."""
    return Announcement.objects.filter(state=State.ANNOUNCED, posted_on__lt=late_before())


def late_before() -> dt.date:
    """What was announced for an earlier day than this is late."""
    return clock.today() - dt.timedelta(days=settings.ANNOUNCEMENT_LATE_DAYS)


def _rows(source: StatementImport, account: BankAccount, notice: ParsedNotice) -> list[Announcement]:
    return [
        Announcement(
            source=source,
            bank_account=account,
            position=told.line.line,
            posted_on=told.line.posted_on,
            value_on=told.line.value_date,
            amount_minor=told.line.amount_minor,
            currency=notice.currency,
            type_code=told.line.type_code,
            bank_reference=told.line.bank_reference,
            customer_reference=told.line.customer_reference,
            text=told.line.text,
            is_booked=told.is_booked,
        )
        for told in notice.entries
    ]


def _keys(before: QuerySet[Announcement], rows: Iterable[Announcement]) -> Iterable[Key]:
    references = {row.bank_reference for row in rows} - {""}
    return before.filter(Q(bank_reference__in=references)).values_list("bank_reference", "amount_minor")
