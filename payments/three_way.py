"""A payout from its three sides: what we have of it, what the processor reports, and what the bank shows; reads only.

Each difference is signed, and zero or wrong: the processor less us, and the bank less the processor's net.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from compliance import access
from coverpay.kernel.actors import Actor
from payments import journal, queries
from payments.models import Attempt, Dispute, Payout, PayoutLine, Refund
from reconciliation.ledger.models import Line
from reconciliation.models import Break, Match, StatementLine

Kind = PayoutLine.Kind
FEES = (journal.BANK_FEE_CHARGED, journal.MERCHANT_FEE_CHARGED)
"""Kinds of entries that explain what the bank shows less, once a break was resolved."""


@dataclass(frozen=True, slots=True)
class LineSides:
    """One line of a payout: what we have of it (None: nothing of ours), and what the processor reports."""

    line: PayoutLine
    ours_minor: int | None

    @property
    def difference_minor(self) -> int:
        """The processor less us; a fee of the account belongs to nothing of ours."""
        return 0 if self.line.kind == Kind.FEE else self.line.gross_minor - (self.ours_minor or 0)


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """The three sides of a payout, minor units; the bank's is None until its line is matched."""

    payout: Payout
    lines: Sequence[LineSides]
    match: Match | None
    bank_lines: Sequence[StatementLine]
    bank_minor: int | None
    fees_posted_minor: int
    breaks: Sequence[Break]

    @property
    def currency(self) -> str:
        return self.payout.currency

    @property
    def ours_minor(self) -> int:
        return sum(each.ours_minor or 0 for each in self.lines)

    @property
    def gross_minor(self) -> int:
        return sum(each.line.gross_minor for each in self.lines)

    @property
    def fee_minor(self) -> int:
        return sum(each.line.fee_minor for each in self.lines)

    @property
    def net_minor(self) -> int:
        return self.payout.amount_minor

    @property
    def processor_less_ours_minor(self) -> int:
        return sum(each.difference_minor for each in self.lines)

    @property
    def bank_less_processor_minor(self) -> int | None:
        return None if self.bank_minor is None else self.bank_minor - self.net_minor

    @property
    def unexplained_minor(self) -> int | None:
        """What of the bank's difference no posted fee explains."""
        found = self.bank_less_processor_minor
        return None if found is None else found - self.fees_posted_minor

    @property
    def ties(self) -> bool:
        return self.processor_less_ours_minor == 0 and self.unexplained_minor == 0


def of_payout(actor: Actor, payout: Payout) -> ThreeWay:
    """The three sides of a visible payout."""
    lines = list(payout.lines.order_by("id"))
    match = queries.bank_matches_of(actor, [payout.id]).get(payout.id)
    bank_lines = list(match.statement_lines) if match else []
    others, fees = _beside(payout, match)
    cash = Line.objects.filter(entry__source_id=payout.id, entry__kind=journal.PAYOUT_RECORDED)
    own = [str(pk) for pk in cash.values_list("pk", flat=True)]
    return ThreeWay(
        payout=payout,
        lines=[LineSides(line, ours) for line, ours in zip(lines, _ours(lines), strict=True)],
        match=match,
        bank_lines=bank_lines,
        bank_minor=sum(line.amount_minor for line in bank_lines) - others if match else None,
        fees_posted_minor=fees,
        breaks=_breaks(actor, [line.id for line in lines], own),
    )


def _beside(payout: Payout, match: Match | None) -> tuple[int, int]:
    """What else is in the match: other money, and fees that were posted to make it tie."""
    lines = list(match.ledger_lines) if match else []
    beside = [line for line in lines if line.entry.source_id != payout.id]
    fees = sum(line.amount_minor for line in beside if line.entry.kind in FEES)
    return sum(line.amount_minor for line in beside) - fees, fees


def _ours(lines: Sequence[PayoutLine]) -> list[int | None]:
    """What we have of each line, signed as the processor signs it."""
    references = {line.our_reference for line in lines}
    taken = dict(Attempt.objects.filter(pk__in=references).values_list("id", "taken_minor"))
    refunded = dict(Refund.objects.filter(pk__in=references).values_list("id", "amount_minor"))
    disputed: dict[str, list[int]] = {}
    for attempt_id, minor in (
        Dispute.objects.filter(attempt__in=references).order_by("id").values_list("attempt", "amount_minor")
    ):
        disputed.setdefault(attempt_id, []).append(minor)
    met: Counter[tuple[str, str]] = Counter()
    found: list[int | None] = []
    for line in lines:
        place = met[line.kind, line.our_reference]
        met[line.kind, line.our_reference] += 1
        found.append(_one(line, place, taken, refunded, disputed))
    return found


def _one(
    line: PayoutLine, place: int, taken: dict[str, int | None], refunded: dict[str, int], disputed: dict[str, list[int]]
) -> int | None:
    reference = line.our_reference
    match line.kind:
        case Kind.CHARGE:
            return taken.get(reference)
        case Kind.RETURN:
            minor = taken.get(reference)
            return None if minor is None else -minor
        case Kind.REFUND:
            return -refunded[reference] if reference in refunded else None
        case Kind.DISPUTE | Kind.DISPUTE_WON:
            mine = disputed.get(reference, [])
            sign = 1 if line.kind == Kind.DISPUTE_WON else -1
            return sign * mine[min(place, len(mine) - 1)] if mine else None
    return None


def _breaks(actor: Actor, line_ids: Sequence[str], own: Sequence[str]) -> list[Break]:
    """What does not tie about its lines, and what the bank shows of it as another amount."""
    about = Q(subject_id__in=[*line_ids, *own])
    for line in own:
        about |= Q(inputs__candidates__contains=[line])
    rows = Break.objects.filter(about, state=Break.State.OPEN)
    return list(access.visible(actor, rows).order_by("id"))
