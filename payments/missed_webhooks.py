"""What processors could not deliver to us: asked for by their API, and taken in as if it had come.

A webhook that never arrives would leave a returned payment standing. Whoever can list what it failed to deliver is
asked now and then; each event is stored once under its own identity, so that asking again does no harm.
"""

from __future__ import annotations

import datetime as dt
import logging

from coverpay.kernel import clock
from payments import accounts, inbound
from payments.gateways import registry
from payments.gateways.base import ListsEvents, NotSent
from payments.models import GatewayAccount

log = logging.getLogger(__name__)
LOOK_BACK = dt.timedelta(days=3)
"""Processors try for about as long themselves; what we took in before is known by its identity."""


def catch_up() -> int:
    """Ask every account's processor, also for accounts that are closed. Gives how many events were new."""
    usable = GatewayAccount.objects.filter(gateway__in=registry.names()).order_by("id")
    return sum(catch_up_account(account) for account in usable)


def catch_up_account(account: GatewayAccount) -> int:
    """Take in what one account's processor could not deliver. Unreached, it is asked again later."""
    gateway = accounts.gateway_of(account)
    if not isinstance(gateway, ListsEvents):
        return 0
    try:
        missed = gateway.undelivered(account.merchant, clock.now() - LOOK_BACK)
    except NotSent as error:
        log.warning("undelivered events not listed", extra={"account": account.id, "error": str(error)})
        return 0
    return sum(inbound.take_in(account, external_id, body) is not None for external_id, body in missed)
