"""Whether processors can be relied on: one circuit breaker an account, shared by all workers.

Outages count (not reached, no answer, an error of theirs), declines never do. After BREAKER_FAILURES in a row it opens:
routing goes round the account until `retry_at`, when exactly one payment tries it. Its success closes the breaker, its
failure opens it for twice as long. An account without outages has no row here, and success writes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from django.conf import settings

from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict
from payments.models import Breaker, GatewayAccount
from payments.routing import Health

UP = Health()


class AlreadyUp(Conflict):
    """The account is not down, so there is nothing to bring back."""

    code = "gateway_already_up"


class AlreadyDown(Conflict):
    """The account is kept down by a person already."""

    code = "gateway_already_down"


def states(account_ids: Collection[str]) -> dict[str, Health]:
    """The health of accounts now, by id."""
    rows = {breaker.account_id: breaker for breaker in Breaker.objects.filter(account_id__in=account_ids)}
    return {account_id: health_of(rows.get(account_id), clock.now()) for account_id in account_ids}


def health_of(breaker: Breaker | None, now: dt.datetime) -> Health:
    """What a breaker says at a moment."""
    if breaker is None or breaker.opened_at is None:
        return UP
    if breaker.retry_at is None:
        words = f"is kept down by a person since {breaker.opened_at:%Y-%m-%d %H:%M} UTC: {breaker.last_failure}"
        return Health(up=False, words=words, badness=(1, breaker.opened_at.isoformat()))
    if breaker.retry_at <= now:
        return Health(words=f"was down since {breaker.opened_at:%Y-%m-%d %H:%M} UTC", trial=True)
    if breaker.trial_attempt_id:
        words = f"is down, and another payment is trying it: {breaker.last_failure}"
        return Health(up=False, words=words, badness=(0, breaker.retry_at.isoformat()))
    words = f"is down until {breaker.retry_at:%Y-%m-%d %H:%M:%S} UTC: {breaker.last_failure}"
    return Health(up=False, words=words, badness=(0, breaker.retry_at.isoformat()))


@step
def claim(account_id: str, *, by: str) -> bool:
    """Let one payment try an account that was down; false when another one does. Undone with its command."""
    now = clock.now()
    breaker = _locked(account_id)
    if breaker is None or breaker.opened_at is None or breaker.retry_at is None or breaker.retry_at > now:
        return False
    breaker.trial_attempt_id = by[:32]
    breaker.retry_at = now + dt.timedelta(seconds=settings.BREAKER_TRIAL_SECONDS)
    breaker.save(update_fields=["trial_attempt_id", "retry_at"])
    return True


@step
def failed(account: GatewayAccount, why: str) -> None:
    """Count an outage of an account: it was not reached, did not answer in time, or answered with an error of its own.

    A row that another worker is writing to is left to it: one failure more or less decides nothing.
    """
    Breaker.objects.bulk_create([Breaker(account=account)], ignore_conflicts=True)
    breaker = _locked(account.id)
    if breaker is None:
        return
    breaker.failures_in_row += 1
    breaker.last_failure_at = clock.now()
    breaker.last_failure = texts.shown(why, 200)
    trial_failed = breaker.opened_at is not None and breaker.trial_attempt_id != ""
    if trial_failed or (breaker.opened_at is None and breaker.failures_in_row >= settings.BREAKER_FAILURES):
        _open(account, breaker)
    breaker.save()


@step
def worked(account: GatewayAccount) -> None:
    """Note that an account answered, be it with a decline. Writes nothing unless it had failed before."""
    known: Breaker | None = getattr(account, "breaker", None)
    if known is None or (known.failures_in_row == 0 and known.opened_at is None):
        return
    breaker = _locked(account.id)
    if breaker is None or (breaker.opened_at is not None and breaker.retry_at is None):
        return
    _close(account, breaker, "it answered")


@command
def bring_back(*, account_id: str, reason: str, actor: Actor) -> Breaker:
    """Use an account again at once. Raises: NotFound, Forbidden, AlreadyUp, BadText."""
    account = _mine(actor, account_id)
    reason = texts.line(reason, field="reason", at_most=200)
    breaker = Breaker.objects.select_for_update(no_key=True).filter(account=account).first()
    if breaker is None or breaker.opened_at is None:
        raise AlreadyUp(f"{account} is in use.", field="account")
    _close(account, breaker, reason)
    return breaker


@command
def take_down(*, account_id: str, reason: str, actor: Actor) -> Breaker:
    """Send payments round an account until a person brings it back; it is tried only when all others are down too.

    Raises: NotFound, Forbidden, AlreadyDown, BadText.
    """
    account = _mine(actor, account_id)
    reason = texts.line(reason, field="reason", at_most=200)
    Breaker.objects.bulk_create([Breaker(account=account)], ignore_conflicts=True)
    breaker = Breaker.objects.select_for_update(no_key=True).get(account=account)
    if breaker.opened_at is not None and breaker.retry_at is None:
        raise AlreadyDown(f"{account} is kept down already.", field="account")
    breaker.opened_at = clock.now()
    breaker.retry_at = None
    breaker.trial_attempt_id = ""
    breaker.last_failure = reason
    breaker.save()
    _tell("gateway.down", account, reason, {"until": None})
    return breaker


def _mine(actor: Actor, account_id: str) -> GatewayAccount:
    return access.get_operable(
        actor, GatewayAccount.objects.all(), account_id, permission=Permission.ACCESS_WRITE, field="account"
    )


def _locked(account_id: str) -> Breaker | None:
    rows = Breaker.objects.select_for_update(skip_locked=True, no_key=True)
    return rows.filter(account_id=account_id).first()


def _open(account: GatewayAccount, breaker: Breaker) -> None:
    """Open for the first wait, doubled with every opening in a row, up to a limit."""
    doubled = settings.BREAKER_WAIT_SECONDS * 2 ** min(breaker.times_opened, 20)
    wait = dt.timedelta(seconds=min(doubled, settings.BREAKER_MAX_WAIT_SECONDS))
    now = clock.now()
    first = breaker.opened_at is None
    breaker.opened_at = breaker.opened_at or now
    breaker.retry_at = now + wait
    breaker.trial_attempt_id = ""
    breaker.times_opened += 1
    if first:
        _tell("gateway.down", account, breaker.last_failure, {"until": breaker.retry_at.isoformat()})


def _close(account: GatewayAccount, breaker: Breaker, why: str) -> None:
    was_open = breaker.opened_at is not None
    breaker.failures_in_row = breaker.times_opened = 0
    breaker.opened_at = breaker.retry_at = None
    breaker.trial_attempt_id = ""
    breaker.save()
    if was_open:
        _tell("gateway.up", account, why, {})


def _tell(type: str, account: GatewayAccount, reason: str, more: dict[str, str | None]) -> None:
    facts = {"account": account.id, "gateway": account.gateway, "merchant": account.merchant, **more}
    audit.record(action=type, object_id=account.id, organization_id=account.organization_id, after=facts, reason=reason)
    events.record(
        type=type, organization_id=account.organization_id, object_id=account.id, data={**facts, "reason": reason}
    )
