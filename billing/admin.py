"""The finance admin of billing."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from billing.models import (
    AccountBill,
    Application,
    BillingAccount,
    BillingRun,
    Delinquency,
    DelinquencyPlanVersion,
    DelinquencyStep,
    Installment,
    InstallmentItem,
    Invoice,
    InvoiceLine,
    Notice,
    NoticeMailing,
    PayorShare,
    PlanVersion,
    Receipt,
    ReturnPremium,
    RunFailure,
    Schedule,
    SuspenseItem,
    TrustMovement,
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


class Shares(Part):
    model = PayorShare
    fields: ClassVar = ["policy", "share_ppm", "created_at", "ended_at"]


class Mailings(Part):
    model = NoticeMailing
    fields: ClassVar = ["recipient", "method", "mailed_on", "proof_reference"]


class Failures(Part):
    model = RunFailure
    fields: ClassVar = ["step", "object_id", "code", "message"]


class Steps(Part):
    model = DelinquencyStep
    fields: ClassVar = ["position", "action", "done_on", "facts"]


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


@admin.register(BillingAccount)
class BillingAccountAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "number", "payor", "mode", "due_day", "currency", "created_at"]
    list_filter: ClassVar = ["mode", "created_at"]
    search_fields: ClassVar = ["=id", "number", "payor__name"]
    inlines: ClassVar = [Shares]


@admin.register(PayorShare)
class PayorShareAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "policy", "account", "share_ppm", "created_at", "ended_at"]
    list_filter: ClassVar = ["created_at", "ended_at"]
    search_fields: ClassVar = ["=id", "policy__number", "account__number"]


@admin.register(AccountBill)
class AccountBillAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "number", "account", "currency", "issued_on", "due_on"]
    list_filter: ClassVar = ["issued_on", "due_on"]
    search_fields: ClassVar = ["=id", "number", "account__number"]


@admin.register(SuspenseItem)
class SuspenseItemAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id",
        "why",
        "state",
        money("amount_minor"),
        "payor_name",
        "policy_reference",
        "received_on",
        "receipt",
    ]
    list_filter: ClassVar = ["state", "why", "received_on"]
    search_fields: ClassVar = ["=id", "=source_id", "payor_name", "policy_reference"]


@admin.register(ReturnPremium)
class ReturnPremiumAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id",
        "policy",
        money("credited_minor"),
        money("refundable_minor"),
        "arose_on",
        "due_on",
        "needs_decision",
    ]
    list_filter: ClassVar = ["arose_on", "due_on"]
    search_fields: ClassVar = ["=id", "=transaction_id", "policy__number"]


@admin.register(Delinquency)
class DelinquencyAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id",
        "policy",
        "state",
        money("past_due_minor"),
        "entered_on",
        "next_on",
        "held_until",
        "ended_on",
    ]
    list_filter: ClassVar = ["state", "entered_on", "next_on", "ended_on"]
    search_fields: ClassVar = ["=id", "policy__number"]
    inlines: ClassVar = [Steps]


@admin.register(DelinquencyPlanVersion)
class DelinquencyPlanVersionAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "code", "number", "effective_from", "created_at"]
    list_filter: ClassVar = ["effective_from"]
    search_fields: ClassVar = ["=id", "code"]


@admin.register(Notice)
class NoticeAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id",
        "policy",
        "kind",
        "state",
        money("demanded_minor"),
        "prepared_on",
        "mail_by",
        "cancel_on",
    ]
    list_filter: ClassVar = ["kind", "state", "prepared_on", "mail_by", "cancel_on"]
    search_fields: ClassVar = ["=id", "policy__number"]
    inlines: ClassVar = [Mailings]


@admin.register(BillingRun)
class BillingRunAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "run_on", "state", "started_at", "finished_at"]
    list_filter: ClassVar = ["state", "run_on"]
    search_fields: ClassVar = ["=id"]
    inlines: ClassVar = [Failures]


@admin.register(TrustMovement)
class TrustMovementAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id", "kind", "code", "owner", "bank_account", money("amount_minor"), "reference", "state", "moved_on",
    ]  # fmt: skip
    list_filter: ClassVar = ["kind", "state", "moved_on"]
    search_fields: ClassVar = ["=id", "=reference", "=owner"]
