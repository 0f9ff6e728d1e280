"""Keep and read why a figure is what it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from compliance.models import Explanation
from coverpay.kernel import clock, commands, copying, ids
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


@commands.step
def record_many(figures: Iterable[Figure]) -> None:
    """Keep the derivations of many new figures at once, in order."""
    figures = list(figures)
    now = clock.now()
    copying.insert(
        Explanation,
        ("id", "subject_id", "figure", "amount_minor", "currency", "formula", "inputs", "rule", "rule_version",
         "citation", "recorded_at"),
        (
            (id, figure.subject_id, figure.figure, figure.amount_minor, figure.currency, figure.why.formula,
             figure.why.inputs, figure.why.rule, figure.why.rule_version, figure.why.citation, now)
            for id, figure in zip(ids.many("why", len(figures)), figures, strict=True)
        ),
    )  # fmt: skip


def of(*subject_ids: str) -> list[Explanation]:
    """Read the derivations of these objects, in the order they were kept. The caller checks that they are visible."""
    return list(Explanation.objects.filter(subject_id__in=subject_ids).order_by("id"))
