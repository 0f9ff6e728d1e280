"""The main job as a new user meets it: the command, its printed figures, and the same again."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from coverpay.local.programs import PROJECT
from tests.stories.conftest import outside_world

pytestmark = pytest.mark.xdist_group("stack")

# By hand from DOMAIN.md (Components and payees; Trust floor): premium 10,000; carrier fee 250; Hawaii surplus lines
# tax 4.68% of premium only = 468; in all 10,718. Two halves: 5,359 = 5,000 + 125 + 234. Of the half collected the
# commission is 15% of 5,000 = 750, the carrier's side 5,359 - 750 = 4,609 (premium 4,250, fee 125, tax 234).
# The sandbox keeps 2.9% of 5,359.00 = 155.411, rounded 155.41, and 0.30: 155.71; it pays out 5,203.29.
# The bank charges 12.50: 5,203.29 - 12.50 = 5,190.79.
FIGURES = {
    "premium": ["10,000.00", "5,000.00"],
    "carrier fee": ["250.00", "125.00"],
    "surplus lines tax [HRS 431:8-315]": ["468.00"],
    "surplus lines tax": ["234.00"],
    "total charged": ["10,718.00"],
    "installment 1 due 2026-01-31": ["5,359.00"],
    "installment 2 due 2026-07-31": ["5,359.00"],
    "invoice HPU-26-00001-001 due 2026-01-31": ["5,359.00"],
    "payment succeeded": ["5,359.00"],
    "premium payable": ["4,250.00"],
    "carrier fee payable": ["125.00"],
    "tax payable": ["234.00"],
    "commission in trust": ["750.00"],
    "carrier side, stays in trust": ["4,609.00"],
    "commission, at most this may move to operating": ["750.00"],
    "invoice HPU-26-00001-001 paid; open": ["0.00"],
    "gross": ["5,359.00"],
    "processor's fee, owed to trust by operating": ["155.71"],
    "opening": ["0.00"],
    "lines": ["5,190.79"],
    "closing": ["5,190.79"],
    "break, bank only": ["-12.50"],
    "trust · trust cash": ["5,203.29"],
    "trust · due from operating": ["155.71"],
    "trust · premium payable": ["-4,250.00"],
    "trust · carrier fee payable": ["-125.00"],
    "trust · tax payable": ["-234.00"],
    "trust · commission in trust": ["-750.00"],
    "operating · processor fees": ["155.71"],
    "operating · due to trust": ["-155.71"],
    "trial balance": ["0.00"],
}
LINE = re.compile(r"^ {5}(\S.*?) {2,}(-?[\d,]+\.\d\d)$")


def run(var: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "coverpay.local", "demo", "--no-serve"],
        cwd=PROJECT,
        env=outside_world() | {"COVERPAY_VAR": str(var)},
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )


def figures(printed: str) -> dict[str, list[str]]:
    """Every figure the job printed, by the words before it, in order."""
    found: dict[str, list[str]] = {}
    for match in filter(None, map(LINE.match, printed.splitlines())):
        found.setdefault(match[1], []).append(match[2])
    return found


def test_the_main_job_prints_the_figures_computed_by_hand_twice_and_keeps_the_data(folder: Path) -> None:
    first = run(folder / "var")
    assert first.returncode == 0, first.stdout + first.stderr
    payout = [text for text in figures(first.stdout) if text.startswith("payout SBX")]
    assert figures(first.stdout)[payout[0]] == ["5,203.29"]
    assert {text: amounts for text, amounts in figures(first.stdout).items() if text not in payout} == FIGURES
    again = run(folder / "var")
    assert again.returncode == 0, again.stdout + again.stderr
    assert figures(again.stdout) == figures(first.stdout)
