"""The finance admin of the books and the bank."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import Part, ScopedReadOnly, money
from reconciliation.models import (
    Account,
    BankAccount,
    Book,
    Break,
    Entry,
    Line,
    Match,
    Snapshot,
    SnapshotBalance,
    Statement,
    StatementImport,
    StatementLine,
)


class Lines(Part):
    model = Line
    fields: ClassVar = ["account", money("amount_minor"), "reference"]


class SnapshotBalances(Part):
    model = SnapshotBalance
    fields: ClassVar = ["account", money("balance_minor", currency="account__currency")]


class StatementLines(Part):
    model = StatementLine
    ordering: ClassVar = ["position"]
    fields: ClassVar = ["position", "posted_on", money("amount_minor"), "type_code", "bank_reference", "text"]


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


@admin.register(BankAccount)
class BankAccountAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "name", "bank_id", "account_mark", "currency", "ledger_account"]
    search_fields: ClassVar = ["=id", "name", "account_mark"]


@admin.register(StatementImport)
class StatementImportAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "file_name", "format", "state", "line_count", "created_at"]
    list_filter: ClassVar = ["state", "created_at"]
    search_fields: ClassVar = ["=id", "file_name", "=content_sha256"]


@admin.register(Statement)
class StatementAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "bank_account", "as_of", money("opening_minor"), money("closing_minor")]
    list_filter: ClassVar = ["as_of"]
    search_fields: ClassVar = ["=id", "bank_account__name"]
    inlines: ClassVar = [StatementLines]


@admin.register(StatementLine)
class StatementLineAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "posted_on", money("amount_minor"), "bank_reference", "customer_reference", "text"]
    list_filter: ClassVar = ["posted_on"]
    search_fields: ClassVar = ["=id", "=bank_reference", "=customer_reference"]


@admin.register(Match)
class MatchAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "bank_account", "stage", "score", "reason", "matched_at", "undone_at"]
    list_filter: ClassVar = ["matched_at", "undone_at"]
    search_fields: ClassVar = ["=id", "=statement_line__id"]


@admin.register(Break)
class BreakAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "kind", "state", money("difference_minor"), "reason", "opened_at", "closed_at"]
    list_filter: ClassVar = ["state", "kind", "opened_at"]
    search_fields: ClassVar = ["=id", "=subject_id"]
