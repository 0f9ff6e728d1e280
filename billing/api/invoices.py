"""Invoices under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from billing import documents, invoices, voids, write_offs
from billing.api.accounts import pdf_answer, prints
from billing.api.cash import Because
from billing.models import Invoice, InvoiceLine
from billing.queries import lines_of
from compliance import access, explanations
from compliance.models import Explanation
from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates, shows
from policies.api import WhyShown


class LineShown(Shown):
    class Meta:
        model = InvoiceLine
        fields: ClassVar = ["id", "position", "component", "description", "amount_minor", "payee_kind", "payee"]


class InvoiceShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    supersedes = serializers.CharField(source="supersedes_id", read_only=True, allow_null=True)
    open_minor = serializers.SerializerMethodField(help_text="What neither cash covers nor credits lower yet.")
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
            "supersedes",
            "reason",
            "lines",
            "created_at",
        ]

    def get_open_minor(self, invoice: Invoice) -> int:
        return invoices.open_minor(invoice)


class NewInvoice(Asked):
    policy = serializers.CharField(max_length=40)
    through = serializers.DateField(required=False, help_text="The last bill date to take; today when left out.")


class WaiveAsked(Because):
    line = serializers.CharField(max_length=40, help_text="A line with a fee of the plan.")


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

    @acts(Because)
    def void(self, id: str, asked: dict[str, Any]) -> Invoice:
        """Take an invoice back that should not have been sent; it is billed again with the next installment."""
        return voids.void(invoice_id=id, reason=asked["reason"], actor=self.actor)

    @acts(Because)
    def write_off(self, id: str, asked: dict[str, Any]) -> Invoice:
        """Give up what is open; above the plan's small balance someone else must have approved it."""
        return write_offs.write_off(invoice_id=id, reason=asked["reason"], actor=self.actor)

    @acts(Because)
    def take_back_write_off(self, id: str, asked: dict[str, Any]) -> Invoice:
        """Ask again for what was given up."""
        return write_offs.take_back(invoice_id=id, reason=asked["reason"], actor=self.actor)

    @acts(WaiveAsked)
    def waive(self, id: str, asked: dict[str, Any]) -> Invoice:
        """Let a fee of the plan go."""
        return write_offs.waive(invoice_id=id, line_id=asked["line"], reason=asked["reason"], actor=self.actor)

    @shows(WhyShown, many=True)
    def why(self, id: str) -> list[Explanation]:
        """Why each figure is what it is: the total, how each line was split, and the charge it came from."""
        invoice = self.get_object()
        assert isinstance(invoice, Invoice)
        reasons = [*explanations.of(invoice.id), *(reason for line in lines_of(invoice) for reason in line.reasons)]
        return list({reason.id: reason for reason in reasons}.values())

    @prints
    def pdf(self, request: Request, id: str) -> HttpResponse:
        """The invoice as a document, with how each figure came about."""
        invoice = access.get(self.actor, Invoice.objects.all(), id)
        return pdf_answer(documents.invoice_pdf(invoice), invoice.number)


routes = [("invoices", Invoices)]
