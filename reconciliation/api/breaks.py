"""Breaks under /v1: who works on them, by when, what was said, and how they end."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import BooleanFilter, CharFilter, ChoiceFilter
from rest_framework import serializers

from compliance import access
from compliance.filters import PlainFilters
from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, shows
from reconciliation import break_lists, breaks
from reconciliation.models import Break, BreakComment


class BreakRowShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True, allow_null=True)
    owner = serializers.CharField(source="owner_id", read_only=True, allow_null=True)
    age_days = serializers.SerializerMethodField(help_text="Calendar days since it was opened.")
    overdue = serializers.SerializerMethodField()

    class Meta:
        model = Break
        fields: ClassVar = [
            "id",
            "bank_account",
            "kind",
            "subject_id",
            "difference_minor",
            "currency",
            "reason",
            "inputs",
            "state",
            "owner",
            "due_on",
            "age_days",
            "overdue",
            "opened_at",
            "closed_at",
            "closed_reason",
        ]

    def get_age_days(self, found: Break) -> int:
        return break_lists.age_days(found)

    def get_overdue(self, found: Break) -> bool:
        return break_lists.is_overdue(found)


class BreakCommentShown(Shown):
    author = serializers.CharField(source="author_id", read_only=True)

    class Meta:
        model = BreakComment
        fields: ClassVar = ["id", "text", "author", "author_label", "created_at"]


class BreakFilters(PlainFilters):
    """Narrow by whose it is (`nobody` for none's), by its age and by whether its day has passed."""

    owner = CharFilter(method="of_owner")
    age = ChoiceFilter(choices=[(age, age) for age in break_lists.AGES], method="of_age")
    overdue = BooleanFilter(method="by_overdue")

    class Meta:
        model = Break
        fields: ClassVar = ["bank_account", "kind", "state", "subject_id"]

    def of_owner(self, rows: QuerySet[Break], name: str, value: str) -> QuerySet[Break]:
        return break_lists.of_owner(rows, value)

    def of_age(self, rows: QuerySet[Break], name: str, value: str) -> QuerySet[Break]:
        return break_lists.of_age(rows, value)

    def by_overdue(self, rows: QuerySet[Break], name: str, value: bool) -> QuerySet[Break]:
        late = break_lists.overdue(rows)
        return late if value else rows.exclude(pk__in=late.values("pk"))


class Reason(Asked):
    reason = serializers.CharField(max_length=300)


class Assigned(Asked):
    owner = serializers.CharField(max_length=40, allow_null=True, help_text="A member's user id; null for nobody.")


class DueDay(Asked):
    due_on = serializers.DateField()
    reason = serializers.CharField(max_length=300)


class Comment(Asked):
    text = serializers.CharField(max_length=1000)


class Breaks(Rows):
    """What does not tie and waits for a person."""

    queryset = Break.objects.all()
    serializer_class = BreakRowShown
    filterset_class = BreakFilters
    reads = Permission.RECONCILIATION_READ
    writes = Permission.RECONCILIATION_WRITE

    @acts(Reason)
    def close(self, id: str, asked: dict[str, Any]) -> Break:
        """Close a break, saying what resolved it."""
        return breaks.close(break_id=id, reason=asked["reason"], actor=self.actor)

    @acts(Assigned)
    def assign(self, id: str, asked: dict[str, Any]) -> Break:
        """Say which member works on a break, or that nobody does."""
        return breaks.assign(break_id=id, owner_id=asked["owner"], actor=self.actor)

    @acts(DueDay)
    def set_due(self, id: str, asked: dict[str, Any]) -> Break:
        """Move the day by which a break should be settled, saying why."""
        return breaks.set_due(break_id=id, due_on=asked["due_on"], reason=asked["reason"], actor=self.actor)

    @acts(Comment, gives=BreakCommentShown)
    def comment(self, id: str, asked: dict[str, Any]) -> BreakComment:
        """Say something about a break; what was said stays as it is."""
        return breaks.comment(break_id=id, text=asked["text"], actor=self.actor)

    @shows(BreakCommentShown, many=True)
    def comments(self, id: str) -> QuerySet[BreakComment]:
        """What was said about a break, oldest first."""
        return access.get(self.actor, Break.objects.all(), id).comments.order_by("id")


routes = [("breaks", Breaks)]
