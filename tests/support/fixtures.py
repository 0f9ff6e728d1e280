"""Fixtures shared by the tests of the domain. Nothing of Django is imported before it is set up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coverpay.kernel import clock, jobs

if TYPE_CHECKING:
    from payments.gateways.sandbox import Sandbox
    from tests.support.books import House

NOW = dt.datetime(2026, 2, 2, 15, 0, tzinfo=dt.UTC)


@pytest.fixture
def still() -> Iterator[dt.datetime]:
    """The clock stands at 2026-02-02 15:00 UTC until the test moves it (`clock.advance`)."""
    with clock.frozen(NOW):
        yield NOW


@pytest.fixture
def sandbox(settings: object, tmp_path: Path) -> Sandbox:
    """A sandbox processor with books of its own, which the registry gives too."""
    from payments.gateways.sandbox import Sandbox

    settings.SANDBOX_FILE = tmp_path / "sandbox.sqlite3"  # type: ignore[attr-defined]
    return Sandbox(tmp_path / "sandbox.sqlite3")


@pytest.fixture
def unwoken() -> Iterator[None]:
    """Wake-ups are dropped: what happens, happens by the sweeps and calls of the test."""
    before = (jobs._transport, jobs._transport_errors)
    jobs.use(None)
    yield
    jobs.use(*before)


@pytest.fixture
def house(still: dt.datetime, sandbox: Sandbox, unwoken: None) -> House:
    """An operator ready for business: program, plans, bank account, gateway account, routing."""
    from tests.support import books

    return books.open_house()
