"""What must hold of a policy's terms at any time, worked out from the rows by plain sums."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from fractions import Fraction

from billing.models import Application, CashTransfer, InstallmentItem, Invoice, InvoiceLine, LineCredit, Receipt
from policies import earning
from policies.models import Charge, Policy, Segment, Term
from policies.transactions import slices_of
from tests.support import books
from tests.support.books import House

Key = tuple[str, str, str, int]


def wrong_with(policy: Policy) -> list[str]:
    """Everything that does not hold of the policy's terms, in words; empty when all does."""
    policy = Policy.objects.get(pk=policy.pk)
    found = [line for term in policy.terms.all() for line in _premium(term) + _by_key(term)]
    return found + _lines(policy) + _receipts(policy)


def _premium(term: Term) -> list[str]:
    """Written is the sum of segments and of premium charges; earned and unearned make it up on every day."""
    segments = list(Segment.objects.filter(transaction__term=term))
    written = sum(segment.written_minor for segment in segments)
    charged = sum(charge.amount_minor for charge in Charge.objects.filter(transaction__term=term, component="premium"))
    found = []
    if written != charged:
        found.append(f"term {term.number}: segments sum to {written}, premium charges to {charged}")
    if written < 0:
        found.append(f"term {term.number}: written premium is {written}")
    slices, days = slices_of(term), (term.expires_on - term.effective_on).days
    before, falls = 0, any(each.written_minor < 0 for each in slices)
    for day in range(days + 1):
        earned = earning.earned_minor(slices, term.effective_on + dt.timedelta(days=day))
        if earned < 0 or (not falls and earned < before - len(slices)):
            found.append(f"term {term.number}: earned goes from {before} to {earned} on day {day}")
        before = earned
    if before != written:
        found.append(f"term {term.number}: earned {before} of {written} at the end")
    return found


def _by_key(term: Term) -> list[str]:
    """Charged equals billed less credits and still to bill, by component, payee and commission; let go, all is zero."""
    left: Counter[Key] = Counter()
    owed = Charge.objects.filter(transaction__term=term).exclude(transaction__term__state="not_taken")
    for charge in owed:
        left[charge.component, charge.payee_kind, charge.payee, charge.commission_ppm] += charge.amount_minor
    asked: Counter[Key] = Counter()
    lines = InvoiceLine.objects.filter(term=term)
    for line in lines:
        asked[line.component, line.payee_kind, line.payee, line.commission_ppm] += line.amount_minor
    for credit in LineCredit.objects.filter(line__term=term).exclude(kind="written_off").select_related("line"):
        line = credit.line
        asked[line.component, line.payee_kind, line.payee, line.commission_ppm] -= credit.amount_minor
    waiting = InstallmentItem.objects.filter(
        installment__schedule__term=term, installment__invoice=None, installment__replaced_by=None
    )
    for item in waiting:
        asked[item.component, item.payee_kind, item.payee, item.commission_ppm] += item.amount_minor
    ours = {"installment_fee", "late_fee", "nsf_fee", "reinstatement_fee"}
    found = [
        f"term {term.number}, {key[0]}: charged {left[key]}, billed and to bill {asked[key]}"
        for key in left.keys() | asked.keys()
        if key[0] not in ours and left[key] != asked[key]
    ]
    return found + [f"item {item.id} is {item.amount_minor}" for item in waiting if item.amount_minor <= 0]


def _lines(policy: Policy) -> list[str]:
    """No line is covered beyond what it asks for, and no invoice says other than its lines."""
    applied: dict[str, int] = defaultdict(int)
    credited: dict[str, int] = defaultdict(int)
    for row in Application.objects.filter(line__invoice__policy=policy):
        applied[row.line_id] += row.amount_minor
    for credit in LineCredit.objects.filter(line__invoice__policy=policy):
        credited[credit.line_id] += credit.amount_minor
    found = []
    for invoice in Invoice.objects.filter(policy=policy).prefetch_related("lines"):
        still_open = 0
        for line in invoice.lines.all():
            rest = line.amount_minor - credited[line.id] - applied[line.id]
            still_open += rest
            if rest < 0 or applied[line.id] < 0 or credited[line.id] < 0:
                found.append(f"line {line.id}: {line.amount_minor} - {credited[line.id]} - {applied[line.id]}")
        if (invoice.state == "open") != (still_open > 0):
            found.append(f"invoice {invoice.number} is {invoice.state} with {still_open} open")
    return found


def _receipts(policy: Policy) -> list[str]:
    """No receipt gives out more than it brought."""
    found = []
    for receipt in Receipt.objects.filter(policy=policy):
        used = sum(row.amount_minor for row in receipt.applications.all())
        sent = sum(
            row.amount_minor for row in CashTransfer.objects.filter(from_receipt=receipt, to_receipt__reversal=None)
        )
        back = hasattr(receipt, "reversal")
        if not 0 <= used + sent <= (0 if back else receipt.amount_minor):
            found.append(f"receipt {receipt.id}: {used} applied and {sent} sent on of {receipt.amount_minor}, {back=}")
    return found


def ledger_says(house: House) -> dict[tuple[str, str], int]:
    """The balances a policy's story moves, for comparing before and after doing and undoing."""
    return books.trial_balance(house)


def share(amount_minor: int, days: int, of: int) -> int:
    """Round a day share half up, by exact fractions: the way a person checks a figure."""
    exact = Fraction(amount_minor * days, of)
    return int(exact + Fraction(1, 2)) if exact >= 0 else -int(-exact + Fraction(1, 2))
