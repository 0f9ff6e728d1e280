"""The figures of DOMAIN.md from endorsement to audit, each by the pure arithmetic that the commands use."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from coverpay.kernel.figures import Explained
from policies import earning, recharging, returns, slicing
from policies.conditions import CancellationTerms
from policies.earning import NewSlice, Slice
from policies.rating import Risk
from policies.recharging import StandingCharge
from policies.returns import Returned

START, END = dt.date(2026, 1, 1), dt.date(2027, 1, 1)
DAY_100 = dt.date(2026, 4, 11)
TABLE = ((1, Decimal(5)), (100, Decimal(37)), (365, Decimal(100)))
TAX: dict[str, Any] = {
    "component": "surplus_lines_tax", "rate": "0.0468", "base": ["premium"], "payee_kind": "state", "refundable": True,
}  # fmt: skip


def whole(minor: int = 1_200_000, start: dt.date = START, end: dt.date = END) -> list[Slice]:
    return [Slice("s0", "rate", start, end, minor, minor)]


def added(slices: list[Slice], made: list[NewSlice]) -> list[Slice]:
    """The slices with new ones, each numbered."""
    return [
        *slices,
        *(
            Slice(f"s{len(slices) + n}", m.kind, m.starts_on, m.ends_on, m.full_term_minor, m.written_minor, m.offsets)
            for n, m in enumerate(made)
        ),
    ]


def cancelled(method: str = "pro_rata", on: dt.date = DAY_100, minor: int = 1_200_000, **more: Any) -> Returned:
    paid = more.pop("premium_paid_minor", None)
    return returns.cancel(
        whole(minor),
        term_start=START,
        term_end=END,
        cancel_on=on,
        terms=CancellationTerms(**more),
        method=method,
        premium_paid_minor=paid,
    )


def test_365_raised_to_730_with_243_days_left_is_608_and_to_1_095_with_121_left_is_729() -> None:
    """(730 − 365) × 243/365 = 243.00; (1,095 − 730) × 121/365 = 121.00."""
    slices = whole(36_500)
    for rate, left, total in ((73_000, 243, 60_800), (109_500, 121, 72_900)):
        day = END - dt.timedelta(days=left)
        done = slicing.endorse(slices, term_start=START, term_end=END, effective_on=day, new_full_term_minor=rate)
        slices = added(slices, done.slices)
        assert earning.written_minor(slices) == total


def test_flat_returns_12_000() -> None:
    assert cancelled("flat", START).return_minor == 1_200_000


def test_pro_rata_on_day_100_returns_8_712_33() -> None:
    assert cancelled().return_minor == 871_233


def test_the_wheel_with_three_decimals_returns_8_712() -> None:
    """265/365 = 0.72603 → 0.726."""
    assert cancelled(day_count="wheel").return_minor == 871_200


def test_the_90_percent_short_rate_returns_7_841_10() -> None:
    assert cancelled("short_rate_90").return_minor == 784_110


def test_a_short_rate_table_says_its_own() -> None:
    """37% of 12,000 is earned through day 100: 7,560.00 goes back."""
    assert cancelled("short_rate_table", short_rate_table=TABLE).return_minor == 756_000


def test_day_1_earns_5_percent_by_the_table_and_10_2_percent_by_the_90_method() -> None:
    """Table: 600.00 of 12,000. 90%: unearned 11,967.12, of which 10,770.41 goes back: 1,229.59 is kept."""
    day = dt.date(2026, 1, 2)
    assert cancelled("short_rate_table", day, short_rate_table=TABLE).return_minor == 1_140_000
    assert 1_200_000 - cancelled("short_rate_90", day).return_minor == 122_959


def test_a_minimum_of_25_percent_keeps_3_000_on_day_60() -> None:
    """12,000 × 60/365 = 1,972.60 is earned; 3,000 is the minimum; 9,000.00 goes back."""
    done = cancelled(on=dt.date(2026, 3, 2), minimum_percent=Decimal(25))
    assert (done.earned_minor, done.earned_minor + done.retained_minor, done.return_minor) == (
        197_260,
        300_000,
        900_000,
    )


def test_the_short_rate_on_paid_premium_refunds_641_10_of_4_000() -> None:
    """Paid 4,000, earned 3,287.67: 712.33 is unearned of what was paid; a tenth, 71.23, is kept: 641.10."""
    done = cancelled("short_rate_90", short_rate_on="paid", premium_paid_minor=400_000)
    assert done.retained_minor == 7_123
    kept = 1_200_000 - done.return_minor
    assert 400_000 - kept == 64_110


def test_the_naive_short_rate_would_bill_158_90_more() -> None:
    """90% of the unearned of what was written: 4,158.90 is kept of 4,000 paid."""
    assert 1_200_000 - cancelled("short_rate_90").return_minor - 400_000 == 15_890


def test_commission_of_10_000_at_15_percent_claws_back_1_089_04() -> None:
    back = cancelled(minor=1_000_000).return_minor
    assert back == 726_027
    assert back * 15 // 100 == 108_904
    assert back - 108_904 == 617_123


def test_tax_on_7_463_01_of_return_premium_is_349_27() -> None:
    """12,000 cancelled 05-19 (day 138): 7,463.01 goes back. Tax 561.60 − 4.68% of 4,536.99 (212.33) = 349.27."""
    back = cancelled(on=dt.date(2026, 5, 19)).return_minor
    standing = {
        "premium": StandingCharge("premium", 1_200_000, "carrier", "org_c", 150_000, True, True),
        "surplus_lines_tax": StandingCharge("surplus_lines_tax", 56_160, "state", "HI", 0, False, True),
    }
    risk = Risk("HI", START, "org_c", "org_o", "hi v1")
    charges = recharging.recharge(-back, standing, {"charges": [TAX]}, risk, why=Explained("x"), course="ends")
    assert [charge.amount.amount_minor for charge in charges] == [-746_301, -34_927]


def test_a_lapse_of_15_days_credits_493_15() -> None:
    slices = whole()
    done = cancelled()
    slices = added(slices, done.slices)
    resumed = returns.reinstate(
        slices, cancelled=["s1"], term_end=END, cancelled_on=DAY_100, reinstate_on=dt.date(2026, 4, 26)
    )
    assert (resumed.lapse_days, done.return_minor - resumed.change_minor) == (15, 49_315)


def test_a_rewrite_on_day_100_of_6_000_paid_carries_2_712_33() -> None:
    assert 600_000 - (1_200_000 - cancelled().return_minor) == 271_233


def test_a_deposit_of_20_000_audited_at_23_400_owes_3_400() -> None:
    standing = {"premium": StandingCharge("premium", 2_000_000, "carrier", "org_c", 150_000, True, True)}
    risk = Risk("CA", START, "org_c", "org_o", "hi v1")
    charges = recharging.recharge(
        2_340_000 - 2_000_000, standing, {"charges": []}, risk, why=Explained("x"), component="audit_premium"
    )
    assert [(each.component, each.amount.amount_minor) for each in charges] == [("audit_premium", 340_000)]
