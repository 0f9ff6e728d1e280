"""Ids sort in the order they were made, whatever the clock and the threads do."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from coverpay.kernel import clock, ids
from coverpay.kernel.ids import IdField

MOMENT = dt.datetime(2026, 2, 2, tzinfo=dt.UTC)


def rises(made: list[str]) -> bool:
    return all(earlier < later for earlier, later in pairwise(made))


def test_ids_of_one_moment_rise_strictly() -> None:
    with clock.frozen(MOMENT):
        assert rises([ids.new("tst") for _ in range(5000)])


def test_ids_rise_when_the_clock_steps_back() -> None:
    made = []
    for step in (0, 5, -3600, -7200, 1, -1):
        with clock.frozen(MOMENT + dt.timedelta(seconds=step)):
            made += [ids.new("tst") for _ in range(10)]
    assert rises(made)


def test_ids_of_threads_are_unique_and_rise_in_each() -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: [ids.new("tst") for _ in range(2000)], range(8)))
    assert all(rises(run) for run in runs)
    assert len({made for run in runs for made in run}) == 16_000


def test_ids_of_later_moments_sort_later_in_another_process_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for step in (1, 2, 3):
        monkeypatch.setattr(ids, "_last", 0)  # as a process that made none yet
        with clock.frozen(MOMENT + dt.timedelta(milliseconds=step)):
            made.append(ids.new("tst"))
    assert rises(made)


def test_an_id_shows_its_prefix_and_its_shape_is_known() -> None:
    made = ids.new("pol")
    assert made.startswith("pol_")
    assert ids.is_id(made)
    assert ids.is_id(made, "pol")
    assert not ids.is_id(made, "inv")


@pytest.mark.parametrize("text", ["", "pol_", "pol_1", "pol_" + "u" * 26, "pol_" + "0" * 27, "POL_" + "0" * 26,
                                  "pol_" + "0" * 26 + "\n", None, 7, ["pol_" + "0" * 26]])  # fmt: skip
def test_what_is_no_id_is_told_apart(text: object) -> None:
    assert not ids.is_id(text)


def test_a_field_fills_itself_and_keeps_its_prefix_in_migrations() -> None:
    field = IdField(prefix="tst")
    _, path, _, options = field.deconstruct()
    assert ids.is_id(field.get_default(), "tst")
    assert path == "coverpay.kernel.ids.IdField"
    assert IdField(**options).prefix == "tst"
    assert options["db_collation"] == "C"


def test_many_ids_rise_after_one_and_before_the_next() -> None:
    with clock.frozen(MOMENT):
        made = [ids.new("tst"), *ids.many("tst", 5000), ids.new("tst"), *ids.many("tst", 2), ids.new("tst")]
    assert len(made) == 5005
    assert rises(made)
    assert all(ids.is_id(each, "tst") for each in made)
    assert ids.many("tst", 0) == []
