"""Codes, corrections and return rates, from the rules data."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from payments.ach import codes, corrections, rates
from payments.ach.corrections import Correction, CorrectionUnreadable


def test_only_returns_for_want_of_money_may_be_presented_again_twice_in_180_days():
    assert codes.re_presentable() == {"R01", "R09"}
    assert codes.most_re_presentments() == 2
    assert codes.re_presentment_days() == 180


def test_codes_know_what_they_are():
    known = codes.returns()
    assert (known["R01"].category, known["R02"].category, known["R10"].category) == (
        "nsf", "administrative", "unauthorized",
    )  # fmt: skip
    assert known["R10"].in_sixty_days
    assert not known["R29"].in_sixty_days
    assert known["R68"].dishonors
    assert known["R73"].contests
    assert "R99" not in known
    assert codes.title("C01") == "corrected DFI account number"
    assert codes.refusals() == {f"C{number}" for number in range(61, 70)}
    assert codes.same_day_limit_minor() == 100_000_000
    assert codes.reversal_banking_days() == 5


@pytest.mark.parametrize(
    ("code", "data", "expected"),
    [
        ("C01", "0012345", Correction(account_number="0012345")),
        ("C02", "021000089", Correction(routing_number="021000089")),
        ("C03", "021000089   998877", Correction(routing_number="021000089", account_number="998877")),
        ("C04", "Jane Q Public", Correction(name="Jane Q Public")),
        ("C05", "37", Correction(account_type="savings")),
        ("C05", "22", Correction(account_type="checking")),
        ("C06", "998877              37", Correction(account_number="998877", account_type="savings")),
        ("C06", "9" * 17 + "   27", Correction(account_number="9" * 17, account_type="checking")),
        ("C07", "021000089" + "998877".ljust(17) + "37",
         Correction(routing_number="021000089", account_number="998877", account_type="savings")),
        ("C07", "021000089" + "9" * 17 + "37",
         Correction(routing_number="021000089", account_number="9" * 17, account_type="savings")),
        ("C09", "INS-8", Correction(receiver_id="INS-8")),
        ("C13", "whatever", Correction()),
    ],
)  # fmt: skip
def test_corrected_data_is_read_by_its_code(code, data, expected):
    assert corrections.read(code, data) == expected


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("C01", ""),
        ("C01", "12-345"),
        ("C01", "1" * 18),
        ("C02", "021000088"),
        ("C02", "021000089 7"),
        ("C03", "021000089"),
        ("C05", "99"),
        ("C06", "998877"),
        ("C06", "998877 1 37"),
        ("C07", "021000088998877   37"),
        ("C08", "whatever"),
        ("C12", "New Company"),
    ],
)
def test_corrected_data_that_is_not_what_it_promises_changes_nothing(code, data):
    with pytest.raises(CorrectionUnreadable):
        corrections.read(code, data)


def test_the_three_rates_stand_beside_their_thresholds():
    returned = {"R01": 100, "R02": 20, "R03": 11, "R10": 5, "R68": 7, "R99": 3}
    found = {rate.bucket: rate for rate in rates.measure(1000, returned)}
    assert (found["unauthorized"].returned, found["unauthorized"].percent) == (5, Decimal("0.50"))
    assert not found["unauthorized"].exceeded  # exactly at it
    assert found["unauthorized"].level == "near"
    assert (found["administrative"].returned, found["administrative"].level) == (31, "exceeded")
    assert (found["overall"].returned, found["overall"].percent) == (136, Decimal("13.60"))  # 100 + 20 + 11 + 5
    assert found["overall"].threshold == Decimal("15.0")


def test_without_debits_no_rate_is_exceeded():
    assert [rate.level for rate in rates.measure(0, {})] == ["ok", "ok", "ok"]


def test_sixty_days_end_with_the_day_itself():
    assert rates.window(dt.date(2026, 11, 25)) == (dt.date(2026, 9, 27), dt.date(2026, 11, 25))
