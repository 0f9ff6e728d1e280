"""ACH files, their entries and what the bank said of them, under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import access
from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from coverpay.kernel import clock
from payments.ach import files, news, queries, receiving, reversals
from payments.models import AchEntry, AchFile, AchNews


class AchFileShown(Shown):
    account = serializers.CharField(source="account_id", read_only=True)

    class Meta:
        model = AchFile
        fields: ClassVar = [
            "id", "account", "direction", "kind", "name", "file_date", "modifier", "content_hash", "entry_count",
            "debit_minor", "credit_minor", "state", "result", "created_at", "sent_at",
        ]  # fmt: skip


class AchFileContent(serializers.Serializer[Any]):
    name = serializers.CharField()
    content = serializers.CharField(help_text="The file as it goes to the bank, account numbers and all.")


class NewAchFile(Asked):
    account = serializers.CharField(max_length=40)


class Rejected(Asked):
    reason = serializers.CharField(max_length=300, help_text="As the bank gave it.")


class AchFiles(Rows):
    """Files sent to the bank, and files of returns and changes that came from it."""

    queryset = AchFile.objects.defer("content_sealed")
    serializer_class = AchFileShown
    filterset_fields: ClassVar = ["account", "direction", "kind", "state", "file_date"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewAchFile)
    def create(self, asked: dict[str, Any]) -> AchFile:
        """Build the file of what is staged now; refused with `nothing_staged` when nothing is."""
        file = files.build_file(account_id=asked["account"], actor=self.actor)
        if file is None:
            raise files.NothingStaged("Nothing waits for the next file of this account.", field="account")
        return file

    @acts(gives=AchFileContent)
    def open(self, id: str, asked: dict[str, Any]) -> dict[str, str]:
        """Open the content to hand it to the bank; who did so is kept in the audit trail."""
        file, content = files.open_content(file_id=id, actor=self.actor)
        return {"name": f"{file.name}.ach", "content": content.decode("latin-1")}

    @acts()
    def mark_sent(self, id: str, asked: dict[str, Any]) -> AchFile:
        """Say that a built file went to the bank. Its entries settle on their day from now on."""
        return files.mark_sent(file_id=id, actor=self.actor)

    @acts()
    def mark_accepted(self, id: str, asked: dict[str, Any]) -> AchFile:
        """Say that the bank took a file."""
        return files.mark_accepted(file_id=id, actor=self.actor)

    @acts(Rejected)
    def mark_rejected(self, id: str, asked: dict[str, Any]) -> AchFile:
        """Say that the bank did not take a file: its entries moved no money, and their payments fail."""
        return files.mark_rejected(file_id=id, reason=asked["reason"], actor=self.actor)


class NewReceivedFile(Asked):
    account = serializers.CharField(max_length=40)
    file = serializers.FileField(max_length=200, allow_empty_file=True, help_text="As the bank sent it.")


class ReceivedAchFiles(Resource):
    """Files that come from the bank: returns, changes, acknowledgements."""

    queryset = AchFile.objects.none()
    serializer_class = AchFileShown
    parser_classes = (MultiPartParser,)
    writes = Permission.PAYMENTS_WRITE

    @creates(NewReceivedFile)
    def create(self, asked: dict[str, Any]) -> AchFile:
        """Take in a file. What is proved is applied once, all else becomes news in quarantine with its reasons."""
        upload = asked["file"]
        return receiving.receive(account_id=asked["account"], name=upload.name, content=upload.read(), actor=self.actor)


class AchEntryShown(Shown):
    account = serializers.CharField(source="account_id", read_only=True)
    payment_method = serializers.CharField(source="payment_method_id", read_only=True)
    file = serializers.CharField(source="file_id", read_only=True, allow_null=True)
    represents = serializers.CharField(source="represents_id", read_only=True, allow_null=True)
    reverses = serializers.CharField(source="reverses_id", read_only=True, allow_null=True)

    class Meta:
        model = AchEntry
        fields: ClassVar = [
            "id", "account", "reference", "purpose", "payment_method", "sec_code", "transaction_code", "amount_minor",
            "receiver_name", "description", "same_day", "effective_on", "settles_on", "trace_number", "file",
            "represents", "reverses", "return_code", "returned_on", "state", "created_at",
        ]  # fmt: skip


class Reversing(Asked):
    why = serializers.ChoiceField(choices=[(why.value, why.value) for why in reversals.Why])
    note = serializers.CharField(max_length=160, help_text="What happened.")


class AchEntries(Rows):
    """Debits, credits and prenotes, from staged to settled or returned."""

    queryset = AchEntry.objects.all()
    serializer_class = AchEntryShown
    filterset_fields: ClassVar = ["account", "file", "reference", "purpose", "state", "trace_number", "return_code"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @acts(Reversing)
    def reverse(self, id: str, asked: dict[str, Any]) -> AchEntry:
        """Send a settled debit back whole because it was a mistake. Gives the reversing entry."""
        return reversals.reverse(entry_id=id, why=asked["why"], note=asked["note"], actor=self.actor)


class AchNewsShown(Shown):
    file = serializers.CharField(source="file_id", read_only=True)
    entry = serializers.CharField(source="entry_id", read_only=True, allow_null=True)

    class Meta:
        model = AchNews
        fields: ClassVar = [
            "id", "file", "line", "column", "code", "entry", "detail", "reason", "state", "decided_reason",
        ]  # fmt: skip


class Deciding(Asked):
    reason = serializers.CharField(max_length=300)


class NewsOfAch(Rows):
    """What received files said, record by record: applied, or in quarantine with the reason."""

    queryset = AchNews.objects.defer("record_sealed")
    serializer_class = AchNewsShown
    filterset_fields: ClassVar = ["file", "entry", "code", "state"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @acts(Deciding)
    def decide(self, id: str, asked: dict[str, Any]) -> AchNews:
        """Say what was done about news in quarantine."""
        return news.decide(news_id=id, reason=asked["reason"], actor=self.actor)


class ReturnRateShown(serializers.Serializer[Any]):
    account = serializers.CharField()
    rate = serializers.CharField(help_text="unauthorized, administrative or overall.")
    returned = serializers.IntegerField()
    debits = serializers.IntegerField(help_text="Debits that settled in the sixty days that end today.")
    percent = serializers.DecimalField(max_digits=9, decimal_places=2)
    threshold = serializers.DecimalField(max_digits=5, decimal_places=2)
    level = serializers.CharField(help_text="ok, near (above 80% of the threshold) or exceeded.")
    citation = serializers.CharField()


class ReturnRates(Resource):
    """How many debits come back, beside what the ACH rules tolerate."""

    queryset = AchEntry.objects.none()
    serializer_class = ReturnRateShown
    reads = Permission.PAYMENTS_READ
    pagination_class = None

    @extend_schema(responses={200: ReturnRateShown(many=True)}, filters=False)
    def list(self, request: Request) -> Response:
        """The three rates of every account that sends files."""
        access.require(self.actor, Permission.PAYMENTS_READ)
        found = [
            {"account": account.id, "rate": rate.bucket, **_shown(rate)}
            for account in queries.accounts(self.actor)
            for rate in queries.return_rates(account, clock.today())
        ]
        return self.answer(found, many=True)


def _shown(rate: Any) -> dict[str, Any]:
    return {name: getattr(rate, name) for name in ("returned", "debits", "percent", "threshold", "level", "citation")}


routes = [
    ("ach-files", AchFiles),
    ("received-ach-files", ReceivedAchFiles),
    ("ach-entries", AchEntries),
    ("ach-news", NewsOfAch),
    ("ach-return-rates", ReturnRates),
]
