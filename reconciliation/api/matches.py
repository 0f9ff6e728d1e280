"""Matching, matches and suggestions, under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import prefetch_related_objects
from django_filters import CharFilter, NumberFilter
from rest_framework import serializers

from compliance.filters import PlainFilters
from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from reconciliation import matches, suggestions
from reconciliation.api.breaks import BreakRowShown, Reason
from reconciliation.matches import MatchingRun
from reconciliation.models import Match, MatchBankLine, MatchBookLine, MatchSuggestion

MOST = 1000
"""How many lines of one side a person may name at once."""
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


class ChosenLines(Asked):
    bank_lines = serializers.ListField(child=serializers.CharField(max_length=40), max_length=MOST)
    book_lines = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=MOST)
    reason = serializers.CharField(max_length=300)


class NewMatch(ChosenLines):
    bank_account = serializers.CharField(max_length=40)


class PartsShown(serializers.Serializer[Any]):
    taken_out = MatchShown()
    rest = MatchShown()


class MatchFilters(PlainFilters):
    """Narrow by a line of either side."""

    statement_line = CharFilter(field_name="bank_lines__statement_line")
    ledger_line = NumberFilter(field_name="book_lines__ledger_line")

    class Meta:
        model = Match
        fields: ClassVar = ["bank_account", "stage"]


class Matches(Rows):
    """Statement lines and ledger lines that are together the same money, each group with why."""

    queryset = Match.objects.prefetch_related(*SIDES)
    serializer_class = MatchShown
    filterset_class = MatchFilters
    reads = Permission.RECONCILIATION_READ
    writes = Permission.RECONCILIATION_WRITE

    @creates(NewMatch)
    def create(self, asked: dict[str, Any]) -> Match:
        """Match chosen lines by hand; both sides must come to the same amount."""
        return matches.confirm(
            bank_account_id=asked["bank_account"],
            bank_line_ids=asked["bank_lines"],
            book_line_ids=asked["book_lines"],
            reason=asked["reason"],
            actor=self.actor,
        )

    @acts(ChosenLines, PartsShown)
    def split(self, id: str, asked: dict[str, Any]) -> dict[str, Match]:
        """Part a match in two, the named lines and the rest; each part must tie."""
        taken_out, rest = matches.split(
            match_id=id,
            bank_line_ids=asked["bank_lines"],
            book_line_ids=asked["book_lines"],
            reason=asked["reason"],
            actor=self.actor,
        )
        return {"taken_out": taken_out, "rest": rest}

    @acts(Reason)
    def undo(self, id: str, asked: dict[str, Any]) -> Match:
        """Take a match apart; the rules never match exactly these lines again."""
        return matches.undo(match_id=id, reason=asked["reason"], actor=self.actor)


class MatchSuggestionShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)
    match = serializers.CharField(source="match_id", read_only=True, allow_null=True)

    class Meta:
        model = MatchSuggestion
        fields: ClassVar = [
            "id", "bank_account", "bank_lines", "book_lines", "difference_minor", "stage", "score", "reason", "inputs",
            "rule_version", "suggested_at", "state", "decided_at", "decided_by", "decided_reason", "match",
        ]  # fmt: skip


class MaybeReason(Asked):
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class Suggestions(Rows):
    """Groupings that a run found likely; the lines stay open until a person accepts."""

    queryset = MatchSuggestion.objects.all()
    serializer_class = MatchSuggestionShown
    filterset_fields: ClassVar = ["bank_account", "state", "stage"]
    reads = Permission.RECONCILIATION_READ
    writes = Permission.RECONCILIATION_WRITE

    @acts(MaybeReason, MatchShown)
    def accept(self, id: str, asked: dict[str, Any]) -> Match:
        """Match what was suggested; the difference must be zero."""
        return suggestions.accept(suggestion_id=id, reason=asked.get("reason", ""), actor=self.actor)

    @acts(Reason)
    def dismiss(self, id: str, asked: dict[str, Any]) -> MatchSuggestion:
        """Say no; exactly these lines are not suggested again."""
        return suggestions.dismiss(suggestion_id=id, reason=asked["reason"], actor=self.actor)


class WantedRun(Asked):
    bank_account = serializers.CharField(max_length=40)


class MatchingRunShown(serializers.Serializer[Any]):
    bank_account = serializers.CharField(source="bank_account_id")
    rule_version = serializers.CharField()
    bank_line_count = serializers.IntegerField(help_text="Statement lines without a match before the run.")
    book_line_count = serializers.IntegerField(help_text="Ledger lines without a match before the run.")
    matched = MatchShown(many=True)
    suggested = MatchSuggestionShown(many=True)
    lapsed = MatchSuggestionShown(many=True, help_text="Suggestions no longer found.")
    opened = BreakRowShown(many=True)
    closed = BreakRowShown(many=True)


class MatchingRuns(Resource):
    """Matching of one bank account's statement lines with its books."""

    serializer_class = MatchingRunShown
    writes = Permission.RECONCILIATION_WRITE

    @creates(WantedRun)
    def create(self, asked: dict[str, Any]) -> MatchingRun:
        """Match what is open and bring breaks and suggestions up to date; repeated, it changes nothing."""
        run = matches.run_matching(bank_account_id=asked["bank_account"], actor=self.actor)
        prefetch_related_objects(run.matched, *SIDES)
        return run


routes = [("matching-runs", MatchingRuns), ("matches", Matches), ("match-suggestions", Suggestions)]
