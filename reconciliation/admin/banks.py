"""Bank accounts and statements in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import Part, ScopedReadOnly, money
from reconciliation.models import BankAccount, Statement, StatementImport, StatementLine


class StatementLines(Part):
    model = StatementLine
    ordering: ClassVar = ["position"]
    fields: ClassVar = ["position", "posted_on", money("amount_minor"), "type_code", "bank_reference", "text"]


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
