"""Matching and matches, under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import prefetch_related_objects
from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from reconciliation import matches
from reconciliation.api.breaks import BreakRowShown, Reason
from reconciliation.matches import MatchingRun
from reconciliation.models import Match, MatchBankLine, MatchBookLine

SIDES = ("bank_lines__statement_line", "book_lines__ledger_line")


class MatchBankLineShown(Shown):
    statement_line = serializers.CharField(source="statement_line_id", read_only=True)
    amount_minor = serializers.IntegerField(source="statement_line.amount_minor", read_only=True)

    class Meta:
        model = MatchBankLine
        fields: ClassVar = ["statement_line", "amount_minor"]


class MatchBookLineShown(Shown):
    ledger_line = serializers.IntegerField(source="ledger_line_id", read_only=True)
    ledger_entry = serializers.CharField(source="ledger_line.entry_id", read_only=True)
    amount_minor = serializers.IntegerField(source="ledger_line.amount_minor", read_only=True)

    class Meta:
        model = MatchBookLine
        fields: ClassVar = ["ledger_line", "ledger_entry", "amount_minor"]


class MatchShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)
    bank_lines = MatchBankLineShown(many=True, read_only=True)
    book_lines = MatchBookLineShown(many=True, read_only=True)

    class Meta:
        model = Match
        fields: ClassVar = [
            "id",
            "bank_account",
            "bank_lines",
            "book_lines",
            "stage",
            "score",
            "reason",
            "inputs",
            "rule_version",
            "matched_at",
            "matched_by",
            "undone_at",
            "undone_reason",
            "undone_by",
        ]


class Matches(Rows):
    """Statement lines and ledger lines that are together the same money, each group with why."""

    queryset = Match.objects.prefetch_related(*SIDES)
    serializer_class = MatchShown
    filterset_fields: ClassVar = ["bank_account", "bank_lines__statement_line", "book_lines__ledger_line", "stage"]
    reads = Permission.RECONCILIATION_READ
    writes = Permission.RECONCILIATION_WRITE

    @acts(Reason)
    def undo(self, id: str, asked: dict[str, Any]) -> Match:
        """Take a match apart; the rules never match exactly these lines again."""
        return matches.undo(match_id=id, reason=asked["reason"], actor=self.actor)


class WantedRun(Asked):
    bank_account = serializers.CharField(max_length=40)


class MatchingRunShown(serializers.Serializer[Any]):
    bank_account = serializers.CharField(source="bank_account_id")
    rule_version = serializers.CharField()
    bank_line_count = serializers.IntegerField(help_text="Statement lines without a match before the run.")
    book_line_count = serializers.IntegerField(help_text="Ledger lines without a match before the run.")
    matched = MatchShown(many=True)
    opened = BreakRowShown(many=True)
    closed = BreakRowShown(many=True)


class MatchingRuns(Resource):
    """Matching of one bank account's statement lines with its books."""

    serializer_class = MatchingRunShown
    writes = Permission.RECONCILIATION_WRITE

    @creates(WantedRun)
    def create(self, asked: dict[str, Any]) -> MatchingRun:
        """Match what is open and bring the breaks up to date; repeated, it changes nothing."""
        run = matches.run_matching(bank_account_id=asked["bank_account"], actor=self.actor)
        prefetch_related_objects(run.matched, *SIDES)
        return run


routes = [("matching-runs", MatchingRuns), ("matches", Matches)]
