"""What the bank settled of an account's entries, as payouts: a file's debits, its credits, a day's returns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import groupby

from coverpay.kernel import clock
from coverpay.kernel.money import Money
from payments.ach import records
from payments.gateways.base import PayoutLineReport, PayoutReport
from payments.models import AchEntry, GatewayAccount

State, Purpose = AchEntry.State, AchEntry.Purpose
CURRENCY = "USD"
_MONEY = (Purpose.CHARGE, Purpose.REFUND, Purpose.REVERSAL)
_OUT = (State.SETTLED, State.RETURNED)


def payouts(account: GatewayAccount, since: dt.date) -> list[PayoutReport]:
    """Every settlement since a day: one for the debits of a file, one for its credits, one for a day's returns.

    A day counts once it is over, so that what is reported never changes.
    """
    today = clock.today()
    mine = AchEntry.objects.filter(account=account, purpose__in=_MONEY)
    settled = (
        mine.filter(settles_on__gte=since, settles_on__lt=today, state__in=_OUT, file__isnull=False)
        .select_related("file")
        .order_by("settles_on", "file_id", "trace_number")
    )
    reports: list[PayoutReport] = []
    for (day, _), entries in groupby(settled, key=lambda entry: (entry.settles_on, entry.file_id)):
        reports += _of_file(day, list(entries))
    returned = mine.filter(returned_on__gte=since, returned_on__lt=today, state=State.RETURNED)
    for day, entries in groupby(returned.order_by("returned_on", "trace_number"), key=lambda entry: entry.returned_on):
        reports += _report(f"returns {day}", day, entries, sign=-1)
    return reports


def _of_file(day: dt.date, entries: list[AchEntry]) -> Iterable[PayoutReport]:
    file = entries[0].file
    assert file is not None
    debits = [entry for entry in entries if records.is_debit(entry.transaction_code)]
    credits = [entry for entry in entries if not records.is_debit(entry.transaction_code)]
    yield from _report(f"{file.name} {day} debits", day, debits)
    yield from _report(f"{file.name} {day} credits", day, credits)


def _report(reference: str, day: dt.date | None, entries: Iterable[AchEntry], sign: int = 1) -> list[PayoutReport]:
    """Debits bring money, credits cost it; what comes back is the other way round."""
    lines = tuple(_line(entry, sign) for entry in entries)
    if not lines or day is None:
        return []
    return [PayoutReport(reference, Money(sum(line.gross_minor for line in lines), CURRENCY), day, lines)]


def _line(entry: AchEntry, sign: int) -> PayoutLineReport:
    gross = sign * (entry.amount_minor if records.is_debit(entry.transaction_code) else -entry.amount_minor)
    if sign < 0:
        return PayoutLineReport("return", entry.reference, entry.trace_number, gross, 0)
    kind = "charge" if entry.purpose == Purpose.CHARGE else "refund"
    return PayoutLineReport(kind, entry.reference, entry.trace_number, gross, 0)
