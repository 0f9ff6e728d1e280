"""An account at the fault-injecting processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.stripe_bench import StripeBench


@pytest.fixture
def bench(tmp_path: Path) -> StripeBench:
    return StripeBench(tmp_path)
