"""A whole CoverPay of its own for story tests: Postgres, Valkey, web, worker and beat, over a temporary folder."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from coverpay.demo.client import Client
from coverpay.local.member import free_port
from coverpay.local.stack import Stack
from tests.support.story import Story

QUICK = {"SWEEP_SECONDS": "1", "ATTEMPT_LEASE_SECONDS": "3", "HASHED_STATIC": "0", "LOG_LEVEL": "WARNING"}
OUTSIDE = ("DATABASE_URL", "REDIS_URL", "COVERPAY_VAR", "SECRET_KEY", "PORT")


def outside_world() -> dict[str, str]:
    """The environment without what names another installation, and a port of our own: stories run side by side."""
    kept = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
    return kept | {"PORT": str(free_port())}


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """A running stack with the demo book; whatever a test kills, the fixture stops the rest."""
    folder = Path(tempfile.mkdtemp(prefix="coverpay-story-"))
    folder.chmod(0o755)
    environment = outside_world() | QUICK
    try:
        with Stack(folder / "var", environment) as stack:
            stack.start_stores()
            stack.manage("migrate", "--noinput")
            stack.manage("demo_book")
            stack.start_programs()
            told = json.loads((stack.var / "demo.json").read_text())
            yield Story(stack, Client(stack.web.url, told["api_key"]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
