"""Why a figure is what it is: formula, inputs, rule version and citation, kept beside the amount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Explained:
    """The derivation of one figure.

    `formula` is a sentence of arithmetic in the names of `inputs`; `rule` names the versioned data that decided
    (plan, program, routing table) and `rule_version` which version of it; `citation` is the source behind the rule.
    """

    formula: str
    inputs: Mapping[str, str | int] = field(default_factory=dict)
    rule: str = ""
    rule_version: str = ""
    citation: str = ""
