"""State is the queue: rows say what is due; a wake-up only saves waiting for the sweep.

Losing every wake-up loses nothing. So sending one never fails a command: a broker that is away is logged and forgotten.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from django.db import transaction

log = logging.getLogger(__name__)


class Transport(Protocol):
    """Carries a task's name and arguments to a worker; may raise OSError-like errors of its broker."""

    def __call__(self, task: str, *args: str) -> None: ...


_transport: Transport | None = None
_transport_errors: tuple[type[Exception], ...] = (OSError,)


def use(transport: Transport | None, errors: tuple[type[Exception], ...] = (OSError,)) -> None:
    """Set how wake-ups travel; None drops them (the sweeps still find the work)."""
    global _transport, _transport_errors
    _transport, _transport_errors = transport, errors


def wake(task: str, *args: str) -> None:
    """Ask a worker to run `task` soon after this transaction commits."""
    transaction.on_commit(_sender(task, *args), robust=True)


def _sender(task: str, *args: str) -> Callable[[], None]:
    def send() -> None:
        if _transport is None:
            return
        try:
            _transport(task, *args)
        except _transport_errors as error:
            log.warning(
                "wake-up lost; the sweep will find it",
                extra={"task": task, "error": str(error)},
            )

    return send
