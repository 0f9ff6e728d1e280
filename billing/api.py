"""Plans, schedules, invoices and receipts under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from billing import account_api, documents, invoices, past_due_api, plan_api, schedules
from billing.models import Invoice, InvoiceLine, PlanVersion, Receipt, Schedule
from billing.plan_api import ScheduleShown
from billing.queries import lines_of
from compliance import access, explanations
from compliance.models import Explanation
from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, creates, shows
from policies.api import WhyShown


class PlanShown(Shown):
    class Meta:
        model = PlanVersion
        fields: ClassVar = ["id", "code", "number", "name", "effective_from", "spec", "created_at"]


class NewPlan(Asked):
    code = serializers.SlugField(max_length=40)
    name = serializers.CharField(max_length=120)
    spec = serializers.JSONField(help_text="down_payment, installments or cadence, due_day, fees, rounding and so on.")
    effective_from = serializers.DateField()


class Plans(Rows):
    """Payment plans: every version."""

    queryset = PlanVersion.objects.all()
    serializer_class = PlanShown
    filterset_fields: ClassVar = ["code"]
    reads = Permission.BILLING_READ
    writes = Permission.BILLING_WRITE

    @creates(NewPlan)
    def create(self, asked: dict[str, Any]) -> PlanVersion:
        """Publish the next version of a plan; versions in use never change."""
        return schedules.publish_plan(**asked, actor=self.actor)


class Schedules(Rows):
    """The installments of bound policies."""

    queryset = Schedule.objects.prefetch_related("installments__items")
    serializer_class = ScheduleShown
    filterset_fields: ClassVar = ["policy"]
    reads = Permission.BILLING_READ


class LineShown(Shown):
    class Meta:
        model = InvoiceLine
        fields: ClassVar = ["id", "position", "component", "description", "amount_minor", "payee_kind", "payee"]


class InvoiceShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    open_minor = serializers.SerializerMethodField(help_text="What cash does not cover yet.")
    lines = LineShown(many=True, read_only=True)

    class Meta:
        model = Invoice
        fields: ClassVar = [
            "id",
            "policy",
            "number",
            "currency",
            "total_minor",
            "open_minor",
            "issued_on",
            "due_on",
            "state",
            "lines",
            "created_at",
        ]

    def get_open_minor(self, invoice: Invoice) -> int:
        return invoices.open_minor(invoice)


class NewInvoice(Asked):
    policy = serializers.CharField(max_length=40)
    through = serializers.DateField(required=False, help_text="The last bill date to take; today when left out.")


class Invoices(Rows):
    """Invoices with their lines by component."""

    queryset = Invoice.objects.prefetch_related("lines__applications")
    serializer_class = InvoiceShown
    filterset_fields: ClassVar = ["policy", "state", "number"]
    reads = Permission.BILLING_READ
    writes = Permission.BILLING_WRITE

    @creates(NewInvoice)
    def create(self, asked: dict[str, Any]) -> Invoice:
        """Bill the installments of a policy whose bill date is here."""
        return invoices.issue(policy_id=asked["policy"], through=asked.get("through"), actor=self.actor)

    @shows(WhyShown, many=True)
    def why(self, id: str) -> list[Explanation]:
        """Why each figure is what it is: the total, how each line was split, and the charge it came from."""
        invoice = self.get_object()
        assert isinstance(invoice, Invoice)
        reasons = [*explanations.of(invoice.id), *(reason for line in lines_of(invoice) for reason in line.reasons)]
        return list({reason.id: reason for reason in reasons}.values())

    @account_api.prints
    def pdf(self, request: Request, id: str) -> HttpResponse:
        """The invoice as a document, with how each figure came about."""
        invoice = access.get(self.actor, Invoice.objects.all(), id)
        return account_api.pdf_answer(documents.invoice_pdf(invoice), invoice.number)


class ReceiptShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    applications = serializers.SerializerMethodField(help_text="What it was applied to; negative: taken back.")

    class Meta:
        model = Receipt
        fields: ClassVar = ["id", "policy", "source_id", "amount_minor", "currency", "received_on", "applications"]

    def get_applications(self, receipt: Receipt) -> list[dict[str, Any]]:
        return [
            {
                "id": application.id,
                "line": application.line_id,
                "amount_minor": application.amount_minor,
                "commission_minor": application.commission_minor,
                "reverses": application.reverses_id,
            }
            for application in receipt.applications.all()
        ]


class Receipts(Rows):
    """Money received, and what it was applied to."""

    queryset = Receipt.objects.prefetch_related("applications")
    serializer_class = ReceiptShown
    filterset_fields: ClassVar = ["policy", "source_id"]
    reads = Permission.BILLING_READ


routes = [
    *plan_api.routes,
    ("plans", Plans),
    ("schedules", Schedules),
    ("invoices", Invoices),
    ("receipts", Receipts),
    *account_api.routes,
    *past_due_api.routes,
]
