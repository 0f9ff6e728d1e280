"""Closed periods under /v1."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import access
from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates, day_asked
from coverpay.kernel import clock
from coverpay.kernel.errors import NotFound
from reconciliation import checklists, closes
from reconciliation.ledger.models import Book
from reconciliation.models import Close


class CloseShown(Shown):
    book = serializers.CharField(source="book_id", read_only=True)
    permit = serializers.CharField(source="permit_id", read_only=True)

    class Meta:
        model = Close
        fields: ClassVar = [
            "id", "book", "from_on", "to_on", "state", "checklist", "accepted_reason", "trial_balance", "hash",
            "hash_before", "closed_by", "closed_at", "permit", "reopened_at", "reopened_reason",
        ]  # fmt: skip


class NewClose(Asked):
    to_on = serializers.DateField(help_text="The last day of the period; it must be over.")
    accepted_reason = serializers.CharField(
        required=False, max_length=300, help_text="Why items that may stay open are accepted."
    )


class Reopened(Asked):
    reason = serializers.CharField(max_length=300)


class Closes(Rows):
    """Periods that are over: checklist, trial balance and a hash chained to the close before."""

    queryset = Close.objects.all()
    serializer_class = CloseShown
    filterset_fields: ClassVar = ["state", "to_on"]
    reads = Permission.LEDGER_READ
    writes = Permission.RECONCILIATION_WRITE

    @creates(NewClose)
    def create(self, asked: dict[str, Any]) -> Close:
        """Close the organization's book through a day."""
        return closes.close(
            book_id=_book(self).id,
            to_on=asked["to_on"],
            accepted_reason=asked.get("accepted_reason", ""),
            actor=self.actor,
        )

    @acts(Reopened)
    def reopen(self, id: str, asked: dict[str, Any]) -> Close:
        """Open the last closed period again; another person's permit for `book.reopen` on it is used."""
        return closes.reopen(close_id=id, reason=asked["reason"], actor=self.actor)


class ChecklistItemShown(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    count = serializers.IntegerField()
    amount_minor = serializers.IntegerField()
    must = serializers.BooleanField(help_text="It has to be clear before the period is closed.")


class Checklist(Resource):
    """What has to be clear, and what may stay open with a reason, at the end of a day."""

    serializer_class = ChecklistItemShown
    pagination_class = None
    reads = Permission.LEDGER_READ

    @extend_schema(
        parameters=[OpenApiParameter("as_of", OpenApiTypes.DATE, description="Yesterday when left out.")],
        responses={200: ChecklistItemShown(many=True)},
        filters=False,
    )
    def list(self, request: Request) -> Response:
        book = access.visible(self.actor, Book.objects.all()).first()
        day = day_asked(request.query_params, "as_of") or clock.today() - dt.timedelta(days=1)
        return self.answer(checklists.items(book, day) if book else [], many=True)


def _book(view: Resource) -> Book:
    book = access.operable(view.actor, Book.objects.all()).first()
    if book is None:
        raise NotFound("The organization has no books yet.")
    return book


routes = [("closes", Closes), ("closing-checklist", Checklist)]
