"""Account mappings and export batches in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly, money
from reconciliation.models import AccountMapping, ExportBatch


@admin.register(AccountMapping)
class AccountMappingAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "system", "number", "effective_from", "created_at"]
    list_filter: ClassVar = ["effective_from"]
    search_fields: ClassVar = ["=id", "system"]


@admin.register(ExportBatch)
class ExportBatchAdmin(ScopedReadOnly):
    hides = frozenset({"files"})
    list_display: ClassVar = [
        "id", "system", "format", "from_on", "to_on", "state", "entry_count", money("debit_minor"), "created_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "created_at"]
    search_fields: ClassVar = ["=id", "system", "=external_reference"]
