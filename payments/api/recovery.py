"""Recovery under /v1: plans, cases, messages, opt-outs and the recovery rate."""

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
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates, shows
from coverpay.kernel import clock
from coverpay.kernel.errors import Invalid
from payments import (
    messages,
    opt_outs,
    recovery_actions,
    recovery_plans,
    recovery_queries,
    recovery_report,
    recovery_versions,
)
from payments.models import Message, OptOut, Payment, RecoveryCase, RecoveryPlan, RecoveryStep


class RecoveryPlanShown(Shown):
    program = serializers.CharField(source="program_id", read_only=True, allow_null=True)

    class Meta:
        model = RecoveryPlan
        fields: ClassVar = ["id", "program", "number", "effective_from", "spec", "created_at"]


class NewRecoveryPlan(Asked):
    program = serializers.CharField(max_length=40, required=False, help_text="Every program when left out.")
    effective_from = serializers.DateField()
    spec = serializers.JSONField(help_text="zone, at, basis, fees, business_days, classes.")


class PlannedStepShown(serializers.Serializer[Any]):
    failure_class = serializers.CharField()
    step = serializers.CharField()
    due_at = serializers.DateTimeField()
    why = serializers.ListField(child=serializers.CharField())
    refused = serializers.CharField()


class RecoveryPlans(Rows):
    """What is done about failed payments, a version from a date on."""

    queryset = RecoveryPlan.objects.all()
    serializer_class = RecoveryPlanShown
    filterset_fields: ClassVar = ["program", "number"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewRecoveryPlan)
    def create(self, asked: dict[str, Any]) -> RecoveryPlan:
        """Publish a plan from a date on; cases that are open go on by the version they began with."""
        return recovery_versions.publish(
            spec=asked["spec"],
            effective_from=asked["effective_from"],
            program_id=asked.get("program"),
            actor=self.actor,
        )

    @shows(PlannedStepShown, many=True)
    def preview(self, id: str) -> list[dict[str, Any]]:
        """What the plan would do when, if a payment failed now and every retry failed too."""
        spec = recovery_versions.spec_of(access.get(self.actor, RecoveryPlan.objects.all(), id))
        now = clock.now()
        return [
            {"failure_class": name, "step": str(step), "due_at": due.at, "why": due.why, "refused": due.refused}
            for name in RecoveryCase.Class.values
            for step, due in recovery_plans.preview(spec, name, now)
        ]


class RecoveryStepShown(Shown):
    payment = serializers.CharField(source="payment_id", read_only=True, allow_null=True)
    payment_method = serializers.CharField(source="payment_method_id", read_only=True, allow_null=True)

    class Meta:
        model = RecoveryStep
        fields: ClassVar = [
            "id", "number", "kind", "template", "due_at", "state", "result", "why", "payment", "payment_method",
            "done_at",
        ]  # fmt: skip


class RecoveryCaseShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    invoice = serializers.CharField(source="invoice_id", read_only=True)
    payment = serializers.CharField(source="payment_id", read_only=True)
    plan = serializers.CharField(source="plan_id", read_only=True, allow_null=True)
    steps = RecoveryStepShown(many=True, read_only=True)

    class Meta:
        model = RecoveryCase
        fields: ClassVar = [
            "id", "policy", "invoice", "payment", "plan", "gateway", "code", "failure_class", "why", "amount_minor",
            "currency", "retries", "state", "result", "opened_at", "ended_at", "steps",
        ]  # fmt: skip


class RecoveryMomentShown(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    clock = serializers.ChoiceField(choices=[recovery_queries.RECOVERY, recovery_queries.COVER])
    title = serializers.CharField()
    detail = serializers.CharField()
    state = serializers.ChoiceField(choices=list(recovery_queries.ORDER))
    object_id = serializers.CharField()
    why = serializers.ListField(child=serializers.CharField())


class RetryPaymentShown(serializers.Serializer[Any]):
    id = serializers.CharField()
    state = serializers.CharField()
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()


class CaseReason(Asked):
    reason = serializers.CharField(max_length=300)


class RecoveryCases(Rows):
    """Failed and returned payments that are being won back."""

    queryset = RecoveryCase.objects.prefetch_related("steps")
    serializer_class = RecoveryCaseShown
    filterset_fields: ClassVar = ["policy", "invoice", "payment", "state", "failure_class", "gateway", "code"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @shows(RecoveryMomentShown, many=True)
    def timeline(self, id: str) -> list[recovery_queries.Moment]:
        """What happened and what is to come, by both clocks: recovery's, and that of past due money and cover."""
        case = access.get(self.actor, RecoveryCase.objects.select_related("policy", "payment", "plan"), id)
        return recovery_queries.timeline(case)

    @acts(gives=RetryPaymentShown)
    def retry(self, id: str, asked: dict[str, Any]) -> Payment:
        """Charge the method that failed again, now, within the networks' limits."""
        return recovery_actions.retry_now(case_id=id, actor=self.actor)

    @acts(CaseReason)
    def hand_over(self, id: str, asked: dict[str, Any]) -> RecoveryCase:
        """Take an open case out of the plan's hands."""
        return recovery_actions.hand_over(case_id=id, reason=asked["reason"], actor=self.actor)

    @acts()
    def take_back(self, id: str, asked: dict[str, Any]) -> RecoveryCase:
        """Give a case back to its plan."""
        return recovery_actions.take_back(case_id=id, actor=self.actor)

    @acts(CaseReason)
    def stop(self, id: str, asked: dict[str, Any]) -> RecoveryCase:
        """Follow a case no more; what is owed stays owed."""
        return recovery_actions.stop(case_id=id, reason=asked["reason"], actor=self.actor)


class MessageShown(Shown):
    party = serializers.CharField(source="party_id", read_only=True, allow_null=True)
    policy = serializers.CharField(source="policy_id", read_only=True, allow_null=True)
    about = serializers.CharField(source="subject_id", read_only=True)
    body = serializers.SerializerMethodField(help_text="Without the secrets of links.")

    class Meta:
        model = Message
        fields: ClassVar = [
            "id", "party", "policy", "about", "template", "to", "subject", "body", "state", "result", "tries",
            "created_at", "sent_at",
        ]  # fmt: skip

    def get_body(self, row: Message) -> str:
        return messages.shown_body(row)


class Messages(Rows):
    """E-mails to payors: due, sent, failed, or withheld with the reason."""

    queryset = Message.objects.all()
    serializer_class = MessageShown
    filterset_fields: ClassVar = ["policy", "party", "template", "state"]
    reads = Permission.PAYMENTS_READ


class OptOutShown(Shown):
    email = serializers.EmailField(source="address", read_only=True)

    class Meta:
        model = OptOut
        fields: ClassVar = ["id", "email", "kind", "asked_at", "ended_at"]


class NewOptOut(Asked):
    email = serializers.EmailField()
    kind = serializers.ChoiceField(choices=list(opt_outs.KINDS), required=False, help_text="Every kind if left out.")


class OptOuts(Rows):
    """Addresses that want no more messages of a kind."""

    queryset = OptOut.objects.all()
    serializer_class = OptOutShown
    filterset_fields: ClassVar = ["address", "kind"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewOptOut)
    def create(self, asked: dict[str, Any]) -> OptOut:
        """Send an address no more messages of a kind."""
        organization_id = access.organization_of(self.actor)
        return opt_outs.opt_out(
            organization_id=organization_id,
            address=asked["email"],
            kind=asked.get("kind", opt_outs.EVERY),
            actor=self.actor,
        )

    @acts()
    def end(self, id: str, asked: dict[str, Any]) -> OptOut:
        """Send the address messages of that kind again."""
        return opt_outs.end(opt_out_id=id, actor=self.actor)


class RecoveryRateShown(serializers.Serializer[Any]):
    key = serializers.CharField()
    currency = serializers.CharField()
    cases = serializers.IntegerField()
    amount_minor = serializers.IntegerField()
    recovered = serializers.IntegerField()
    recovered_minor = serializers.IntegerField()
    by_recovery = serializers.IntegerField(help_text="Of those recovered, by a charge of recovery itself.")
    by_recovery_minor = serializers.IntegerField()
    running = serializers.IntegerField()
    running_minor = serializers.IntegerField()
    lost = serializers.IntegerField()
    lost_minor = serializers.IntegerField()
    retries = serializers.IntegerField()
    rate = serializers.DecimalField(max_digits=6, decimal_places=2, help_text="Percent of the money that came back.")


class RecoveryReportShown(serializers.Serializer[Any]):
    by = serializers.CharField()
    since = serializers.DateField()
    until = serializers.DateField()
    data = RecoveryRateShown(many=True)  # type: ignore[assignment]


class RecoveryReport(Resource):
    """How much of what failed came back."""

    serializer_class = RecoveryReportShown
    pagination_class = None
    reads = Permission.PAYMENTS_READ

    @extend_schema(
        parameters=[
            OpenApiParameter("by", OpenApiTypes.STR, enum=list(recovery_report.GROUPS), description="code if left out"),
            OpenApiParameter("since", OpenApiTypes.DATE, description="90 days before `until` when left out."),
            OpenApiParameter("until", OpenApiTypes.DATE, description="Today when left out."),
        ],
        responses={200: RecoveryReportShown},
        filters=False,
    )
    def list(self, request: Request) -> Response:
        """The recovery rate by group, for failures from a day through another."""
        until = _day(request, "until") or clock.today()
        since = _day(request, "since") or until - dt.timedelta(days=recovery_report.DEFAULT_DAYS)
        by = request.query_params.get("by") or "code"
        rows = recovery_report.rates(self.actor, by=by, since=since, until=until)
        return self.answer({"by": by, "since": since, "until": until, "data": rows})


def _day(request: Request, name: str) -> dt.date | None:
    said = request.query_params.get(name)
    try:
        return dt.date.fromisoformat(said) if said else None
    except ValueError:
        raise Invalid(f"{name} is a day such as 2026-01-31.", field=name) from None


routes = [
    ("recovery-plans", RecoveryPlans),
    ("recovery-cases", RecoveryCases),
    ("recovery-report", RecoveryReport),
    ("messages", Messages),
    ("opt-outs", OptOuts),
]
