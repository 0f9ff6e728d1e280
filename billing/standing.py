"""How a term stands by key: what is charged, what is billed of it, and what is still to be billed.

All arithmetic of billing is done by key: component, payee and commission rate, so that every cent keeps its payee.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import QuerySet, Sum

from billing.models import InstallmentItem, InvoiceLine, LineCredit
from policies.models import Charge, Component, Term

FEES = (Component.INSTALLMENT_FEE, Component.LATE_FEE, Component.NSF_FEE, Component.REINSTATEMENT_FEE)
"""Fees of the plan: nothing of the contract charges them, so they stand outside of what is charged."""

UNBILLING = (
    LineCredit.Kind.RETURN_PREMIUM,
    LineCredit.Kind.SUPERSEDED,
    LineCredit.Kind.VOIDED,
    LineCredit.Kind.WAIVED,
)
"""Credits after which a line counts as billed for less. What is written off stays billed."""


class Key(NamedTuple):
    """What makes two amounts the same kind of money."""

    component: str
    payee_kind: str
    payee: str
    commission_ppm: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a key stands, minor units; `charged = billed + unbilled` once a term is in order."""

    charged_minor: int = 0
    billed_minor: int = 0
    unbilled_minor: int = 0

    @property
    def remaining_minor(self) -> int:
        """What of the charge no invoice asks for; below zero when invoices ask for more than is charged."""
        return self.charged_minor - self.billed_minor

    def plus(self, change_minor: int) -> Standing:
        """The same with so much more charged."""
        return Standing(self.charged_minor + change_minor, self.billed_minor, self.unbilled_minor)


def of_term(term: Term) -> dict[Key, Standing]:
    """How each key of a term stands. The plan's own fees are left out. Four queries."""
    charged = _sums(Charge.objects.filter(transaction__term=term))
    billed = _sums(InvoiceLine.objects.filter(term=term))
    billed.subtract(_sums(LineCredit.objects.filter(line__term=term, kind__in=UNBILLING), "line__"))
    unbilled = _sums(
        InstallmentItem.objects.filter(
            installment__schedule__term=term, installment__invoice__isnull=True, installment__replaced_by__isnull=True
        )
    )
    return {key: Standing(charged[key], billed[key], unbilled[key]) for key in sorted({*charged, *billed, *unbilled})}


def _sums(rows: QuerySet[Any], path: str = "") -> Counter[Key]:
    columns = [f"{path}{name}" for name in Key._fields]
    outside = {f"{path}component__in": FEES}
    summed = rows.exclude(**outside).order_by().values_list(*columns).annotate(sum=Sum("amount_minor"))
    return Counter({Key(*row[:-1]): row[-1] for row in summed})
