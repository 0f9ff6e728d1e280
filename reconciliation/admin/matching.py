"""Suggestions, ignored lines, payor aliases and rules of matching in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly, money
from reconciliation.models import IgnoredLine, MatchRuleSet, MatchSuggestion, PayorAlias


@admin.register(MatchSuggestion)
class MatchSuggestionAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id", "bank_account", "state", "stage", "score", money("difference_minor", currency="bank_account__currency"),
        "reason", "suggested_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "suggested_at"]
    search_fields: ClassVar = ["=id", "=match__id"]


@admin.register(IgnoredLine)
class IgnoredLineAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "bank_account", "statement_line", "reason", "ignored_by", "ignored_at", "ended_at"]
    list_filter: ClassVar = ["ignored_at", "ended_at"]
    search_fields: ClassVar = ["=id", "=statement_line__id"]


@admin.register(PayorAlias)
class PayorAliasAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "normal_text", "party", "times_seen", "learnt_from", "learnt_at", "ended_at"]
    list_filter: ClassVar = ["learnt_at", "ended_at"]
    search_fields: ClassVar = ["=id", "normal_text", "party"]


@admin.register(MatchRuleSet)
class MatchRuleSetAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "organization", "number", "version", "effective_from", "reason", "created_by"]
    list_filter: ClassVar = ["effective_from"]
    search_fields: ClassVar = ["=id", "=version"]
