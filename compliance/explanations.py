"""Keep and read why a figure is what it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from compliance.models import Explanation
from coverpay.kernel import commands
from coverpay.kernel.figures import Explained


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one object with its derivation, ready to be kept."""

    subject_id: str
    figure: str
    amount_minor: int
    currency: str
    why: Explained


@commands.step
def record(figures: Iterable[Figure]) -> None:
    """Keep the derivations of new figures. A figure is explained once; it never changes afterwards."""
    Explanation.objects.bulk_create(
        Explanation(
            subject_id=figure.subject_id,
            figure=figure.figure,
            amount_minor=figure.amount_minor,
            currency=figure.currency,
            formula=figure.why.formula,
            inputs=dict(figure.why.inputs),
            rule=figure.why.rule,
            rule_version=figure.why.rule_version,
            citation=figure.why.citation,
        )
        for figure in figures
    )


def of(*subject_ids: str) -> list[Explanation]:
    """Read the derivations of these objects, in the order they were kept. The caller checks that they are visible."""
    return list(Explanation.objects.filter(subject_id__in=subject_ids).order_by("id"))
