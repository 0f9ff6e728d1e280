"""Watch return rates: an originator above what the rules tolerate is told, once a month for each rate."""

from __future__ import annotations

import datetime as dt

from compliance import audit, events
from compliance.models import EventRecord
from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from payments import sweeps
from payments.ach import queries
from payments.ach.desk import DESK, GATEWAY
from payments.models import GatewayAccount

EXCEEDED = "ach.return_rate_exceeded"
TOLD_AGAIN = dt.timedelta(days=30)


def watch() -> int:
    """Look at the rates of every account that sends files. Gives how many accounts."""
    ids = list(GatewayAccount.objects.filter(gateway=GATEWAY).order_by("id").values_list("id", flat=True))
    return sweeps.each(ids, lambda account_id: _watch(account_id=account_id, actor=DESK))


@command
def _watch(*, account_id: str, actor: Actor) -> None:
    account = GatewayAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    exceeded = [rate for rate in queries.return_rates(account, clock.today()) if rate.exceeded]
    recently = EventRecord.objects.filter(
        type=EXCEEDED, object_id=account.id, recorded_at__gt=clock.now() - TOLD_AGAIN
    ).values_list("data__rate", flat=True)
    told = set(recently)
    fresh = [rate for rate in exceeded if rate.bucket not in told]
    if not fresh:
        commands.unchanged()
    for rate in fresh:
        facts = {
            "rate": rate.bucket,
            "percent": str(rate.percent),
            "threshold": str(rate.threshold),
            "returned": rate.returned,
            "debits": rate.debits,
            "citation": rate.citation,
        }
        audit.record(action=EXCEEDED, object_id=account.id, organization_id=account.organization_id, after=facts)
        events.record(
            type=EXCEEDED,
            organization_id=account.organization_id,
            object_id=account.id,
            data={"account": account.id, **facts},
        )
