"""Statement lines set aside, under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates
from reconciliation import matches
from reconciliation.api.breaks import Reason
from reconciliation.api.matches import MOST
from reconciliation.models import IgnoredLine


class IgnoredLineShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)
    statement_line = serializers.CharField(source="statement_line_id", read_only=True)
    amount_minor = serializers.IntegerField(source="statement_line.amount_minor", read_only=True)

    class Meta:
        model = IgnoredLine
        fields: ClassVar = [
            "id", "bank_account", "statement_line", "amount_minor", "reason", "ignored_by", "ignored_at", "ended_at",
            "ended_by", "ended_reason",
        ]  # fmt: skip


class NewIgnored(Asked):
    bank_account = serializers.CharField(max_length=40)
    bank_lines = serializers.ListField(child=serializers.CharField(max_length=40), min_length=1, max_length=MOST)
    reason = serializers.CharField(max_length=300)


class IgnoredTogether(serializers.Serializer[Any]):
    ignored = IgnoredLineShown(many=True)


class IgnoredLines(Rows):
    """Statement lines set aside with a reason; the balance proof goes on naming them."""

    queryset = IgnoredLine.objects.select_related("statement_line")
    serializer_class = IgnoredLineShown
    filterset_fields: ClassVar = ["bank_account", "statement_line"]
    reads = Permission.RECONCILIATION_READ
    writes = Permission.RECONCILIATION_WRITE

    @creates(NewIgnored, IgnoredTogether)
    def create(self, asked: dict[str, Any]) -> dict[str, list[IgnoredLine]]:
        """Set open statement lines aside that need no partner."""
        rows = matches.ignore(
            bank_account_id=asked["bank_account"],
            bank_line_ids=asked["bank_lines"],
            reason=asked["reason"],
            actor=self.actor,
        )
        return {"ignored": rows}

    @acts(Reason)
    def unignore(self, id: str, asked: dict[str, Any]) -> IgnoredLine:
        """Take a line up again; it is looked at anew at once."""
        return matches.unignore(ignored_id=id, reason=asked["reason"], actor=self.actor)


routes = [("ignored-lines", IgnoredLines)]
