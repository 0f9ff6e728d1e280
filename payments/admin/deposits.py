"""Deposits and their items in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import Part, ScopedReadOnly, money
from payments.models import Deposit, DepositItem


class DepositItems(Part):
    model = DepositItem
    fields: ClassVar = [
        "position",
        money("amount_minor"),
        "check_number",
        "payor_name",
        "reference",
        "state",
        "why",
        "policy",
        "attempt",
    ]


@admin.register(Deposit)
class DepositAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "kind", "reference", "bank_account", money("amount_minor"), "received_on"]
    list_filter: ClassVar = ["kind", "received_on"]
    search_fields: ClassVar = ["=id", "reference"]
    inlines: ClassVar = [DepositItems]


@admin.register(DepositItem)
class DepositItemAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "deposit", money("amount_minor"), "reference", "state", "policy", "bounced_on"]
    list_filter: ClassVar = ["state", "bounced_on"]
    search_fields: ClassVar = ["=id", "=reference", "=check_number", "payor_name"]
