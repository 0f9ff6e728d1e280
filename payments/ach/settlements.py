"""What the bank settled of an account's entries, as payouts: a file's debits, its credits, what a file returned."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import groupby

from django.db.models import Exists, OuterRef

from coverpay.kernel import clock
from coverpay.kernel.money import Money
from payments.ach import records
from payments.gateways.base import PayoutLineReport, PayoutReport
from payments.models import AchEntry, AchNews, GatewayAccount

State, Purpose = AchEntry.State, AchEntry.Purpose
CURRENCY = "USD"
_MONEY = (Purpose.CHARGE, Purpose.REFUND, Purpose.REVERSAL)
_OUT = (State.SETTLED, State.RETURNED)


def payouts(account: GatewayAccount, since: dt.date) -> list[PayoutReport]:
    """Every settlement since a day: the debits of a file, its credits, and what a received file returned that day.

    A settlement is reported once its day is over and nothing of it is undecided, so that it never changes.
    """
    return [*_settled(account, since), *_returned(account, since)]


def _settled(account: GatewayAccount, since: dt.date) -> Iterable[PayoutReport]:
    undecided = AchEntry.objects.filter(
        file=OuterRef("file"), settles_on=OuterRef("settles_on"), state=State.FILED, purpose__in=_MONEY
    )
    entries = (
        AchEntry.objects.filter(account=account, purpose__in=_MONEY, state__in=_OUT, file__isnull=False)
        .filter(~Exists(undecided), settles_on__gte=since, settles_on__lt=clock.today())
        .select_related("file")
        .order_by("settles_on", "file_id", "trace_number")
    )
    for (day, _), group in groupby(entries, key=lambda entry: (entry.settles_on, entry.file_id)):
        rows = list(group)
        file = rows[0].file
        assert file is not None
        debits = [entry for entry in rows if records.is_debit(entry.transaction_code)]
        credits = [entry for entry in rows if not records.is_debit(entry.transaction_code)]
        yield from _report(f"{file.name} {day} debits", day, debits)
        yield from _report(f"{file.name} {day} credits", day, credits)


def _returned(account: GatewayAccount, since: dt.date) -> Iterable[PayoutReport]:
    """By the file that brought them: a file that comes late never changes what was reported of its day before."""
    rows = AchNews.objects.filter(
        entry__account=account,
        entry__purpose__in=_MONEY,
        entry__state=State.RETURNED,
        entry__returned_on__gte=since,
        entry__returned_on__lt=clock.today(),
        state=AchNews.State.APPLIED,
        code__startswith="R",
    ).exclude(file__result="")
    ordered = rows.select_related("entry").order_by("entry__returned_on", "file_id", "line")
    mine = ((news.file_id, news.entry) for news in ordered if news.entry and news.code == news.entry.return_code)
    for (day, file_id), group in groupby(mine, key=lambda pair: (pair[1].returned_on, pair[0])):
        yield from _report(f"{file_id} {day} returns", day, [entry for _, entry in group], sign=-1)


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
