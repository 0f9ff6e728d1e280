"""Recovery, messages and opt-outs in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly, money
from payments.models import Message, OptOut, RecoveryCase, RecoveryPlan, RecoveryStep


@admin.register(RecoveryPlan)
class RecoveryPlanAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "program", "number", "effective_from", "created_at"]
    list_filter: ClassVar = ["effective_from"]
    search_fields: ClassVar = ["=id", "program__code"]


@admin.register(RecoveryCase)
class RecoveryCaseAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id", "policy", "invoice", "code", "failure_class", "state", money("amount_minor"), "retries", "opened_at",
        "ended_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "failure_class", "gateway", "opened_at"]
    search_fields: ClassVar = ["=id", "policy__number", "invoice__number", "=code"]


@admin.register(RecoveryStep)
class RecoveryStepAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "case", "number", "kind", "due_at", "state", "result", "done_at"]
    list_filter: ClassVar = ["kind", "state", "due_at"]
    search_fields: ClassVar = ["=id", "=case__id"]


@admin.register(Message)
class MessageAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "template", "to", "subject", "state", "result", "tries", "created_at", "sent_at"]
    list_filter: ClassVar = ["template", "state", "created_at"]
    search_fields: ClassVar = ["=id", "to", "policy__number"]
    exclude: ClassVar = ["body"]


@admin.register(OptOut)
class OptOutAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "address", "kind", "asked_at", "ended_at"]
    list_filter: ClassVar = ["kind", "asked_at"]
    search_fields: ClassVar = ["=id", "address"]
