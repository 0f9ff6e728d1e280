"""Statements of carriers and agencies in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import Part, ScopedReadOnly, money
from payments.models import SourceItem, SourceLine, SourceMap, SourceStatement

THEIRS = money("theirs_minor", currency="statement__currency")
OURS = money("ours_minor", currency="statement__currency")


class SourceItems(Part):
    model = SourceItem
    fields: ClassVar = ["policy_mark", "item", THEIRS, OURS, "outcome"]


@admin.register(SourceStatement)
class SourceStatementAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id", "kind", "counterparty", "reference", "from_on", "to_on", money("total_minor"), "state", "created_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["kind", "state", "created_at"]
    search_fields: ClassVar = ["=id", "reference", "counterparty__name"]
    inlines: ClassVar = [SourceItems]


@admin.register(SourceItem)
class SourceItemAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "statement", "policy_mark", "item", THEIRS, OURS, "outcome"]
    list_select_related: ClassVar = ["statement"]
    list_filter: ClassVar = ["outcome"]
    search_fields: ClassVar = ["=id", "=policy_mark"]


@admin.register(SourceLine)
class SourceLineAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id", "statement", "position", "policy_mark", "item", money("amount_minor", currency="statement__currency"),
        "reference",
    ]  # fmt: skip
    list_select_related: ClassVar = ["statement"]
    search_fields: ClassVar = ["=id", "=policy_mark", "=reference"]


@admin.register(SourceMap)
class SourceMapAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "kind", "counterparty", "number", "created_at"]
    list_filter: ClassVar = ["kind"]
    search_fields: ClassVar = ["=id", "counterparty__name"]
