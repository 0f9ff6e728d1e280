"""The day an entry settles: the bank has moved the money, and its payment succeeds, until somebody returns it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from zoneinfo import ZoneInfo

from compliance import audit
from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from payments import sweeps
from payments.ach import calendar, telling
from payments.ach.desk import DESK
from payments.models import AchEntry, AchFile

CHUNK = 500
State = AchEntry.State
_GONE_OUT = (AchFile.State.SENT, AchFile.State.ACCEPTED)


def settle_due(limit: int = 20_000) -> int:
    """Settle every entry whose day has come in a file that went out, in chunks. Gives how many."""
    count = 0
    while count < limit:
        settled = _settle(on=_today(), actor=DESK)
        count += len(settled)
        sweeps.each(settled, _tell)
        if len(settled) < CHUNK:
            break
    return count


def _tell(entry_id: str) -> None:
    telling.tell(AchEntry.objects.select_related("account").get(pk=entry_id))


def _today() -> dt.date:
    """The day it is where the operator settles."""
    return clock.now().astimezone(ZoneInfo(calendar.EASTERN)).date()


@command
def _settle(*, on: dt.date, actor: Actor) -> list[str]:
    """Settle one chunk. A payment that is not told because we die now asks for itself later."""
    due = list(
        AchEntry.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
        .filter(state=State.FILED, settles_on__lte=on, file__state__in=_GONE_OUT)
        .select_related("file")
        .order_by("id")[:CHUNK]
    )
    if not due:
        commands.unchanged()
        return []
    for entry in due:
        entry.settle()
    AchEntry.objects.bulk_update(due, ["state"])
    files = {entry.file_id: entry.file for entry in due}
    for file_id, count in Counter(entry.file_id for entry in due).items():
        file = files[file_id]
        assert file is not None
        audit.record(
            action="ach_file.settle",
            object_id=file.id,
            organization_id=file.organization_id,
            after={"entries": count, "on": on.isoformat()},
        )
    return [entry.id for entry in due]
