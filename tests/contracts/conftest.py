"""The bench of the gateway a contract test is run for."""

from __future__ import annotations

from pathlib import Path

import pytest

from payments.gateways import sandbox
from tests.contracts.bench import Bench
from tests.contracts.gateways import BENCHES


@pytest.fixture
def bench(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(sandbox, "SLOW_SECONDS", 0)
    return BENCHES[name](tmp_path)
