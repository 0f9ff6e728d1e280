"""Saved column maps of CSV statements, and announced movements, under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.parsers import JSONParser, MultiPartParser

from compliance import access
from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates
from reconciliation import announcements, column_maps
from reconciliation.models import Announcement, ColumnMap
from reconciliation.statements.csv_file import Given, Preview

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE


class ColumnMapShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)

    class Meta:
        model = ColumnMap
        fields: ClassVar = ["id", "bank_account", "name", "number", "spec", "created_at"]


class NewColumnMap(Asked):
    bank_account = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=80, help_text="Tells the maps of one account apart.")
    spec = serializers.DictField(
        help_text="date, and amount or debit and credit; also description (a list), reference, bank_reference, "
        "payer, balance: each a heading, or a number from 1. date_format, delimiter, decimal, thousands, encoding, "
        "headings, skip, newest_first, amount_is_out."
    )


class CsvAsked(Asked):
    file = serializers.FileField(max_length=200, allow_empty_file=True)
    opening_minor = serializers.IntegerField(required=False, help_text="Where the file has no balance column.")
    closing_minor = serializers.IntegerField(required=False)
    as_of = serializers.DateField(required=False, help_text="The statement's day; the last row's when left out.")


class PreviewLineShown(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    posted_on = serializers.DateField()
    amount_minor = serializers.IntegerField()
    bank_reference = serializers.CharField(allow_blank=True)
    customer_reference = serializers.CharField(allow_blank=True)
    payer = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)


class RefusedShown(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    column = serializers.IntegerField(help_text="The number of the cell.")
    code = serializers.CharField()
    message = serializers.CharField()


class CsvProofShown(serializers.Serializer[Any]):
    opening_minor = serializers.IntegerField()
    credits_minor = serializers.IntegerField()
    debits_minor = serializers.IntegerField()
    closing_minor = serializers.IntegerField()
    difference_minor = serializers.IntegerField()


class CsvPreviewShown(serializers.Serializer[Any]):
    as_of = serializers.DateField(allow_null=True)
    line_count = serializers.IntegerField()
    lines = PreviewLineShown(many=True, help_text="The first ones.")
    problems = RefusedShown(many=True, help_text="Of the whole file.")
    proof = CsvProofShown(allow_null=True, help_text="None where no balances are known.")


class ColumnMaps(Rows):
    """Which column of a bank's CSV files means what, by version."""

    queryset = ColumnMap.objects.all()
    serializer_class = ColumnMapShown
    filterset_fields: ClassVar = ["bank_account", "name"]
    parser_classes = (JSONParser, MultiPartParser)
    reads = READ
    writes = WRITE

    @creates(NewColumnMap)
    def create(self, asked: dict[str, Any]) -> ColumnMap:
        """Publish a map; the same again gives the version that stands."""
        return column_maps.publish(
            bank_account_id=asked["bank_account"], name=asked["name"], spec=asked["spec"], actor=self.actor
        )

    @acts(CsvAsked, CsvPreviewShown)
    def preview(self, id: str, asked: dict[str, Any]) -> Preview:
        """Show what the map makes of a file; nothing is written."""
        columns = access.get(self.actor, ColumnMap.objects.all(), id)
        return column_maps.preview(
            bank_account_id=columns.bank_account_id,
            spec=columns.spec,
            content=asked["file"].read(),
            given=given_of(asked),
            actor=self.actor,
        )


def given_of(asked: dict[str, Any]) -> Given:
    """The balances and the day as a person typed them."""
    return Given(asked.get("opening_minor"), asked.get("closing_minor"), asked.get("as_of"))


class AnnouncementShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)
    statement_import = serializers.CharField(source="source_id", read_only=True)
    statement_line = serializers.CharField(source="line_id", read_only=True, allow_null=True)

    class Meta:
        model = Announcement
        fields: ClassVar = [
            "id", "bank_account", "statement_import", "position", "posted_on", "value_on", "amount_minor", "currency",
            "type_code", "bank_reference", "customer_reference", "text", "is_booked", "state", "statement_line",
            "dismissed_reason", "created_at",
        ]  # fmt: skip


class Dismissed(Asked):
    reason = serializers.CharField(max_length=300)


class Announcements(Rows):
    """Movements that a notification (CAMT.054) told of; the statement line that brings one settles it."""

    queryset = Announcement.objects.all()
    serializer_class = AnnouncementShown
    filterset_fields: ClassVar = ["bank_account", "state", "bank_reference"]
    reads = READ
    writes = WRITE

    @acts(Dismissed)
    def dismiss(self, id: str, asked: dict[str, Any]) -> Announcement:
        """Say that it will not come."""
        return announcements.dismiss(announcement_id=id, reason=asked["reason"], actor=self.actor)


routes = [("column-maps", ColumnMaps), ("announcements", Announcements)]
