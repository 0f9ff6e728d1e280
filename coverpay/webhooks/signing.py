"""Standard Webhooks signatures: secrets, headers, and the one body of an event."""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
from collections.abc import Iterable

from standardwebhooks import Webhook

from compliance.models import EventRecord

_SECRET_BYTES = 32


def new_secret() -> str:
    """Make a signing secret: `whsec_` and base64 of 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def body_of(event: EventRecord) -> bytes:
    """Write an event as it is sent: the same bytes at every try, for every endpoint."""
    message = {
        "id": event.id,
        "type": event.type,
        "timestamp": event.recorded_at.isoformat(),
        "data": {"object_id": event.object_id, **event.data},
    }
    return json.dumps(message, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def headers(*, message_id: str, at: dt.datetime, body: bytes, with_secrets: Iterable[str]) -> dict[str, str]:
    """Sign a body with every secret that is valid now; a receiver needs to know one of them."""
    signatures = [Webhook(secret).sign(message_id, at, body.decode()) for secret in with_secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "CoverPay-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
