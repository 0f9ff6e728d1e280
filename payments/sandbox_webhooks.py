"""Be the sandbox processor's sender: post what it has to tell to our own inbound door, signed, over HTTP."""

from __future__ import annotations

import json
import logging

import requests
from django.conf import settings

from coverpay.kernel import clock
from payments import accounts
from payments.gateways.sandbox import Sandbox, sign
from payments.models import GatewayAccount

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 5


def emit() -> int:
    """Deliver every waiting sandbox webhook of every account. Gives how many were accepted."""
    if not settings.SANDBOX_ENABLED:
        return 0
    return sum(_emit(account) for account in GatewayAccount.objects.filter(gateway="sandbox").order_by("id"))


def signed(account: GatewayAccount, event: str, body: str) -> dict[str, str]:
    """The headers a sandbox webhook carries."""
    now = clock.now()
    return {
        "webhook-id": event,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": sign(accounts.webhook_secret(account), event, now, body.encode()).decode(),
        "content-type": "application/json",
    }


def _emit(account: GatewayAccount) -> int:
    sandbox = Sandbox(settings.SANDBOX_FILE)
    accepted = 0
    for message in sandbox.books.untold(account.merchant):
        body = json.dumps(json.loads(message["body"]))
        try:
            answer = requests.post(
                f"{settings.PUBLIC_URL}/hooks/{account.id}/",
                data=body,
                headers=signed(account, message["event"], body),
                timeout=TIMEOUT_SECONDS,
            )
        except requests.RequestException as error:
            log.warning(
                "sandbox webhook not delivered",
                extra={"event_id": message["event"], "error": str(error)},
            )
            break
        if answer.status_code < 300:
            sandbox.books.told(message["id"])
            accepted += 1
    return accepted
