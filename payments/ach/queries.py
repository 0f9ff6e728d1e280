"""What is read of ACH files: lists, a file with its entries and news, return rates."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from compliance import access
from coverpay.kernel.actors import Actor
from payments.ach import rates, records
from payments.ach.desk import GATEWAY
from payments.ach.rates import Rate
from payments.models import AchEntry, AchNews, GatewayAccount

State = AchEntry.State
_ORIGINATED = (State.FILED, State.SETTLED, State.RETURNED)


def accounts(actor: Actor) -> QuerySet[GatewayAccount]:
    """The actor's accounts that send files to a bank."""
    return access.visible(actor, GatewayAccount.objects.filter(gateway=GATEWAY)).order_by("id")


def entries(actor: Actor) -> QuerySet[AchEntry]:
    """Entries, the newest first."""
    return access.visible(actor, AchEntry.objects.all()).select_related("payment_method", "file").order_by("-id")


def news(actor: Actor) -> QuerySet[AchNews]:
    """What received files said, in the order of each file."""
    rows = access.visible(actor, AchNews.objects.all()).select_related("file", "entry").defer("record_sealed")
    return rows.order_by("-file_id", "line")


def staged(account: GatewayAccount) -> dict[str, Any]:
    """How many entries wait for an account's next file, and their debits and credits, minor units."""
    takes = Q(transaction_code__in=records.DEBIT_CODES)
    return AchEntry.objects.filter(account=account, state=State.STAGED).aggregate(
        count=Count("id"),
        debits=Sum("amount_minor", filter=takes, default=0),
        credits=Sum("amount_minor", filter=~takes, default=0),
    )


def return_rates(account: GatewayAccount, on: dt.date) -> list[Rate]:
    """An account's return rates over the sixty days that end with a day."""
    first, last = rates.window(on)
    debits = AchEntry.objects.filter(account=account, transaction_code__in=records.DEBIT_CODES, amount_minor__gt=0)
    count = debits.filter(state__in=_ORIGINATED, settles_on__range=(first, last)).count()
    back = debits.filter(state=State.RETURNED, returned_on__range=(first, last))
    by_code = dict(back.values_list("return_code").annotate(count=Count("id")).order_by())
    return rates.measure(count, by_code)
