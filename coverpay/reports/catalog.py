"""Every report by name, with who may read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import NotFound
from coverpay.reports import asking, ledger, premium, trust
from coverpay.reports.asking import Asked
from coverpay.reports.tables import Report

P = Permission


@dataclass(frozen=True, slots=True)
class Entry:
    """One report: its title, what it answers, who may read it, and whether it is of a day or of a period."""

    title: str
    answers: str
    permission: Permission
    of_period: bool
    make: Callable[[Actor, Asked], Report]


CATALOG: dict[str, Entry] = {
    "trial-balance": Entry(
        "Trial balance", "Do the books balance, and what does each account hold?", P.LEDGER_READ, False,
        ledger.trial_balance,
    ),
    "general-ledger": Entry(
        "General ledger", "Which entries made the balance of each account?", P.LEDGER_READ, True, ledger.general_ledger
    ),
    "cash": Entry(
        "Cash balancing", "How did each bank account move, and does the bank agree?", P.RECONCILIATION_READ, True,
        ledger.cash,
    ),
    "receivables": Entry(
        "Receivable balancing", "How did what insureds owe move, and do open invoices agree?", P.LEDGER_READ, True,
        ledger.receivables,
    ),
    "trust": Entry(
        "Daily trust position", "What had to stay in trust each day, and did it?", P.LEDGER_READ, True, trust.positions
    ),
    "aging": Entry("Aging", "Who owes what, and since when?", P.BILLING_READ, False, premium.aged),
    "suspense": Entry("Suspense", "What waits to be placed?", P.BILLING_READ, False, premium.suspense),
    "unearned-premium": Entry(
        "Unearned premium", "What of the premium written is not earned yet?", P.POLICIES_READ, False, premium.unearned
    ),
    "written": Entry(
        "Written premium and charges", "What was charged, by month and component?", P.POLICIES_READ, True,
        premium.written,
    ),
    "income": Entry("Commission and fees", "What is ours, month by month?", P.LEDGER_READ, True, ledger.income),
}  # fmt: skip


def readable(actor: Actor) -> dict[str, Entry]:
    """The reports the actor may read."""
    return {name: entry for name, entry in CATALOG.items() if access.may(actor, entry.permission)}


def make(name: str, actor: Actor, said: Mapping[str, str]) -> Report:
    """Make a report. Raises: NotFound, Forbidden, Invalid naming the field."""
    entry = CATALOG.get(name)
    if entry is None:
        raise NotFound(f"There is no report {name!r}; there are {', '.join(CATALOG)}.", field="report")
    access.require(actor, entry.permission)
    return entry.make(actor, asking.read(said))
