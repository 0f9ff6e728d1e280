"""State is the queue: rows say what is due; a wake-up only saves waiting for the sweep.

Losing every wake-up loses nothing. So sending one never fails a command: a broker that is away is logged and forgotten.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from django.db import transaction

log = logging.getLogger(__name__)
AWAY_SECONDS = 5
"""How long a broker that did not answer is left alone, so that not every request waits for it in vain."""


class Transport(Protocol):
    """Carries a task's name and arguments to a worker; may raise OSError-like errors of its broker."""

    def __call__(self, task: str, *args: str) -> None: ...


_transport: Transport | None = None
_transport_errors: tuple[type[Exception], ...] = (OSError,)
_away_until = 0.0


def use(transport: Transport | None, errors: tuple[type[Exception], ...] = (OSError,)) -> None:
    """Set how wake-ups travel; None drops them (the sweeps still find the work)."""
    global _transport, _transport_errors, _away_until
    _transport, _transport_errors, _away_until = transport, errors, 0.0


def wake(task: str, *args: str) -> None:
    """Ask a worker to run `task` soon after this transaction commits."""
    transaction.on_commit(_sender(task, *args), robust=True)


def _sender(task: str, *args: str) -> Callable[[], None]:
    def send() -> None:
        global _away_until
        if _transport is None or time.monotonic() < _away_until:
            return
        try:
            _transport(task, *args)
        except _transport_errors as error:
            _away_until = time.monotonic() + AWAY_SECONDS
            log.warning(
                "wake-up lost; the sweep will find it",
                extra={"task": task, "error": str(error)},
            )

    return send
