"""Books, accounts, entries and seals in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import Part, ScopedReadOnly, money
from reconciliation.ledger.models import Account, Book, Entry, Line, Snapshot, SnapshotBalance


class Lines(Part):
    model = Line
    fields: ClassVar = ["account", money("amount_minor"), "reference"]


class SnapshotBalances(Part):
    model = SnapshotBalance
    fields: ClassVar = ["account", money("balance_minor", currency="account__currency")]


@admin.register(Entry)
class EntryAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "posted_on", "kind", "source_id", "memo", "created_at"]
    list_filter: ClassVar = ["posted_on"]
    search_fields: ClassVar = ["=id", "=source_id", "=subject_id", "kind__startswith"]
    inlines: ClassVar = [Lines]


@admin.register(Line)
class LineAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "posted_on", "account", money("amount_minor"), "entry", "reference"]
    list_filter: ClassVar = ["posted_on"]
    search_fields: ClassVar = ["=entry__id", "=reference", "account__code__startswith"]


@admin.register(Account)
class AccountAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "code", "owner", "type", "fund", "currency"]
    list_filter: ClassVar = ["fund", "type"]
    search_fields: ClassVar = ["code", "=owner"]


@admin.register(Book)
class BookAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "organization", "created_at"]


@admin.register(Snapshot)
class SnapshotAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "book", "as_of", "created_at"]
    list_select_related: ClassVar = ["book__organization"]
    list_filter: ClassVar = ["as_of"]
    inlines: ClassVar = [SnapshotBalances]
