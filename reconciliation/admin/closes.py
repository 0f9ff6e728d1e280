"""Closed periods in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly
from reconciliation.models import Close


@admin.register(Close)
class CloseAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "book", "from_on", "to_on", "state", "closed_at", "hash"]
    list_select_related: ClassVar = ["book__organization"]
    list_filter: ClassVar = ["state", "to_on"]
    search_fields: ClassVar = ["=id", "=hash"]
