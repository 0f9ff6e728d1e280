"""Matches and breaks in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly, money
from reconciliation.models import Break, BreakComment, Match


@admin.register(Match)
class MatchAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "bank_account", "stage", "score", "reason", "matched_at", "undone_at"]
    list_filter: ClassVar = ["matched_at", "undone_at"]
    search_fields: ClassVar = ["=id", "=bank_lines__statement_line__id"]


@admin.register(Break)
class BreakAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id", "kind", "state", money("difference_minor"), "owner", "due_on", "reason", "opened_at", "closed_at"
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "kind", "due_on", "opened_at"]
    search_fields: ClassVar = ["=id", "=subject_id"]


@admin.register(BreakComment)
class BreakCommentAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "about", "author_label", "text", "created_at"]
    list_filter: ClassVar = ["created_at"]
    search_fields: ClassVar = ["=id", "=about__id"]
