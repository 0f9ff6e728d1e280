"""ACH files, entries and news in the finance admin; what is sealed is never shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly
from coverpay.kernel.money import Money
from payments.models import AchEntry, AchFile, AchNews


def _dollars(column: str) -> Callable[[Any], str]:
    """A column of cents as an amount; the ACH network knows dollars only."""

    def shown(row: Any) -> str:
        return str(Money(getattr(row, column), "USD"))

    shown.__name__ = column
    shown.short_description = column.removesuffix("_minor")  # type: ignore[attr-defined]
    return shown


@admin.register(AchFile)
class AchFileAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id",
        "name",
        "direction",
        "kind",
        "file_date",
        "entry_count",
        _dollars("debit_minor"),
        "state",
    ]
    list_filter: ClassVar = ["direction", "kind", "state", "file_date"]
    search_fields: ClassVar = ["=id", "name", "=content_hash"]
    hides: ClassVar = frozenset({"content_sealed"})


@admin.register(AchEntry)
class AchEntryAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id",
        "purpose",
        "reference",
        _dollars("amount_minor"),
        "effective_on",
        "trace_number",
        "state",
    ]
    list_filter: ClassVar = ["state", "purpose", "sec_code", "return_code"]
    search_fields: ClassVar = ["=id", "=reference", "=trace_number"]


@admin.register(AchNews)
class AchNewsAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "file", "line", "column", "code", "entry", "state", "reason"]
    list_filter: ClassVar = ["state", "code"]
    search_fields: ClassVar = ["=id", "=code"]
    hides: ClassVar = frozenset({"record_sealed"})
