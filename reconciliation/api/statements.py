"""Bank statements and their lines, under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.parsers import MultiPartParser

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, creates
from reconciliation import imports, queries
from reconciliation.api.columns import given_of
from reconciliation.models import Statement, StatementImport, StatementLine


class StatementShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)

    class Meta:
        model = Statement
        fields: ClassVar = ["id", "bank_account", "as_of", "currency", "opening_minor", "closing_minor"]


class ProblemShown(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    column = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()


class StatementImportShown(Shown):
    problems = ProblemShown(many=True, read_only=True)
    statements = StatementShown(many=True, read_only=True)
    column_map = serializers.CharField(source="column_map_id", read_only=True, allow_null=True)

    class Meta:
        model = StatementImport
        fields: ClassVar = [
            "id",
            "file_name",
            "format",
            "column_map",
            "given",
            "content_sha256",
            "state",
            "problems",
            "line_count",
            "statements",
            "created_at",
        ]


class StatementFile(Asked):
    file = serializers.FileField(
        max_length=200,
        allow_empty_file=True,
        help_text="A bank's file: BAI2, CAMT.053 or .054, MT940, OFX, or a CSV with its column map.",
    )
    column_map = serializers.CharField(required=False, max_length=40, help_text="For a CSV: how it is read.")
    opening_minor = serializers.IntegerField(required=False, help_text="For a CSV without a balance column.")
    closing_minor = serializers.IntegerField(required=False)
    as_of = serializers.DateField(required=False, help_text="For a CSV: its day; the last row's when left out.")


class Statements(Rows):
    """Statement files: imported when they tie, else set aside with every reason."""

    queryset = queries.imports()
    serializer_class = StatementImportShown
    filterset_fields: ClassVar = ["state"]
    parser_classes = (MultiPartParser,)
    reads = Permission.RECONCILIATION_READ
    writes = Permission.RECONCILIATION_WRITE

    @creates(StatementFile)
    def create(self, asked: dict[str, Any]) -> StatementImport:
        """Import a file. The same content again gives the first import; a file that does not tie is quarantined."""
        file = asked["file"]
        if "column_map" in asked:
            return imports.import_csv(
                content=file.read(),
                file_name=file.name,
                column_map_id=asked["column_map"],
                given=given_of(asked),
                actor=self.actor,
            )
        return imports.import_statement(content=file.read(), file_name=file.name, actor=self.actor)


class StatementLineShown(Shown):
    statement = serializers.CharField(source="statement_id", read_only=True)

    class Meta:
        model = StatementLine
        fields: ClassVar = [
            "id",
            "statement",
            "position",
            "posted_on",
            "value_on",
            "amount_minor",
            "currency",
            "type_code",
            "bank_reference",
            "customer_reference",
            "payer",
            "text",
        ]


class StatementLines(Rows):
    """Movements at the bank; positive came in."""

    queryset = StatementLine.objects.all()
    serializer_class = StatementLineShown
    filterset_fields: ClassVar = [
        "statement",
        "statement__bank_account",
        "posted_on",
        "bank_reference",
        "customer_reference",
    ]
    reads = Permission.RECONCILIATION_READ


routes = [("statements", Statements), ("statement-lines", StatementLines)]
