"""The ledger under /v1: read only. Entries are made by what happens, never by hand."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import access
from compliance.permissions import Permission
from compliance.resources import Resource, Rows, Shown, day_asked
from reconciliation.ledger import balances
from reconciliation.ledger.models import Book, Entry, Line


class EntryLineShown(Shown):
    account = serializers.CharField(source="account.code", read_only=True)
    owner = serializers.CharField(source="account.owner", read_only=True)
    fund = serializers.CharField(source="account.fund", read_only=True)

    class Meta:
        model = Line
        fields: ClassVar = ["account", "owner", "fund", "amount_minor", "currency", "reference"]


class EntryShown(Shown):
    reverses = serializers.CharField(source="reverses_id", read_only=True, allow_null=True)
    lines = EntryLineShown(many=True, read_only=True)

    class Meta:
        model = Entry
        fields: ClassVar = [
            "id",
            "posted_on",
            "kind",
            "source_id",
            "subject_id",
            "memo",
            "reverses",
            "lines",
            "created_at",
        ]


class Entries(Rows):
    """Ledger entries: debit positive, balanced per currency and fund."""

    queryset = Entry.objects.prefetch_related("lines__account")
    serializer_class = EntryShown
    filterset_fields: ClassVar = ["subject_id", "source_id", "kind"]
    reads = Permission.LEDGER_READ


class BalanceShown(serializers.Serializer[Any]):
    account_id = serializers.IntegerField()
    code = serializers.CharField()
    owner = serializers.CharField(allow_blank=True)
    type = serializers.CharField()
    fund = serializers.CharField()
    currency = serializers.CharField()
    balance_minor = serializers.IntegerField(help_text="Debit positive.")


class TrialBalance(Resource):
    """Every account of the organization's books at the end of a day."""

    serializer_class = BalanceShown
    pagination_class = None
    reads = Permission.LEDGER_READ

    @extend_schema(
        parameters=[OpenApiParameter("at", OpenApiTypes.DATE, description="The day; everything when left out.")],
        responses={200: BalanceShown(many=True)},
        filters=False,
    )
    def list(self, request: Request) -> Response:
        book = access.visible(self.actor, Book.objects.all()).first()
        at = day_asked(request.query_params, "at")
        return self.answer(balances.trial_balance(book.id, at) if book else [], many=True)


routes = [
    ("ledger-entries", Entries),
    ("trial-balance", TrialBalance),
]
