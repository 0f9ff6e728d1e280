"""The rules of matching, and what people taught it, under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from reconciliation import aliases, match_rules, queries
from reconciliation.api.breaks import Reason
from reconciliation.match_rules import Preview
from reconciliation.models import MatchRuleSet, PayorAlias

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE


class AliasShown(Shown):
    learnt_from = serializers.CharField(source="learnt_from_id", read_only=True)

    class Meta:
        model = PayorAlias
        fields: ClassVar = [
            "id", "normal_text", "bank_text", "party", "learnt_from", "learnt_by", "learnt_at", "times_seen",
            "last_seen_at", "ended_at", "ended_by", "ended_reason",
        ]  # fmt: skip


class Aliases(Rows):
    """How banks spell payors, learnt from matches that people confirmed."""

    queryset = PayorAlias.objects.all()
    serializer_class = AliasShown
    filterset_fields: ClassVar = ["normal_text", "party"]
    reads, writes = READ, WRITE

    @acts(Reason)
    def retire(self, id: str, asked: dict[str, Any]) -> PayorAlias:
        """Let matching use it no longer."""
        return aliases.retire(alias_id=id, reason=asked["reason"], actor=self.actor)


class RuleSetShown(Shown):
    class Meta:
        model = MatchRuleSet
        fields: ClassVar = [
            "id", "number", "version", "effective_from", "spec", "reason", "created_by", "created_at",
        ]  # fmt: skip


class NewRuleSet(Asked):
    spec = serializers.JSONField(help_text="What is left out stands as in the built-in rules.")
    effective_from = serializers.DateField()
    reason = serializers.CharField(max_length=300)


class RuleSets(Rows):
    """Versions of the rules of matching; the newest that has begun rules."""

    queryset = MatchRuleSet.objects.all()
    serializer_class = RuleSetShown
    filterset_fields: ClassVar = ["number", "effective_from"]
    reads, writes = READ, WRITE

    @creates(NewRuleSet)
    def create(self, asked: dict[str, Any]) -> MatchRuleSet:
        """Publish rules from a day on; matches made before stay as they are."""
        return match_rules.publish(**asked, actor=self.actor)


class WantedPreview(Asked):
    bank_account = serializers.CharField(max_length=40)
    spec = serializers.JSONField()


class GroupingShown(serializers.Serializer[Any]):
    bank_lines = serializers.ListField(source="bank_line_ids", child=serializers.CharField())
    book_lines = serializers.ListField(source="book_line_ids", child=serializers.CharField())
    stage = serializers.CharField()
    score = serializers.IntegerField()
    reason = serializers.CharField()


class PreviewShown(serializers.Serializer[Any]):
    version = serializers.CharField()
    version_now = serializers.CharField()
    bank_line_count = serializers.IntegerField()
    book_line_count = serializers.IntegerField()
    by_stage = serializers.DictField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="Matches by stage: with these rules, with those in force.",
    )
    by_break = serializers.DictField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="Breaks by kind: with these rules, with those in force.",
    )
    suggestions = serializers.ListField(child=serializers.IntegerField())
    gained = GroupingShown(many=True)
    lost = GroupingShown(many=True)


class RulePreviews(Resource):
    """What other rules would do with an account's open lines."""

    serializer_class = PreviewShown
    writes = READ

    @creates(WantedPreview)
    def create(self, asked: dict[str, Any]) -> Preview:
        """Run candidate rules beside those in force; nothing is written."""
        account = queries.account(self.actor, asked["bank_account"])
        return match_rules.preview(account, asked["spec"])


routes = [
    ("payor-aliases", Aliases),
    ("match-rules", RuleSets),
    ("match-rule-previews", RulePreviews),
]
