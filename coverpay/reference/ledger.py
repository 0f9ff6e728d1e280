"""The chart of accounts and every posting the system makes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import billing.journal
import payments.journal
from coverpay.reference import markdown
from reconciliation.ledger.accounts import CHART

JOURNALS = (billing.journal, payments.journal)


def pages() -> dict[str, str]:
    """docs/ledger.md."""
    text = markdown.page(
        "Ledger",
        "`reconciliation/ledger/accounts.py`, `billing/journal.py` and `payments/journal.py`",
        "Lines are signed minor units, debit positive, never zero. Every entry balances in each currency and in each "
        "fund, so trust money never pays for operating. Entries are never changed; a correction reverses one by name.",
        "## Chart of accounts",
        markdown.table(
            ["Account", "Type", "Fund", "Counts"],
            ([markdown.code(name), line.type.label, line.fund.label, line.title] for name, line in CHART.items()),
        ),
        "## Postings",
        "These are all there are: no other module may post. Each kind is posted once for its source.",
        *(_posting(module, kind, function) for module in JOURNALS for kind, function in postings(module)),
    )
    return {"ledger.md": text}


def postings(journal: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The kinds a journal posts, each with its function: `INVOICE_ISSUED` belongs to `invoice_issued`."""
    for name, kind in vars(journal).items():
        if name.isupper() and isinstance(kind, str):
            yield kind, getattr(journal, name.lower())


def _posting(journal: ModuleType, kind: str, function: Callable[..., Any]) -> str:
    place = f"`{journal.__name__}.{function.__name__}`"
    return f"### `{kind}`\n\n{place}\n\n```text\n{inspect.getdoc(function)}\n```"
