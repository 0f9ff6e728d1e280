"""The one clock. Nothing else asks the machine for the time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

_frozen: dt.datetime | None = None


def now() -> dt.datetime:
    """The present moment, timezone-aware, UTC."""
    return _frozen if _frozen is not None else dt.datetime.now(dt.UTC)


def today() -> dt.date:
    """The present business date, UTC."""
    return now().date()


@contextmanager
def frozen(at: dt.datetime) -> Iterator[None]:
    """Hold the clock at an aware moment inside the block (tests and dated runs)."""
    global _frozen
    if at.tzinfo is None:
        raise ValueError("freeze the clock at an aware moment")
    before, _frozen = _frozen, at.astimezone(dt.UTC)
    try:
        yield
    finally:
        _frozen = before


def advance(step: dt.timedelta) -> None:
    """Move a frozen clock forward; a running clock cannot be moved."""
    global _frozen
    if _frozen is None:
        raise ValueError("the clock is running; freeze it first")
    _frozen = _frozen + step
