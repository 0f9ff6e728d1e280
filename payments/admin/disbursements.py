"""Disbursements, check runs and screenings in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.models import Screening
from compliance.scoped_admin import ScopedReadOnly, money
from payments.models import CheckRun, Disbursement


@admin.register(Disbursement)
class DisbursementAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id", "policy", "payee_name", "method", "state", money("amount_minor"), "check_number", "due_on", "issued_on",
        "cleared_on",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "method", "kind", "created_at"]
    search_fields: ClassVar = ["=id", "policy__number", "payee_name", "=check_number"]


@admin.register(CheckRun)
class CheckRunAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "bank_account", "issued_on", "first_number", "last_number", "count", "total_minor"]
    list_filter: ClassVar = ["issued_on"]
    search_fields: ClassVar = ["=id"]


@admin.register(Screening)
class ScreeningAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "name", "state", "subject_id", "screened_at", "decided_at"]
    list_filter: ClassVar = ["state", "screened_at"]
    search_fields: ClassVar = ["=id", "name", "=subject_id"]
