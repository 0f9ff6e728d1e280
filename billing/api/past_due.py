"""Past due money under /v1: delinquency plans, delinquencies and what a person can do, notices and their proof."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from billing import delinquency, delinquency_plans, notices
from billing.delinquency import pauses
from billing.models import Delinquency, DelinquencyPlanVersion, DelinquencyStep, Notice, NoticeMailing
from compliance import explanations
from compliance.models import Explanation
from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates, shows
from coverpay.kernel.money import Money
from policies.api import WhyShown


class DelinquencyPlanShown(Shown):
    class Meta:
        model = DelinquencyPlanVersion
        fields: ClassVar = ["id", "code", "number", "effective_from", "spec", "created_at"]


class NewDelinquencyPlan(Asked):
    code = serializers.SlugField(max_length=40, help_text="A program's code, or 'default'.")
    spec = serializers.JSONField(help_text="steps, thresholds, grace, bill, automatic, minimum_notice_days.")
    effective_from = serializers.DateField()


class DelinquencyPlans(Rows):
    """How past due money is followed: every version."""

    queryset = DelinquencyPlanVersion.objects.all()
    serializer_class = DelinquencyPlanShown
    filterset_fields: ClassVar = ["code"]
    reads = Permission.BILLING_READ
    writes = Permission.BILLING_WRITE

    @creates(NewDelinquencyPlan)
    def create(self, asked: dict[str, Any]) -> DelinquencyPlanVersion:
        """Publish the next version of a delinquency plan; what is followed already keeps its own."""
        return delinquency.publish(**asked, actor=self.actor)


class DelinquencyStepShown(Shown):
    class Meta:
        model = DelinquencyStep
        fields: ClassVar = ["id", "position", "action", "done_on", "facts", "created_at"]


class DelinquencyShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    term = serializers.CharField(source="term_id", read_only=True)
    plan_version = serializers.CharField(source="plan_version_id", read_only=True)
    next_action = serializers.SerializerMethodField(help_text="What the plan does next; empty when nothing.")
    steps = DelinquencyStepShown(many=True, read_only=True)

    class Meta:
        model = Delinquency
        fields: ClassVar = [
            "id",
            "policy",
            "term",
            "plan_version",
            "state",
            "entered_on",
            "past_due_minor",
            "currency",
            "next_action",
            "next_on",
            "held_until",
            "hold_reason",
            "promised_on",
            "promised_minor",
            "provisional_until",
            "needs_decision",
            "ended_on",
            "steps",
        ]

    def get_next_action(self, row: Delinquency) -> str:
        steps = delinquency_plans.read(row.plan_version.spec).steps
        return steps[row.next_position].action if row.next_position < len(steps) and row.ended_on is None else ""


class Hold(Asked):
    until = serializers.DateField(help_text="The last day of the hold.")
    reason = serializers.CharField(max_length=300)


class Release(Asked):
    reason = serializers.CharField(max_length=300, required=False)


class Promise(Asked):
    amount = serializers.CharField(max_length=40, help_text="Like 400.00, in the currency of the delinquency.")
    pay_by = serializers.DateField()


class Decision(Asked):
    choice = serializers.ChoiceField(pauses.CHOICES)
    reason = serializers.CharField(max_length=300)


class Delinquencies(Rows):
    """Stretches of past due money, with what was done and what is next."""

    queryset = Delinquency.objects.select_related("plan_version").prefetch_related("steps")
    serializer_class = DelinquencyShown
    filterset_fields: ClassVar = ["policy", "term", "state"]
    reads = Permission.BILLING_READ
    writes = Permission.BILLING_WRITE

    @acts(Hold)
    def hold(self, id: str, asked: dict[str, Any]) -> Delinquency:
        """Stop the clock through a day; a notice that is out is taken back."""
        return delinquency.hold(delinquency_id=id, **asked, actor=self.actor)

    @acts(Release)
    def release(self, id: str, asked: dict[str, Any]) -> Delinquency:
        """Let the clock run again."""
        return delinquency.release(delinquency_id=id, **asked, actor=self.actor)

    @acts(Promise)
    def promise(self, id: str, asked: dict[str, Any]) -> Delinquency:
        """Take a promise to pay by a day."""
        row = self.get_object()
        assert isinstance(row, Delinquency)
        amount = Money.parse(asked["amount"], row.currency)
        return delinquency.promise(delinquency_id=id, amount=amount, pay_by=asked["pay_by"], actor=self.actor)

    @acts(Decision)
    def decide(self, id: str, asked: dict[str, Any]) -> Delinquency:
        """Say how a delinquency goes on that waits for a person."""
        return delinquency.decide(delinquency_id=id, **asked, actor=self.actor)

    @acts()
    def advance(self, id: str, asked: dict[str, Any]) -> Delinquency:
        """Take every step that is due today; nothing when nothing is."""
        return delinquency.advance_one(delinquency_id=id, actor=self.actor)

    @shows(WhyShown, many=True)
    def why(self, id: str) -> list[Explanation]:
        """Why each figure of a delinquency and its notices is what it is."""
        row = self.get_object()
        assert isinstance(row, Delinquency)
        return explanations.of(row.id, *row.notices.values_list("id", flat=True))


class NoticeMailingShown(Shown):
    class Meta:
        model = NoticeMailing
        fields: ClassVar = ["id", "recipient", "method", "mailed_on", "proof_reference", "created_at"]


class NoticeShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    term = serializers.CharField(source="term_id", read_only=True)
    delinquency = serializers.CharField(source="delinquency_id", read_only=True, allow_null=True)
    mailings = NoticeMailingShown(many=True, read_only=True)

    class Meta:
        model = Notice
        fields: ClassVar = [
            "id",
            "policy",
            "term",
            "delinquency",
            "kind",
            "state",
            "prepared_on",
            "mail_by",
            "cancel_on",
            "demanded_minor",
            "currency",
            "content",
            "citation",
            "mailings",
            "created_at",
        ]


class Mailing(Asked):
    method = serializers.ChoiceField(NoticeMailing.Method.choices)
    mailed_on = serializers.DateField()
    proof_reference = serializers.CharField(max_length=120, help_text="Certificate, tracking or batch number.")
    recipients = serializers.ListField(
        child=serializers.CharField(max_length=300),
        required=False,
        help_text="As the notice names them, like 'Insured: Aloha Foods'; all that are left when left out.",
    )


class Voiding(Asked):
    reason = serializers.CharField(max_length=300)


class Notices(Rows):
    """Letters about past due money: what they demand, how it was computed, and the proof that they were mailed."""

    queryset = Notice.objects.prefetch_related("mailings")
    serializer_class = NoticeShown
    filterset_fields: ClassVar = ["policy", "delinquency", "kind", "state"]
    reads = Permission.BILLING_READ
    writes = Permission.BILLING_WRITE

    @acts(Mailing)
    def mail(self, id: str, asked: dict[str, Any]) -> Notice:
        """Prove that a notice was mailed; gives the notice, or the one that replaces it."""
        return notices.mail(notice_id=id, **asked, actor=self.actor)

    @acts(Voiding)
    def void(self, id: str, asked: dict[str, Any]) -> Notice:
        """Take all effect from a notice; its pending cancellation is rescinded."""
        return notices.void(notice_id=id, **asked, actor=self.actor)


routes = [
    ("delinquency-plans", DelinquencyPlans),
    ("delinquencies", Delinquencies),
    ("notices", Notices),
]
