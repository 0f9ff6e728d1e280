"""Payment methods, mandates, validations and scheduled payments in the finance admin; no number and no token."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import Part, ScopedReadOnly, money
from payments.models import AccountValidation, Mandate, PaymentMethod, ScheduledPayment


class Mandates(Part):
    model = Mandate
    fields: ClassVar = ["policy", "given", "sec_code", "recurring", "given_at", "revoked_at"]


class Validations(Part):
    model = AccountValidation
    fields: ClassVar = ["kind", "state", "tries", "result", "created_at", "decided_at"]


@admin.register(PaymentMethod)
class PaymentMethodAdmin(ScopedReadOnly):
    hides = frozenset({"account_sealed", "fingerprint", "network_transaction_id"})
    list_display: ClassVar = ["id", "party", "kind", "brand", "last4", "state", "is_default", "created_at"]
    list_filter: ClassVar = ["kind", "state", "holder", "created_at"]
    search_fields: ClassVar = ["=id", "party__name", "=last4"]
    inlines: ClassVar = [Mandates, Validations]


@admin.register(Mandate)
class MandateAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "payment_method", "policy", "given", "sec_code", "given_at", "revoked_at"]
    list_filter: ClassVar = ["given", "sec_code", "given_at", "revoked_at"]
    search_fields: ClassVar = ["=id", "=payment_method__id", "policy__number"]


@admin.register(AccountValidation)
class AccountValidationAdmin(ScopedReadOnly):
    hides = frozenset({"amounts_sealed"})
    list_display: ClassVar = ["id", "payment_method", "kind", "state", "tries", "ready_at", "decided_at"]
    list_filter: ClassVar = ["kind", "state", "created_at"]
    search_fields: ClassVar = ["=id", "=payment_method__id"]


@admin.register(ScheduledPayment)
class ScheduledPaymentAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "policy", "invoice", money("amount_minor"), "collect_on", "state", "payment"]
    list_filter: ClassVar = ["state", "collect_on"]
    search_fields: ClassVar = ["=id", "policy__number", "invoice__number"]
