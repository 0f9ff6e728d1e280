"""Reports under /v1."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.permissions import Permission
from compliance.resources import Resource
from coverpay.reports import catalog
from coverpay.reports.tables import Report


class ColumnShown(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.CharField(help_text="text, money (minor units of the row's currency), day, number, reference.")


class ProofShown(serializers.Serializer[Any]):
    words = serializers.CharField()
    one_minor = serializers.IntegerField()
    other_minor = serializers.IntegerField()
    currency = serializers.CharField()
    ties = serializers.BooleanField()


class ReportShown(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    says = serializers.CharField()
    formula = serializers.CharField()
    columns = ColumnShown(many=True)
    rows = serializers.ListField(child=serializers.DictField())
    totals = serializers.ListField(child=serializers.DictField(), help_text="By currency.")
    proofs = ProofShown(many=True)
    cut = serializers.BooleanField(help_text="There are more rows than one answer holds; ask for a shorter period.")


class Reports(Resource):
    """Reports for finance, each with its totals, its proofs and how its figures come about."""

    serializer_class = ReportShown
    pagination_class = None
    reads = Permission.POLICIES_READ

    @extend_schema(
        parameters=[
            OpenApiParameter("report", OpenApiTypes.STR, required=True, enum=list(catalog.CATALOG)),
            OpenApiParameter("at", OpenApiTypes.DATE, description="The day of a balance."),
            OpenApiParameter("from_on", OpenApiTypes.DATE),
            OpenApiParameter("to_on", OpenApiTypes.DATE),
        ],
        responses={200: ReportShown},
        filters=False,
    )
    def list(self, request: Request) -> Response:
        asked = request.query_params.dict()
        report: Report = catalog.make(asked.get("report", "trial-balance"), self.actor, asked)
        return self.answer(report)


routes = [("reports", Reports)]
