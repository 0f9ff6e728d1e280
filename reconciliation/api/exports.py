"""Account mappings, export batches and their tie-out, under /v1."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import access
from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates, day_asked
from reconciliation import exports
from reconciliation.export.formats import FORMATS
from reconciliation.models import AccountMapping, ExportBatch


class AccountMappingShown(Shown):
    class Meta:
        model = AccountMapping
        fields: ClassVar = ["id", "system", "number", "effective_from", "spec", "created_at"]


class NewAccountMapping(Asked):
    system = serializers.SlugField(max_length=40, help_text="Your name of the accounting system, such as quickbooks.")
    spec = serializers.DictField(help_text="accounts: code, or code:owner, to number, name and dimensions.")
    effective_from = serializers.DateField()


class AccountMappings(Rows):
    """Which account of an accounting system takes what of the ledger, by version."""

    queryset = AccountMapping.objects.all()
    serializer_class = AccountMappingShown
    filterset_fields: ClassVar = ["system"]
    reads = Permission.LEDGER_READ
    writes = Permission.RECONCILIATION_WRITE

    @creates(NewAccountMapping)
    def create(self, asked: dict[str, Any]) -> AccountMapping:
        """Publish a mapping from a day on; the same again gives the version that stands."""
        return exports.publish_mapping(**asked, actor=self.actor)


class ExportBatchShown(Shown):
    mapping = serializers.CharField(source="mapping_id", read_only=True)

    class Meta:
        model = ExportBatch
        fields: ClassVar = [
            "id", "mapping", "system", "format", "summary", "from_on", "to_on", "currency", "state", "entry_count",
            "line_count", "debit_minor", "files", "content_hash", "external_reference", "decided_reason", "created_at",
            "decided_at",
        ]  # fmt: skip


class NewExportBatch(Asked):
    system = serializers.SlugField(max_length=40)
    format = serializers.ChoiceField(choices=list(FORMATS))
    from_on = serializers.DateField()
    to_on = serializers.DateField(help_text="The last day, by the accounting date.")
    summary = serializers.BooleanField(required=False, help_text="One journal a day instead of one an entry.")
    currency = serializers.CharField(required=False, max_length=3)


class Acknowledged(Asked):
    external_reference = serializers.CharField(
        required=False, max_length=120, help_text="What the accounting system made of it."
    )


class Withdrawn(Asked):
    reason = serializers.CharField(max_length=300)


class ExportBatches(Rows):
    """Entries handed to an accounting system together, each once; asked for again, a batch is the very same."""

    queryset = ExportBatch.objects.all()
    serializer_class = ExportBatchShown
    filterset_fields: ClassVar = ["system", "state", "format"]
    reads = Permission.LEDGER_READ
    writes = Permission.RECONCILIATION_WRITE

    @creates(NewExportBatch)
    def create(self, asked: dict[str, Any]) -> ExportBatch:
        """Make a batch of every entry of a period that no standing batch of the system holds."""
        return exports.build(**asked, actor=self.actor)

    @acts(Acknowledged)
    def acknowledge(self, id: str, asked: dict[str, Any]) -> ExportBatch:
        """Note that the accounting system has it."""
        reference = asked.get("external_reference", "")
        return exports.acknowledge(batch_id=id, external_reference=reference, actor=self.actor)

    @acts(Withdrawn)
    def withdraw(self, id: str, asked: dict[str, Any]) -> ExportBatch:
        """Take back a batch that was not taken in; its entries go with the next one."""
        return exports.withdraw(batch_id=id, reason=asked["reason"], actor=self.actor)


class TiedShown(serializers.Serializer[Any]):
    code = serializers.CharField()
    owner = serializers.CharField(allow_blank=True)
    currency = serializers.CharField()
    ledger_minor = serializers.IntegerField(help_text="What the ledger moved in the period, debit positive.")
    exported_minor = serializers.IntegerField(help_text="What standing batches hold of it.")
    waiting_minor = serializers.IntegerField(help_text="The difference: what the next batch takes.")


class TieOut(Resource):
    """Ledger against export, account by account."""

    serializer_class = TiedShown
    pagination_class = None
    reads = Permission.LEDGER_READ

    @extend_schema(
        parameters=[
            OpenApiParameter("system", OpenApiTypes.STR, required=True),
            OpenApiParameter("from_on", OpenApiTypes.DATE, description="Everything when left out."),
            OpenApiParameter("to_on", OpenApiTypes.DATE),
        ],
        responses={200: TiedShown(many=True)},
        filters=False,
    )
    def list(self, request: Request) -> Response:
        asked = request.query_params
        rows = exports.tie_out(
            access.organization_of(self.actor),
            asked.get("system", ""),
            day_asked(asked, "from_on") or dt.date.min,
            day_asked(asked, "to_on") or dt.date.max,
        )
        return self.answer(rows, many=True)


routes = [
    ("account-mappings", AccountMappings),
    ("export-batches", ExportBatches),
    ("export-tie-out", TieOut),
]
