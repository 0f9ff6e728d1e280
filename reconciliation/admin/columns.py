"""Column maps and announcements in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly, money
from reconciliation.models import Announcement, ColumnMap


@admin.register(ColumnMap)
class ColumnMapAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "bank_account", "name", "number", "created_at"]
    list_filter: ClassVar = ["created_at"]
    search_fields: ClassVar = ["=id", "name"]


@admin.register(Announcement)
class AnnouncementAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "bank_account", "posted_on", money("amount_minor"), "bank_reference", "state"]
    list_filter: ClassVar = ["state", "posted_on"]
    search_fields: ClassVar = ["=id", "=bank_reference", "=customer_reference"]
