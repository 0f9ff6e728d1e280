"""Nightly runs under /v1: what was done for a date, and what could not be."""

from __future__ import annotations

from typing import ClassVar

from billing.models import BillingRun, RunFailure
from compliance.permissions import Permission
from compliance.resources import Rows, Shown


class FailureShown(Shown):
    class Meta:
        model = RunFailure
        fields: ClassVar = ["step", "object_id", "code", "message", "created_at"]


class RunShown(Shown):
    failures = FailureShown(many=True, read_only=True)

    class Meta:
        model = BillingRun
        fields: ClassVar = ["id", "run_on", "state", "started_at", "finished_at", "progress", "failures"]


class Runs(Rows):
    """Nightly runs: one for each date, with the count of every step and what could not be done."""

    queryset = BillingRun.objects.prefetch_related("failures")
    serializer_class = RunShown
    filterset_fields: ClassVar = ["run_on", "state"]
    reads = Permission.BILLING_READ


routes = [("billing-runs", Runs)]
