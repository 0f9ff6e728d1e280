"""Events: written with what they tell of, and delivered signed, late, twice, out of order, or never."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import threading
import time
import urllib.request
from typing import Any
from urllib.error import URLError

from coverpay.demo.processor.store import Store, Thing, shown

VERSION = "2026-02-25.clover"
TRIES = 10
TIMEOUT_SECONDS = 5


def tell(store: Store, account: str, type: str, thing: Thing) -> None:
    """Write an event about an object as it is now, and plan its deliveries."""
    event = store.add(
        account, "evt", "event",
        type=type, api_version=VERSION, data={"object": shown(thing)}, pending_webhooks=1,
    )  # fmt: skip
    if store.setting(f"endpoint {account}", None) is None:
        return
    for wait in _waits(store.setting("deliveries", {}), event["id"]):
        store.run(
            "INSERT INTO delivery (event, account, due_at) VALUES (?, ?, ?)", event["id"], account, time.time() + wait
        )


def _waits(plan: dict[str, Any], event: str) -> list[float]:
    """When to deliver an event, each time it is delivered; the plan and the event's number decide."""
    chance = random.Random(f"{plan.get('seed', 0)}/{event}")
    if chance.randrange(1_000_000) < plan.get("lost_ppm", 0):
        return []
    copies = 2 if chance.randrange(1_000_000) < plan.get("twice_ppm", 0) else 1
    latest = plan.get("late_seconds", 0)
    return [chance.uniform(0, latest) for _ in range(copies)]


def signature(secret: str, body: bytes, at: int) -> str:
    """`Stripe-Signature`: HMAC-SHA256 over the time and the body, keyed with the secret as it is written."""
    signed = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def bodies(store: Store, account: str) -> list[str]:
    """Every event of an account as its webhook's body, oldest first."""
    return [json.dumps(shown(event)) for event in reversed(store.all(account, "event"))]


def undelivered(store: Store, account: str, found: list[Thing]) -> list[Thing]:
    """Those of some events that no endpoint has accepted."""
    accepted = "SELECT DISTINCT event FROM delivery WHERE account = ? AND state = 'accepted'"
    known = {row["event"] for row in store.run(accepted, account)}
    return [event for event in found if event["id"] not in known]


def deliveries(store: Store, account: str) -> dict[str, int]:
    """How many events there are, and of their deliveries: how many, after a later event's, and events without any."""
    sent = [row["event"] for row in store.run("SELECT event FROM delivery WHERE account = ? ORDER BY due_at", account)]
    every = {event["id"] for event in store.all(account, "event")}
    late = sum(event < max(sent[:place], default="") for place, event in enumerate(sent))
    return {"events": len(every), "deliveries": len(sent), "lost": len(every - set(sent)), "out_of_order": late}


class Courier(threading.Thread):
    """Deliver what is due, until the process ends; an endpoint that does not answer 2xx is tried again."""

    def __init__(self, store: Store) -> None:
        super().__init__(daemon=True, name="courier")
        self.store = store

    def run(self) -> None:
        while True:
            if not deliver(self.store, all_of_them=False):
                time.sleep(0.05)


def deliver(store: Store, *, all_of_them: bool) -> int:
    """Deliver what is due, or everything that waits. Gives how many were accepted."""
    until = time.time() + (10**9 if all_of_them else 0)
    sql = "SELECT * FROM delivery WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at LIMIT 50"
    return sum(_deliver(store, row) for row in store.run(sql, until))


def _deliver(store: Store, row: Any) -> bool:
    endpoint = store.setting(f"endpoint {row['account']}", None)
    event = store.find(row["account"], "event", row["event"])
    accepted = False
    if endpoint and event:
        body = json.dumps(shown(event)).encode()
        headers = {
            "Content-Type": "application/json",
            "Stripe-Signature": signature(endpoint["secret"], body, int(time.time())),
        }
        request = urllib.request.Request(endpoint["url"], data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                accepted = answer.status < 300
        except (URLError, OSError):
            accepted = False
    tries = row["tries"] + 1
    state = "accepted" if accepted else "given up" if tries >= TRIES else "waiting"
    store.run(
        "UPDATE delivery SET state = ?, tries = ?, due_at = ? WHERE number = ?",
        state, tries, time.time() + min(tries, 3), row["number"],
    )  # fmt: skip
    return accepted
