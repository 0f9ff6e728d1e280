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
ONE_PREMIUM = {
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
}
# Plans for 12,000 from 2026-01-01: fee 250, tax 4.68% = 561.60, in all 12,811.60. Halves 6,405.80; 40% = 5,124.64; a
# quarter = 3,202.90 and three fees of 5; ten-pay: 10% of 12,000 + 250 + 561.60 = 2,011.60 down and nine fees of 5.
PLANS = {
    "plan full: 1 bill, first 12,811.60": ["12,811.60"],
    "plan halves: 2 bills, first 6,405.80": ["12,811.60"],
    "plan 40-30-30: 3 bills, first 5,124.64": ["12,811.60"],
    "plan quarterly: 4 bills, first 3,202.90, fees 15.00": ["12,826.60"],
    "plan ten-pay: 10 bills, first 2,011.60, fees 45.00": ["12,856.60"],
}
# Raised to 14,400 on 03-01, with 306 of 365 days left: 2,400 x 306 / 365 = 2,012.0548. Tax: 4.68% of 14,012.05 =
# 655.7639, less 561.60 = 94.16. The open half grows by both: 6,405.80 + 2,106.21 = 8,512.01.
# Ended on 04-11: 12,000 x 100 / 365 = 3,287.6712 and 2,012.05 x 41 / 306 = 269.5884 are earned, 3,557.26 in all;
# returned 14,012.05 - 3,557.26 = 10,454.79 (90%: 9,409.311). A quarter of what is written, 3,503.01, is earned
# anyway. Tax kept: 4.68% of 3,557.26 = 166.4798, so 655.76 - 166.48 = 489.28 go back. Commission: 15% of 10,454.79 =
# 1,568.2185. Of the half that was billed and paid, 6,000 - 3,557.26 = 2,442.74 and 280.80 - 166.48 = 114.32 are too
# much: 2,557.06. The fee stays, and its second half of 125 takes its part: 2,432.06 are owed, which is 6,405.80 paid
# less 3,557.26 + 250 + 166.48 kept. Charged again is 14,917.81, billed 3,973.74, to bill 10,944.07; 2,432.06 waited,
# so 8,512.01 are left to pay.
# Earned by 07-01: 12,000 x 181 / 365 = 5,950.6849 and 2,012.05 x 122 / 306 = 802.1899.
LIFE = {
    "premium": ["12,000.00", "2,012.05", "-10,454.79", "10,454.79"],
    "carrier fee": ["250.00"],
    "surplus lines tax [HRS 431:8-315]": ["561.60", "94.16", "-489.28"],
    "surplus lines tax": ["489.28"],
    "invoice HPU-26-00101-001 due 2026-01-01": ["6,405.80"],
    "payment succeeded": ["6,405.80"],
    "was: installment 2 due 2026-07-01": ["6,405.80"],
    "now: installment 2 due 2026-07-01": ["8,512.01"],
    "pro rata on 2026-04-11: premium returned": ["10,454.79"],
    "short rate 90 on 2026-04-11: premium returned": ["9,409.31"],
    "commission given back, at the rate it was earned": ["1,568.22"],
    "credited on what was billed": ["2,557.06"],
    "of it taken by charges that stay": ["125.00"],
    "left: unapplied cash, owed back": ["2,432.06"],
    "to be billed anew": ["10,944.07"],
    "billed": ["10,944.07"],
    "covered by cash that waited": ["2,432.06"],
    "collected": ["8,512.01"],
    "earned before 2026-04-11": ["3,557.26"],
    "unearned from 2026-04-11": ["10,454.79"],
    "earned before 2026-07-01": ["6,752.87"],
    "unearned from 2026-07-01": ["7,259.18"],
    "written": ["14,012.05"],
}
# Two policies for 2,400: fee 250 and tax 4.68% = 112.32, in all 2,762.32, due at once. One is debited at its bank and
# not settled. The other fails, is won back, gets 100 back; a check of 350 covers that 100, and 250 go out again.
COLLECTED = {
    "entry 27 CCD, trace 121000350000001": ["2,762.32"],
    "file of 1 entry, debits": ["2,762.32"],
    "to be won back": ["2,762.32"],
    "payment succeeded; case recovered": ["2,762.32"],
    "refund succeeded": ["100.00"],
    "check 1187 of Banyan Tree Books: placed": ["350.00"],
    "check 1001 to Banyan Tree Books: issued": ["250.00"],
}
# Five policies for 1,000 at a processor that breaks: fee 250 and tax 4.68% = 46.80, in all 1,296.80 each. One is
# declined, four are paid, whatever their answers and webhooks did: 5,187.20.
BROKEN = {
    "card, every webhook twice and out of order": ["1,296.80"],
    "card, taken without an answer, webhook lost": ["1,296.80"],
    "card, declined": ["1,296.80"],
    "bank debit, every webhook twice and out of order": ["1,296.80"],
    "bank debit, every webhook lost": ["1,296.80"],
    "HPU-26-00301 succeeded": ["1,296.80"],
    "HPU-26-00302 succeeded": ["1,296.80"],
    "HPU-26-00303 failed": ["0.00"],
    "HPU-26-00304 succeeded": ["1,296.80"],
    "HPU-26-00305 succeeded": ["1,296.80"],
    "taken, by the processor's books, 4 charges": ["5,187.20"],
    "processor clearing, by our books, 4 charges": ["5,187.20"],
    "difference": ["0.00"],
}
# The sandbox pays out the rest: 6,405.80 + 8,512.01 + 2,762.32 = 17,680.13, less 100 given back, less 2.9% and 0.30 of
# each charge (185.7682, 246.84829, 80.10728): 186.07 + 247.15 + 80.41 = 513.63. 17,066.50 are left, in transit.
# Another trust account takes 125 + 75 in one credit, 600 of a stranger, 1.37 interest, and 4 go: 797.37. The first has
# 5,303.29 + 17,066.50 - 12.50 = 22,357.29 in the books; 17,066.50 + 350 - 250 of it the bank has not shown: 5,190.79.
RECONCILED = {
    "charges, gross": ["17,680.13"],
    "refunds, gross": ["-100.00"],
    "fees kept": ["-513.63"],
    "check 2201 of Banyan Tree Books": ["125.00"],
    "check 2202 of Banyan Tree Books": ["75.00"],
    "second account: closing": ["797.37"],
    "1 bank line, 2 book lines": ["200.00"],
    "bank fee: Monthly service charge.": ["-12.50"],
    "suspense: Nobody knows yet whose it is.": ["600.00"],
    "interest: Interest of the month.": ["1.37"],
    "bank fee: Deposit slips.": ["-4.00"],
    "Premium trust account: bank": ["5,190.79"],
    "Premium trust account: books": ["22,357.29"],
    "Premium trust account: in the books only": ["-17,166.50"],
    "Premium trust account: unexplained": ["0.00"],
    "Deposit trust account: bank": ["797.37"],
    "Deposit trust account: books": ["797.37"],
    "Deposit trust account: unexplained": ["0.00"],
}
# The first three that paid, together. Commission: 750 + 15% of 14,012.05 (2,101.8075) + 15% of 2,400 = 360. Carrier:
# 4,250 + 14,012.05 - 2,101.81 + 2,040, and fees 125 + 250 + 250. Tax: 234 + 655.76 + 112.32. With the four at the other
# processor: commission 150 each, carrier 850 and fee 250 each, tax 46.80 each. Carrier and tax must stay: 24,414.52; so
# must 600 + 200 that nobody's invoice took and 1.37 of interest. The banks have 22,357.29 + 797.37, which is
# less, so nothing may leave. Operating bears what processors kept, 155.71 + 513.63, and the bank's 12.50 + 4.
# What is declined or not settled stays receivable: 2,762.32 + 1,296.80.
BOOKS = {
    "premium payable": ["21,600.24"],
    "carrier fee payable": ["1,625.00"],
    "tax payable": ["1,189.28"],
    "suspense cash": ["600.00"],
    "unapplied cash": ["200.00"],
    "interest in trust": ["1.37"],
    "floor, has to stay": ["25,215.89"],
    "in the accounts": ["23,154.66"],
    "at processors": ["5,187.20"],
    "may leave for us": ["0.00"],
    "trust · trust cash": ["22,357.29", "797.37"],
    "trust · processor clearing": ["5,187.20"],
    "trust · premium receivable": ["4,059.12"],
    "trust · billed uncollected": ["-4,059.12"],
    "trust · due from operating": ["685.84"],
    "trust · premium payable": ["-21,600.24"],
    "trust · carrier fee payable": ["-1,625.00"],
    "trust · tax payable": ["-1,189.28"],
    "trust · commission in trust": ["-3,811.81"],
    "trust · suspense cash": ["-600.00"],
    "trust · unapplied cash": ["-200.00"],
    "trust · interest in trust": ["-1.37"],
    "operating · bank fees": ["16.50"],
    "operating · processor fees": ["669.34"],
    "operating · due to trust": ["-685.84"],
    "trial balance": ["0.00"],
}
PARTS = (ONE_PREMIUM, PLANS, LIFE, COLLECTED, BROKEN, RECONCILED, BOOKS)
FIGURES = {text: [amount for part in PARTS for amount in part.get(text, [])] for part in PARTS for text in part}
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
    assert [figures(first.stdout)[text] for text in payout] == [["5,203.29"], ["17,066.50"]]
    assert {text: amounts for text, amounts in figures(first.stdout).items() if text not in payout} == FIGURES
    again = run(folder / "var")
    assert again.returncode == 0, again.stdout + again.stderr
    assert figures(again.stdout) == figures(first.stdout)
