"""Reports from policies and billing: written and unearned premium, suspense, aging."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

from django.db.models import Sum
from django.db.models.functions import TruncMonth

from billing import aging
from billing.models import SuspenseItem
from compliance import access
from coverpay.kernel.actors import Actor
from coverpay.reports.asking import Asked
from coverpay.reports.tables import DAY, MONEY, NUMBER, REFERENCE, Column, Report, totals_of
from policies import earning, transactions
from policies.models import Charge, Policy, Term

CURRENCY = Column("currency", "Currency")
CHUNK = 500
TAKEN = (Term.State.IN_FORCE, Term.State.CANCELLED, Term.State.EXPIRED)


def unearned(actor: Actor, asked: Asked) -> Report:
    """Written, earned and unearned premium of every term that was taken, by program and state."""
    columns = (
        Column("program", "Program"), Column("state", "State"), Column("terms", "Terms", NUMBER), CURRENCY,
        Column("written", "Written", MONEY), Column("earned", "Earned", MONEY), Column("unearned", "Unearned", MONEY),
    )  # fmt: skip
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    mine = access.visible(actor, Policy.objects.all())
    terms = Term.objects.filter(policy__in=mine, state__in=TAKEN, effective_on__lte=asked.at)
    rows_of = terms.select_related("program_version__program").order_by("id").iterator(chunk_size=CHUNK)
    while chunk := list(itertools.islice(rows_of, CHUNK)):
        slices = transactions.slices_of_many([term.id for term in chunk])
        for term in chunk:
            program = term.program_version.program
            sum_ = sums[program.code, term.state_code, program.currency]
            sum_[0] += 1
            sum_[1] += earning.written_minor(slices[term.id])
            day_count = transactions.conditions_of(term).day_count
            sum_[2] += earning.earned_minor(slices[term.id], asked.at, day_count)
    rows = [
        {"program": program, "state": state, "currency": currency, "terms": count, "written": written,
         "earned": earned, "unearned": written - earned}
        for (program, state, currency), (count, written, earned) in sorted(sums.items())
    ]  # fmt: skip
    return Report(
        "unearned-premium", "Unearned premium", f"Every term taken and begun, at the end of {asked.at}.", columns, rows,
        "unearned = written − Σ earned of each segment by the program's day count", totals_of(rows, columns),
    )  # fmt: skip


def written(actor: Actor, asked: Asked) -> Report:
    """What was charged in a period, by month, program and component, whatever is billed of it by now."""
    columns = (
        Column("month", "Month"),
        Column("program", "Program"),
        Column("component", "Component"),
        CURRENCY,
        Column("amount", "Charged", MONEY),
    )
    mine = access.visible(actor, Policy.objects.all())
    found = (
        Charge.objects.filter(
            transaction__term__policy__in=mine,
            transaction__term__state__in=TAKEN,
            transaction__processed_at__date__gte=asked.from_on,
            transaction__processed_at__date__lte=asked.to_on,
        )
        .order_by()
        .annotate(month=TruncMonth("transaction__processed_at"))
        .values_list("month", "transaction__term__program_version__program__code", "component", "currency")
        .annotate(sum=Sum("amount_minor"))
    )
    rows: list[dict[str, Any]] = [
        {"month": f"{month:%Y-%m}", "program": program, "component": component, "currency": currency, "amount": amount}
        for month, program, component, currency, amount in sorted(found)
    ]
    return Report(
        "written",
        "Written premium and charges",
        f"Processed {asked.from_on} to {asked.to_on}.",
        columns,
        rows,
        "charged = Σ charges of the transactions processed in the month; returns are below zero",
        totals_of(rows, columns),
    )


def suspense(actor: Actor, asked: Asked) -> Report:
    """Money that waits for a person to place it, the oldest first."""
    columns = (
        Column("item", "Item", REFERENCE), Column("received_on", "Received", DAY), Column("days", "Days", NUMBER),
        Column("why", "Why"), Column("payor", "Payor"), Column("names", "Says policy"), CURRENCY,
        Column("amount", "Amount", MONEY),
    )  # fmt: skip
    items = access.visible(actor, SuspenseItem.objects.filter(state=SuspenseItem.State.OPEN))
    rows = [
        {
            "item": item.id,
            "received_on": item.received_on,
            "days": (asked.at - item.received_on).days,
            "why": item.get_why_display(),
            "payor": item.payor_name,
            "names": item.policy_reference,
            "currency": item.currency,
            "amount": item.amount_minor,
        }
        for item in items.filter(received_on__lte=asked.at).order_by("received_on", "id")
    ]
    return Report(
        "suspense", "Suspense", f"What waits to be placed, at the end of {asked.at}.", columns, rows,
        "amount as received; days since it came", totals_of(rows, columns),
    )  # fmt: skip


def aged(actor: Actor, asked: Asked) -> Report:
    """What is open by how long it is past due, a policy a row."""
    columns = (
        Column("policy", "Policy", REFERENCE), Column("number", "Number"), Column("name", "Insured"), CURRENCY,
        *(Column(name, name.replace("_", " ").capitalize(), MONEY) for name, _, _ in aging.BUCKETS),
        Column("total", "Total", MONEY),
    )  # fmt: skip
    rows = [
        {"policy": row.key, "number": row.number, "name": row.name, "currency": row.currency, "total": row.total,
         **{name: getattr(row, name) for name, _, _ in aging.BUCKETS}}
        for row in aging.aged(actor, asked.at)
    ]  # fmt: skip
    return Report(
        "aging", "Aging", f"Open on invoices at the end of {asked.at}.", columns, rows,
        "open = line − credits − applications on or before the day; days past the due date", totals_of(rows, columns),
    )  # fmt: skip
