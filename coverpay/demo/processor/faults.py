"""Which request meets which fault: one named by its payment method, one that was asked for, or one by chance."""

from __future__ import annotations

import random
from typing import Any

from coverpay.demo.processor import behaviours
from coverpay.demo.processor.store import Store

BEFORE = frozenset({"timeout_before", "reset_before", "unavailable", "busy", "error_before"})
"""Nothing is taken. `error_before` is kept under the key, as Stripe keeps a 500."""
AFTER = frozenset({"timeout_after", "reset_after", "error_after", "slow", "truncated", "odd"})
"""The request took effect, and the answer is lost, late or spoilt."""
ALL = BEFORE | AFTER


def choose(store: Store, place: str, whose: str, params: dict[str, Any]) -> str:
    """The fault of this request, or none.

    Takes:  `place`, its method and path, like `POST /v1/refunds`; `whose`, its account and idempotency key.
    """
    named = behaviours.fault_of(str(params.get("payment_method", "")))
    if named in ALL and store.run("INSERT OR IGNORE INTO fault_used VALUES (?) RETURNING name", f"{whose}/{named}"):
        return named
    return _asked_for(store, place) or _by_chance(store, place)


def _asked_for(store: Store, place: str) -> str:
    for row in store.run("SELECT * FROM fault WHERE times > 0 ORDER BY number"):
        if place.startswith(row["place"]):
            store.run("UPDATE fault SET times = times - 1 WHERE number = ?", row["number"])
            return str(row["fault"])
    return ""


def _by_chance(store: Store, place: str) -> str:
    """The setting `noise` lists plans: `place`, `seed`, `ppm` of the requests, and the `faults` to choose from."""
    for plan in store.setting("noise", []):
        if place.startswith(plan["place"]):
            chance = random.Random(f"{plan['seed']}/{store.count('requests')}")
            return str(chance.choice(plan["faults"])) if chance.randrange(1_000_000) < plan["ppm"] else ""
    return ""
