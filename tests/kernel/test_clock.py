"""One clock: running or held still, always aware, always UTC."""

from __future__ import annotations

import datetime as dt

import pytest

from coverpay.kernel import clock

MOMENT = dt.datetime(2026, 2, 28, 23, 30, tzinfo=dt.UTC)


def test_a_running_clock_is_aware_and_moves() -> None:
    before = clock.now()
    assert before.tzinfo is dt.UTC
    assert clock.now() >= before


def test_a_frozen_clock_stands_until_it_is_advanced_and_runs_again_afterwards() -> None:
    with clock.frozen(MOMENT):
        assert clock.now() == clock.now() == MOMENT
        clock.advance(dt.timedelta(hours=1))
        assert clock.now() == MOMENT + dt.timedelta(hours=1)
        assert clock.today() == dt.date(2026, 3, 1)
    assert clock.now() != MOMENT + dt.timedelta(hours=1)


def test_freezing_inside_freezing_comes_back_to_the_outer_moment() -> None:
    with clock.frozen(MOMENT):
        with pytest.raises(ZeroDivisionError), clock.frozen(MOMENT + dt.timedelta(days=1)):
            raise ZeroDivisionError
        assert clock.now() == MOMENT


def test_a_moment_of_another_zone_becomes_utc() -> None:
    honolulu = dt.timezone(dt.timedelta(hours=-10))
    with clock.frozen(dt.datetime(2026, 2, 28, 20, tzinfo=honolulu)):
        assert clock.today() == dt.date(2026, 3, 1)


def test_a_naive_moment_and_a_running_clock_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"), clock.frozen(dt.datetime(2026, 1, 1)):  # noqa: DTZ001
        pass
    with pytest.raises(ValueError, match="running"):
        clock.advance(dt.timedelta(seconds=1))
