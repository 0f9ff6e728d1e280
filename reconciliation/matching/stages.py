"""The stages of matching, in the order they run over the lines that are left."""

from __future__ import annotations

from collections.abc import Callable

from reconciliation.matching.amounts import amount_and_date
from reconciliation.matching.fuzzy import fuzzy_text
from reconciliation.matching.pool import Pool
from reconciliation.matching.references import exact_reference, same_reference, shared_reference
from reconciliation.matching.subsets import subset_sum

Stage = Callable[[Pool], None]

STAGES: dict[str, Stage] = {
    "exact_reference": exact_reference,
    "same_reference": same_reference,
    "shared_reference": shared_reference,
    "amount_and_date": amount_and_date,
    "subset_sum": subset_sum,
    "fuzzy_text": fuzzy_text,
}
"""By name, as the rules switch them on and off. A shared reference is stronger than amount and date: it goes first."""
