"""Statements of carriers and agencies beside our books, under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.parsers import MultiPartParser

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates
from payments import sources
from payments.models import SourceItem, SourceKind, SourceLine, SourceMap, SourceStatement
from payments.source_files import SourceRow
from payments.sources import Stated

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE
MOST_LINES = 5_000


class SourceMapShown(Shown):
    counterparty = serializers.CharField(source="counterparty_id", read_only=True)

    class Meta:
        model = SourceMap
        fields: ClassVar = ["id", "kind", "counterparty", "number", "spec", "created_at"]


class NewSourceMap(Asked):
    kind = serializers.ChoiceField(choices=SourceKind.choices)
    counterparty = serializers.CharField(max_length=40, help_text="The carrier or agency.")
    spec = serializers.DictField(
        help_text="policy and amount, also item, reference, date: each a heading, or a number from 1. items: their "
        "words, each with ours. amount_is_negative, date_format, delimiter, decimal, thousands, encoding, headings, "
        "skip."
    )


class SourceMaps(Rows):
    """Which column of a carrier's or agency's CSV means what, by version."""

    queryset = SourceMap.objects.all()
    serializer_class = SourceMapShown
    filterset_fields: ClassVar = ["kind", "counterparty"]
    reads = READ
    writes = WRITE

    @creates(NewSourceMap)
    def create(self, asked: dict[str, Any]) -> SourceMap:
        """Publish a map; the same again gives the version that stands."""
        return sources.publish_map(
            kind=asked["kind"], counterparty_id=asked["counterparty"], spec=asked["spec"], actor=self.actor
        )


class SourceItemShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True, allow_null=True)
    difference_minor = serializers.IntegerField(read_only=True, help_text="Theirs less ours.")

    class Meta:
        model = SourceItem
        fields: ClassVar = [
            "id", "policy_mark", "policy", "item", "theirs_minor", "ours_minor", "difference_minor", "outcome",
        ]  # fmt: skip


class SourceStatementShown(Shown):
    counterparty = serializers.CharField(source="counterparty_id", read_only=True)
    map = serializers.CharField(source="map_id", read_only=True, allow_null=True)
    items = SourceItemShown(many=True, read_only=True)

    class Meta:
        model = SourceStatement
        fields: ClassVar = [
            "id", "kind", "counterparty", "reference", "from_on", "to_on", "currency", "total_minor", "remittances",
            "line_count", "content_sha256", "file_name", "map", "state", "withdrawn_reason", "items", "compared_at",
            "created_at",
        ]  # fmt: skip


class StatedAsked(Asked):
    kind = serializers.ChoiceField(choices=SourceKind.choices)
    counterparty = serializers.CharField(max_length=40, help_text="The carrier or agency.")
    reference = serializers.CharField(max_length=80, help_text="The other side's own number.")
    from_on = serializers.DateField()
    to_on = serializers.DateField(help_text="The last day.")
    total_minor = serializers.IntegerField(help_text="As the other side states it; the lines must come to it.")
    currency = serializers.CharField(required=False, max_length=3)
    remittances = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        help_text="References of our remittances that a carrier says it received.",
    )


class SourceLineAsked(Asked):
    policy = serializers.CharField(max_length=60)
    amount_minor = serializers.IntegerField()
    item = serializers.CharField(
        required=False, max_length=60, allow_blank=True, help_text="A component, or an invoice's number."
    )
    reference = serializers.CharField(required=False, max_length=120, allow_blank=True)
    dated_on = serializers.DateField(required=False)


class NewSourceStatement(StatedAsked):
    lines = SourceLineAsked(many=True, min_length=1, max_length=MOST_LINES)  # type: ignore[call-arg]


class NewSourceFile(StatedAsked):
    file = serializers.FileField(max_length=200, help_text="A CSV, read by the sender's last map.")


class SourceWithdrawn(Asked):
    reason = serializers.CharField(max_length=300)


class SourceStatements(Rows):
    """Carriers' remittance advice and agencies' payments, item by item beside our books; differences are breaks."""

    queryset = SourceStatement.objects.prefetch_related("items")
    serializer_class = SourceStatementShown
    filterset_fields: ClassVar = ["kind", "counterparty", "state", "reference"]
    reads = READ
    writes = WRITE

    @creates(NewSourceStatement)
    def create(self, asked: dict[str, Any]) -> SourceStatement:
        """Take in a statement line by line and compare it; the same again changes nothing."""
        rows = [
            SourceRow(
                line=number,
                policy=line["policy"],
                amount_minor=line["amount_minor"],
                item=line.get("item", ""),
                reference=line.get("reference", ""),
                dated_on=line.get("dated_on"),
            )
            for number, line in enumerate(asked["lines"], start=1)
        ]
        return sources.record(stated=stated_of(asked), rows=rows, actor=self.actor)

    @acts()
    def compare(self, id: str, asked: dict[str, Any]) -> SourceStatement:
        """Hold it against the books as they are now."""
        return sources.compare_again(statement_id=id, actor=self.actor)

    @acts(SourceWithdrawn)
    def withdraw(self, id: str, asked: dict[str, Any]) -> SourceStatement:
        """Take back a statement that was not the right one; its breaks close."""
        return sources.withdraw(statement_id=id, reason=asked["reason"], actor=self.actor)


class SourceFiles(Rows):
    """Statements of carriers and agencies as CSV files."""

    queryset = SourceStatement.objects.exclude(file_name="").prefetch_related("items")
    serializer_class = SourceStatementShown
    filterset_fields: ClassVar = ["kind", "counterparty", "state"]
    parser_classes = (MultiPartParser,)
    reads = READ
    writes = WRITE

    @creates(NewSourceFile)
    def create(self, asked: dict[str, Any]) -> SourceStatement:
        """Take in a file by the sender's last map and compare it; the same content again changes nothing."""
        file = asked["file"]
        return sources.import_file(stated=stated_of(asked), content=file.read(), file_name=file.name, actor=self.actor)


class SourceLineShown(Shown):
    statement = serializers.CharField(source="statement_id", read_only=True)

    class Meta:
        model = SourceLine
        fields: ClassVar = [
            "id", "statement", "position", "policy_mark", "item", "amount_minor", "reference", "dated_on",
        ]  # fmt: skip


class SourceLines(Rows):
    """What carriers and agencies wrote, line by line."""

    queryset = SourceLine.objects.all()
    serializer_class = SourceLineShown
    filterset_fields: ClassVar = ["statement", "policy_mark"]
    reads = READ


def stated_of(asked: dict[str, Any]) -> Stated:
    """What the other side says of its statement as a whole."""
    return Stated(
        kind=asked["kind"],
        counterparty_id=asked["counterparty"],
        reference=asked["reference"],
        from_on=asked["from_on"],
        to_on=asked["to_on"],
        total_minor=asked["total_minor"],
        currency=asked.get("currency", "USD"),
        remittances=tuple(asked.get("remittances", ())),
    )


routes = [
    ("source-maps", SourceMaps),
    ("source-statements", SourceStatements),
    ("source-files", SourceFiles),
    ("source-lines", SourceLines),
]
