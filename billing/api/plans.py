"""Previews of schedules, comparisons of plans and changes of plan under /v1. Previews compute and write nothing."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from billing import previews, replan, schedules
from billing.models import Installment, InstallmentItem, PlanVersion, Schedule
from billing.previews import ChangePreview, PlanOption, SchedulePreview
from compliance import access
from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, creates
from policies.models import Component, Policy

Answer = serializers.Serializer[Any]


class ItemShown(Shown):
    charge = serializers.CharField(source="charge_id", read_only=True, allow_null=True)

    class Meta:
        model = InstallmentItem
        fields: ClassVar = ["id", "charge", "component", "amount_minor", "payee_kind", "payee"]


class InstallmentShown(Shown):
    invoice = serializers.CharField(source="invoice_id", read_only=True, allow_null=True)
    account = serializers.CharField(source="account_id", read_only=True, allow_null=True)
    replaced_by = serializers.CharField(source="replaced_by_id", read_only=True, allow_null=True)
    items = ItemShown(many=True, read_only=True)

    class Meta:
        model = Installment
        fields: ClassVar = ["id", "sequence", "bill_on", "due_on", "account", "invoice", "replaced_by", "items"]


class ScheduleShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    term = serializers.CharField(source="term_id", read_only=True)
    plan_version = serializers.CharField(source="plan_version_id", read_only=True)
    installments = InstallmentShown(many=True, read_only=True)

    class Meta:
        model = Schedule
        fields: ClassVar = [
            "id",
            "policy",
            "term",
            "number",
            "transaction_id",
            "reason",
            "plan_version",
            "currency",
            "installments",
            "created_at",
        ]


class InstallmentPreviewShown(Answer):
    sequence = serializers.IntegerField()
    bill_on = serializers.DateField()
    due_on = serializers.DateField()
    components = serializers.DictField(child=serializers.IntegerField())
    fee_minor = serializers.IntegerField()
    total_minor = serializers.IntegerField()


class SchedulePreviewShown(Answer):
    plan = serializers.CharField()
    plan_version = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    fees_minor = serializers.IntegerField()
    total_minor = serializers.IntegerField()
    installments = InstallmentPreviewShown(many=True)


class PlanOptionShown(Answer):
    plan = serializers.CharField()
    plan_version = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    number = serializers.IntegerField(help_text="How many bills.")
    down_payment_minor = serializers.IntegerField(help_text="The first bill.")
    installment_minor = serializers.IntegerField(help_text="The largest bill after the first.")
    fees_minor = serializers.IntegerField()
    total_minor = serializers.IntegerField()
    first_due_on = serializers.DateField(allow_null=True)
    refused = serializers.CharField(help_text="Why the plan cannot bill this policy; empty when it can.")


class PlanComparisonShown(Answer):
    policy = serializers.CharField()
    options = PlanOptionShown(many=True)


class ChangePreviewShown(Answer):
    plan = serializers.CharField()
    plan_version = serializers.CharField()
    currency = serializers.CharField()
    before_minor = serializers.IntegerField()
    after_minor = serializers.IntegerField()
    credited_minor = serializers.IntegerField(help_text="What comes off what is billed already.")
    before = InstallmentPreviewShown(many=True)
    after = InstallmentPreviewShown(many=True)


class AskedOfPolicy(Asked):
    policy = serializers.CharField(max_length=40)


class AskedPreview(AskedOfPolicy):
    plan = serializers.SlugField(max_length=40, required=False, help_text="The plan asked for at quote when left out.")


class AskedPlanChange(AskedOfPolicy):
    plan = serializers.SlugField(max_length=40, help_text="A plan in force today; it may be the same.")
    due_day = serializers.IntegerField(required=False, min_value=1, max_value=31)


class AskedEndorsement(AskedOfPolicy):
    effective_on = serializers.DateField()
    component = serializers.ChoiceField(choices=Component.choices, default=Component.PREMIUM)
    change_minor = serializers.IntegerField(help_text="More (below zero: less) charged for the rest of the term.")


class Previews(Resource):
    """What reads of billing share: a policy that the caller may see."""

    reads = Permission.BILLING_READ
    writes = Permission.BILLING_READ

    def policy(self, asked: dict[str, Any]) -> Policy:
        return access.get(self.actor, Policy.objects.select_related("operator"), asked["policy"], field="policy")


class SchedulePreviews(Previews):
    """The bills of a quote before it is bound."""

    serializer_class = SchedulePreviewShown

    @creates(AskedPreview)
    def create(self, asked: dict[str, Any]) -> SchedulePreview:
        """Show the bills of a policy by its plan, or by another; nothing is written."""
        return previews.schedule_preview(self.policy(asked), asked.get("plan", ""))


class PlanComparisons(Previews):
    """Every plan in force, side by side for one policy."""

    serializer_class = PlanComparisonShown

    @creates(AskedOfPolicy)
    def create(self, asked: dict[str, Any]) -> dict[str, str | list[PlanOption]]:
        """Compare what each plan asks for first, afterwards and in all; nothing is written."""
        policy = self.policy(asked)
        return {"policy": policy.id, "options": previews.compare_plans(policy)}


class EndorsementSchedules(Previews):
    """The bills of a policy after a change of what it is charged."""

    serializer_class = ChangePreviewShown

    @creates(AskedEndorsement)
    def create(self, asked: dict[str, Any]) -> ChangePreview:
        """Show the bills before and after a change of one component; nothing is written."""
        changes = {asked["component"]: asked["change_minor"]}
        return previews.endorsement_preview(self.policy(asked), changes, asked["effective_on"])


class PlanChangePreviews(Previews):
    """The bills of a policy after a change of plan or due day."""

    serializer_class = ChangePreviewShown

    @creates(AskedPlanChange)
    def create(self, asked: dict[str, Any]) -> ChangePreview:
        """Show the bills before and after a change of plan, as `POST /v1/plan-changes` would make them."""
        return replan.preview(self.policy(asked), asked["plan"], asked.get("due_day"))


class PlanChanges(Resource):
    """Changes of plan or due day in the middle of a term."""

    serializer_class = ScheduleShown
    writes = Permission.BILLING_WRITE

    @creates(AskedPlanChange)
    def create(self, asked: dict[str, Any]) -> Schedule:
        """Slice what is not billed of a policy anew by another plan or due day."""
        return replan.change_plan(
            policy_id=asked["policy"], plan_code=asked["plan"], due_day=asked.get("due_day"), actor=self.actor
        )


class PlanShown(Shown):
    class Meta:
        model = PlanVersion
        fields: ClassVar = ["id", "code", "number", "name", "effective_from", "spec", "created_at"]


class NewPlan(Asked):
    code = serializers.SlugField(max_length=40)
    name = serializers.CharField(max_length=120)
    spec = serializers.JSONField(help_text="down_payment, installments or cadence, due_day, fees, rounding and so on.")
    effective_from = serializers.DateField()


class Plans(Rows):
    """Payment plans: every version."""

    queryset = PlanVersion.objects.all()
    serializer_class = PlanShown
    filterset_fields: ClassVar = ["code"]
    reads = Permission.BILLING_READ
    writes = Permission.BILLING_WRITE

    @creates(NewPlan)
    def create(self, asked: dict[str, Any]) -> PlanVersion:
        """Publish the next version of a plan; versions in use never change."""
        return schedules.publish_plan(**asked, actor=self.actor)


class Schedules(Rows):
    """The installments of bound policies."""

    queryset = Schedule.objects.prefetch_related("installments__items")
    serializer_class = ScheduleShown
    filterset_fields: ClassVar = ["policy"]
    reads = Permission.BILLING_READ


routes = [
    ("schedules/preview", SchedulePreviews),
    ("schedules/endorsement-preview", EndorsementSchedules),
    ("plan-comparisons", PlanComparisons),
    ("plan-changes/preview", PlanChangePreviews),
    ("plan-changes", PlanChanges),
    ("plans", Plans),
    ("schedules", Schedules),
]
