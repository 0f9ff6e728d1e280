"""Accounts at processors and routing tables in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly
from payments.models import Breaker, GatewayAccount, RoutingTable


@admin.register(GatewayAccount)
class GatewayAccountAdmin(ScopedReadOnly):
    hides = frozenset({"webhook_secret_sealed", "credentials_sealed"})
    list_display: ClassVar = ["id", "gateway", "merchant", "bank_account", "created_at", "closed_at"]
    search_fields: ClassVar = ["=id", "merchant"]


@admin.register(RoutingTable)
class RoutingTableAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "number", "effective_from", "created_at"]
    search_fields: ClassVar = ["=id"]


@admin.register(Breaker)
class BreakerAdmin(ScopedReadOnly):
    list_display: ClassVar = ["account", "failures_in_row", "last_failure_at", "opened_at", "retry_at", "last_failure"]
    list_filter: ClassVar = ["opened_at"]
    search_fields: ClassVar = ["=id", "=account__id", "account__merchant"]
