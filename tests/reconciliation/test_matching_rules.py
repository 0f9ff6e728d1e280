"""The rules of matching as data: what is read, what is refused, and when the version changes."""

from __future__ import annotations

from typing import Any

import pytest

from reconciliation.matching import FeeTerm
from reconciliation.matching.rules import DEFAULT, DEFAULT_SPEC, BadRules, read

TERM = {"name": "cards", "text_contains": "cardhouse", "ppm": 29_000, "fixed_minor": 30}


def test_an_empty_spec_is_the_default() -> None:
    assert read({}) == DEFAULT == read(dict(DEFAULT_SPEC))
    assert (DEFAULT.date_window_days, DEFAULT.amount_tolerance_minor, DEFAULT.fee_terms) == (3, 0, ())
    assert DEFAULT.version.startswith("built-in.")


def test_a_spec_says_what_differs() -> None:
    rules = read(
        {
            "name": "trust 2026",
            "stages": {"fuzzy_text": False},
            "date_window_days": 5,
            "fee_terms": [TERM],
            "subset": {"max_lines": 10},
            "fuzzy": {"threshold": 900},
        }
    )
    assert rules.stages == DEFAULT.stages - {"fuzzy_text"}
    assert (rules.date_window_days, rules.subset_max_lines, rules.fuzzy_threshold) == (5, 10, 900)
    assert rules.subset_max_candidates == DEFAULT.subset_max_candidates
    assert rules.fee_terms == (FeeTerm("cards", "cardhouse", 29_000, 30, "line", "half_even"),)
    assert rules.version.startswith("trust 2026.")


def test_the_version_changes_with_the_rules_and_with_nothing_else() -> None:
    one = read({"date_window_days": 5, "fee_terms": [TERM]})
    same = read({"fee_terms": [{**TERM, "per": "line"}], "date_window_days": 5, "transit_days": 0})
    assert one.version == same.version
    assert len({read({"date_window_days": days}).version for days in range(6)}) == 6
    assert read({"subset": {"max_chance_ppm": 100}}).version != DEFAULT.version


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"date_windows": 3}, "date_windows"),
        ({"date_window_days": 32}, "date_window_days"),
        ({"date_window_days": True}, "date_window_days"),
        ({"date_window_days": "3"}, "date_window_days"),
        ({"transit_days": -1}, "transit_days"),
        ({"amount_tolerance_minor": 1.5}, "amount_tolerance_minor"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"stages": ["fuzzy_text"]}, "stages"),
        ({"stages": {"magic": True}}, "stages.magic"),
        ({"stages": {"fuzzy_text": 1}}, "stages.fuzzy_text"),
        ({"subset": {"max_lines": 1}}, "subset.max_lines"),
        ({"subset": {"max_nodes": None}}, "subset.max_nodes"),
        ({"fuzzy": {"threshold": 1001}}, "fuzzy.threshold"),
        ({"fee_terms": {}}, "fee_terms"),
        ({"fee_terms": [TERM] * 51}, "fee_terms"),
        ({"fee_terms": [TERM, TERM]}, "fee_terms.1.name"),
        ({"fee_terms": [{**TERM, "percent": 3}]}, "fee_terms.0.percent"),
        ({"fee_terms": [{**TERM, "per": "month"}]}, "fee_terms.0.per"),
        ({"fee_terms": [{**TERM, "per": []}]}, "fee_terms.0.per"),
        ({"fee_terms": [{**TERM, "rounding": "up"}]}, "fee_terms.0.rounding"),
        ({"fee_terms": [{"ppm": 1}]}, "fee_terms.0.name"),
        ({"fee_terms": [{"name": "none"}]}, "fee_terms.0.ppm"),
        ({"fee_terms": ["cards"]}, "fee_terms.0"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_field(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRules) as refused:
        read(spec)
    assert refused.value.field == field
    assert refused.value.message


def test_a_spec_that_is_no_object_is_refused() -> None:
    with pytest.raises(BadRules):
        read([])  # type: ignore[arg-type]
