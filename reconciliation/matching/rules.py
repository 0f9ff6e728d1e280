"""The rules of matching as data: read strictly, named by a version that changes exactly when a rule does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from coverpay.kernel.errors import Invalid
from reconciliation.matching.lines import FEE_PER, FEE_ROUNDING, STAGE_NAMES, FeeTerm, MatchRules

DEFAULT_SPEC: Mapping[str, Any] = MappingProxyType(
    {
        "name": "built-in",
        "stages": dict.fromkeys(STAGE_NAMES, True),
        "date_window_days": 3,
        "transit_days": 0,
        "amount_tolerance_minor": 0,
        "fee_terms": [],
        "subset": {"max_lines": 60, "max_candidates": 200, "max_nodes": 200_000, "max_chance_ppm": 200},
        "fuzzy": {"threshold": 850},
    }
)
"""Every rule there is, with the value it has where a spec does not name it."""

BOUNDS = {
    "date_window_days": (0, 31),
    "transit_days": (0, 31),
    "amount_tolerance_minor": (0, 100_000),
    "max_lines": (2, 200),
    "max_candidates": (2, 500),
    "max_nodes": (1_000, 2_000_000),
    "max_chance_ppm": (0, 10_000),
    "threshold": (500, 1000),
    "ppm": (0, 200_000),
    "fixed_minor": (0, 10_000_000),
}
"""The least and the most of each number."""

_TERM = {"name": None, "text_contains": "", "ppm": 0, "fixed_minor": 0, "per": "line", "rounding": "half_even"}
_MAX_TERMS = 50
_MAX_TEXT = 80


class BadRules(Invalid):
    """Rules of matching that cannot be used as they are written."""

    code = "bad_rules"

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words, field=field)


def read(spec: Mapping[str, Any]) -> MatchRules:
    """Read rules of matching from data; what a spec leaves out stands as in `DEFAULT_SPEC`.

    Gives:  rules whose version is the name and a digest of every rule: the same rules have the same version, whatever
            order they are written in and whether a default is written out or left out.
    Raises: BadRules naming the field, for unknown keys, wrong types and numbers out of bounds.
    """
    full = _filled(spec, DEFAULT_SPEC, "")
    stages = _filled(full["stages"], DEFAULT_SPEC["stages"], "stages.")
    subset = _filled(full["subset"], DEFAULT_SPEC["subset"], "subset.")
    fuzzy = _filled(full["fuzzy"], DEFAULT_SPEC["fuzzy"], "fuzzy.")
    terms = _terms(full["fee_terms"])
    name = _text(full["name"], "name", at_least=1)
    facts = {**full, "stages": stages, "subset": subset, "fuzzy": fuzzy, "fee_terms": terms}
    rules = MatchRules(
        version=f"{name}.{_digest(facts)}",
        date_window_days=_number(full, "date_window_days"),
        transit_days=_number(full, "transit_days"),
        amount_tolerance_minor=_number(full, "amount_tolerance_minor"),
        fee_terms=tuple(_term(term, f"fee_terms.{at}.") for at, term in enumerate(terms)),
        stages=frozenset(stage for stage, on in stages.items() if _switch(on, f"stages.{stage}")),
        subset_max_lines=_number(subset, "max_lines", "subset."),
        subset_max_candidates=_number(subset, "max_candidates", "subset."),
        subset_max_nodes=_number(subset, "max_nodes", "subset."),
        subset_max_chance_ppm=_number(subset, "max_chance_ppm", "subset."),
        fuzzy_threshold=_number(fuzzy, "threshold", "fuzzy."),
    )
    names = [term.name for term in rules.fee_terms]
    for at, one in enumerate(names):
        if one in names[:at]:
            raise BadRules(f"fee_terms.{at}.name", f"Two fee terms are named {one}; give each a name of its own.")
    return rules


def _filled(given: object, defaults: Mapping[str, Any], within: str) -> dict[str, Any]:
    where = within.rstrip(".") or "spec"
    if not isinstance(given, Mapping):
        raise BadRules(where, f"{where} is an object with names and values.")
    unknown = sorted(str(key) for key in given if key not in defaults)
    if unknown:
        raise BadRules(within + unknown[0], f"There is no rule {unknown[0][:60]}; use {', '.join(defaults)}.")
    return {key: given.get(key, default) for key, default in defaults.items()}


def _terms(given: object) -> list[dict[str, Any]]:
    if not isinstance(given, list | tuple):
        raise BadRules("fee_terms", "Fee terms are a list.")
    if len(given) > _MAX_TERMS:
        raise BadRules("fee_terms", f"There are at most {_MAX_TERMS} fee terms.")
    return [_filled(term, _TERM, f"fee_terms.{at}.") for at, term in enumerate(given)]


def _term(term: Mapping[str, Any], within: str) -> FeeTerm:
    found = FeeTerm(
        name=_text(term["name"], within + "name", at_least=1),
        text_contains=_text(term["text_contains"], within + "text_contains"),
        ppm=_number(term, "ppm", within),
        fixed_minor=_number(term, "fixed_minor", within),
        per=_choice(term["per"], FEE_PER, within + "per"),
        rounding=_choice(term["rounding"], FEE_ROUNDING, within + "rounding"),
    )
    if not (found.ppm or found.fixed_minor):
        raise BadRules(within + "ppm", "A fee term takes a share or a fixed amount; both are zero.")
    return found


def _number(given: Mapping[str, Any], key: str, within: str = "") -> int:
    least, most = BOUNDS[key]
    value = given[key]
    if type(value) is not int or not least <= value <= most:
        raise BadRules(within + key, f"{key} is a whole number from {least:,} to {most:,}.")
    return value


def _switch(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise BadRules(field, "A stage is on (true) or off (false).")
    return value


def _text(value: object, field: str, *, at_least: int = 0) -> str:
    if not isinstance(value, str) or not at_least <= len(value.strip()) <= _MAX_TEXT or not value.isprintable():
        raise BadRules(field, f"{field.rsplit('.', 1)[-1]} is a text of {at_least} to {_MAX_TEXT} characters.")
    return value.strip()


def _choice(value: object, known: tuple[str, ...], field: str) -> str:
    if value not in known:
        raise BadRules(field, f"{field.rsplit('.', 1)[-1]} is one of {', '.join(known)}.")
    return str(value)


def _digest(facts: Mapping[str, Any]) -> str:
    told = {key: value for key, value in facts.items() if key != "name"}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:8]


DEFAULT = read(DEFAULT_SPEC)
"""The rules that hold where an organization has none of its own."""
