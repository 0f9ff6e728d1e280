"""What a test may ask of the processor: faults, time, webhooks, payouts, its books, and to be away for a while."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from coverpay.demo.processor import balance, events, intents, methods, reversals
from coverpay.demo.processor.store import Store, shown
from coverpay.demo.processor.wire import invalid, missing


class Door:
    """The API's listening socket, which can be closed (connections are refused) and opened again."""

    def __init__(self, open: Callable[[int], Any], port: int) -> None:
        self._make = open
        self._server = open(port)
        self.port = self._server.server_port
        self._start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _start(self) -> None:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def reopen(self) -> None:
        if self._server is None:
            self._server = self._make(self.port)
            self._start()


DOORS: list[Door] = []
_SETTINGS = ("deliveries", "noise", "search_lag_seconds", "slow_seconds", "hang_seconds", "work_seconds")


def announce(url: str, control: str) -> None:
    sys.stdout.write(json.dumps({"url": url, "control": control}) + "\n")
    sys.stdout.flush()


def end_with_starter() -> None:
    """End this process once the other end of its standard input is gone, be it killed."""

    def watch() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def answer(store: Store, wish: str, asked: dict[str, Any]) -> Any:
    """Do what is asked. Raises: Refused."""
    if wish in ("away", "back"):
        for door in DOORS:
            door.close() if wish == "away" else door.reopen()
        return {}
    if wish == "deliver":
        return {"accepted": events.deliver(store, all_of_them=True)}
    with store.transaction():
        return _within(store, wish, asked)


def _within(store: Store, wish: str, asked: dict[str, Any]) -> Any:
    account = asked.get("account", "")
    answers: dict[str, Callable[[], Any]] = {
        "faults": lambda: _plan_fault(store, asked),
        "settings": lambda: _set(store, asked),
        "endpoint": lambda: store.set(f"endpoint {account}", {"url": asked["url"], "secret": asked["secret"]}),
        "advance": lambda: store.set("clock", int(store.setting("clock", 0)) + int(asked["seconds"])),
        "finish": lambda: {"moved": _time_passes(store, account)},
        "setup": lambda: shown(methods.finish_setup(store, account, asked["setup_intent"], asked["payment_method"])),
        "dispute": lambda: shown(_dispute(store, account, asked)),
        "decide": lambda: shown(reversals.decide(store, account, asked["dispute"], won=asked["won"])),
        "close_day": lambda: shown(balance.close_day(store, account, asked["on"])),
        "events": lambda: events.bodies(store, account),
        "undelivered": lambda: len(store.run("SELECT 1 FROM delivery WHERE state = 'waiting'")),
        "deliveries": lambda: events.deliveries(store, account),
        "totals": lambda: balance.totals(store, account),
    }
    if wish not in answers:
        raise invalid(f"The processor cannot {wish!r}; it can {', '.join(answers)}.", status=404)
    return answers[wish]()


def _plan_fault(store: Store, asked: dict[str, Any]) -> dict[str, Any]:
    """Let the next `times` requests whose `METHOD /path` begins with `place` meet a fault."""
    store.run(
        "INSERT INTO fault (place, fault, times) VALUES (?, ?, ?)",
        asked["place"],
        asked["fault"],
        asked.get("times", 1),
    )
    return {}


def _set(store: Store, asked: dict[str, Any]) -> dict[str, Any]:
    for name, value in asked.items():
        if name not in _SETTINGS:
            raise invalid(f"No setting {name}; there are {', '.join(_SETTINGS)}.")
        store.set(name, value)
    return {}


def _time_passes(store: Store, account: str) -> int:
    """One step: what was taken is disputed or returned, what is pending ends."""
    return (
        reversals.dispute_later(store, account)
        + intents.finish(store, account)
        + reversals.finish_refunds(store, account)
    )


def _dispute(store: Store, account: str, asked: dict[str, Any]) -> Any:
    for charge in store.all(account, "charge"):
        if asked["reference"] in charge["metadata"].values():
            return reversals.open_dispute(store, account, charge, asked.get("reason", "fraudulent"))
    raise missing("charge", asked["reference"])
