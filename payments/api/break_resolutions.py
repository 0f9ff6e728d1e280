"""Resolving breaks by a posting, under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, creates
from payments import break_resolutions
from payments.models import BreakResolution
from payments.resolution_previews import Preview, Wish


class BreakResolutionShown(Shown):
    about = serializers.CharField(source="about_id", read_only=True, help_text="The break.")
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)
    match = serializers.CharField(source="match_id", read_only=True)
    made = serializers.CharField(
        source="made_id", read_only=True, help_text="The trust movement, suspense item or deposit item that posted."
    )

    class Meta:
        model = BreakResolution
        fields: ClassVar = [
            "id", "about", "way", "bank_account", "amount_minor", "currency", "posted_on", "bears", "made", "match",
            "reason", "resolved_by", "created_at",
        ]  # fmt: skip


class NewBreakResolutionPreview(Asked):
    about = serializers.CharField(max_length=40, help_text="The break.")
    way = serializers.ChoiceField(choices=BreakResolution.Way.choices)
    deposit_item = serializers.CharField(required=False, max_length=40, help_text="For a returned item: which.")
    why = serializers.CharField(required=False, max_length=150, help_text="For a returned item: the bank's reason.")
    payor = serializers.CharField(required=False, max_length=200, help_text="For suspense: who seems to have paid.")
    policy_reference = serializers.CharField(required=False, max_length=80)
    memo = serializers.CharField(required=False, max_length=300)


class NewBreakResolution(NewBreakResolutionPreview):
    reason = serializers.CharField(max_length=300)


class LegShown(serializers.Serializer[Any]):
    code = serializers.CharField()
    title = serializers.CharField()
    owner = serializers.CharField(allow_blank=True)
    amount_minor = serializers.IntegerField(help_text="Debit positive.")


class ResolutionWhyShown(serializers.Serializer[Any]):
    formula = serializers.CharField()
    inputs = serializers.DictField()
    rule = serializers.CharField()
    citation = serializers.CharField(allow_blank=True)


class BreakResolutionPreviewShown(serializers.Serializer[Any]):
    way = serializers.CharField()
    currency = serializers.CharField()
    amount_minor = serializers.IntegerField(help_text="Signed: what it adds to the account in the books.")
    posted_on = serializers.DateField()
    bank_minor = serializers.IntegerField(help_text="What the bank's lines come to.")
    books_minor = serializers.IntegerField(help_text="What the books' lines come to, before.")
    legs = LegShown(many=True)
    why = ResolutionWhyShown()


class BreakResolutions(Rows):
    """Breaks that were resolved by a posting, which made their lines tie and match."""

    queryset = BreakResolution.objects.all()
    serializer_class = BreakResolutionShown
    filterset_fields: ClassVar = ["way", "bank_account", "about"]
    reads = Permission.RECONCILIATION_READ
    writes = Permission.RECONCILIATION_WRITE

    @creates(NewBreakResolution)
    def create(self, asked: dict[str, Any]) -> BreakResolution:
        """Post what a break lacks, match its lines and close it, all at once; needs leave to handle cash besides."""
        reason = asked.pop("reason")
        return break_resolutions.resolve(break_id=asked["about"], wish=_wish(asked), reason=reason, actor=self.actor)


class BreakResolutionPreviews(Resource):
    """What resolving a break would post."""

    serializer_class = BreakResolutionPreviewShown
    writes = Permission.RECONCILIATION_WRITE

    @creates(NewBreakResolutionPreview)
    def create(self, asked: dict[str, Any]) -> Preview:
        """Work out what a resolution would post and match, and why; nothing is written."""
        return break_resolutions.preview(break_id=asked["about"], wish=_wish(asked), actor=self.actor)


def _wish(asked: dict[str, Any]) -> Wish:
    said = {name: asked.get(name, "") for name in ("why", "payor", "policy_reference", "memo")}
    return Wish(asked["way"], deposit_item_id=asked.get("deposit_item", ""), **said)


routes = [
    ("break-resolutions/preview", BreakResolutionPreviews),
    ("break-resolutions", BreakResolutions),
]
