"""The finance admin of billing."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from billing.models import (
    Application,
    Installment,
    InstallmentItem,
    Invoice,
    InvoiceLine,
    PlanVersion,
    Receipt,
    Schedule,
)
from compliance.scoped_admin import Part, ScopedReadOnly, money


class InvoiceLines(Part):
    model = InvoiceLine
    fields: ClassVar = [
        "position",
        "description",
        money("amount_minor", currency="invoice__currency"),
        "payee_kind",
        "payee",
        "commission_ppm",
    ]


class Items(Part):
    model = InstallmentItem
    fields: ClassVar = [
        "component",
        money("amount_minor", currency="installment__schedule__currency"),
        "payee_kind",
        "payee",
        "commission_ppm",
    ]


class Installments(Part):
    model = Installment
    fk_name = "schedule"
    fields: ClassVar = ["sequence", "bill_on", "due_on", "invoice"]


class Applications(Part):
    model = Application
    fields: ClassVar = [
        "line",
        money("amount_minor", currency="receipt__currency"),
        money("commission_minor", currency="receipt__currency"),
        "applied_on",
        "reverses",
    ]


@admin.register(Invoice)
class InvoiceAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "number", "policy", "state", money("total_minor"), "issued_on", "due_on"]
    list_filter: ClassVar = ["state", "due_on", "issued_on"]
    search_fields: ClassVar = ["=id", "number", "policy__number"]
    inlines: ClassVar = [InvoiceLines]


@admin.register(Receipt)
class ReceiptAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "policy", money("amount_minor"), "received_on", "source_id"]
    list_filter: ClassVar = ["received_on"]
    search_fields: ClassVar = ["=id", "=source_id", "policy__number"]
    inlines: ClassVar = [Applications]


@admin.register(Schedule)
class ScheduleAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "policy", "plan_version", "created_at"]
    search_fields: ClassVar = ["=id", "policy__number"]
    inlines: ClassVar = [Installments]


@admin.register(Installment)
class InstallmentAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "policy", "sequence", "bill_on", "due_on", "invoice"]
    list_filter: ClassVar = ["bill_on", "due_on"]
    search_fields: ClassVar = ["=id", "policy__number"]
    inlines: ClassVar = [Items]


@admin.register(PlanVersion)
class PlanVersionAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "code", "number", "name", "effective_from"]
    search_fields: ClassVar = ["code", "name"]
