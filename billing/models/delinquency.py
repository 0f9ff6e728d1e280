"""Past due money: the process that follows it, its steps, and the notices it sends."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from billing.models.access import THROUGH_POLICY
from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models import Policy, Term


class DelinquencyPlanVersion(models.Model):
    """How past due money is followed, from a date on. Never edited; `billing.delinquency_plans` reads `spec`."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.BILLING_READ,
    )

    id = IdField(prefix="dpv")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(max_length=40, help_text="A program's code, or 'default'.")
    number = models.PositiveIntegerField()
    effective_from = models.DateField()
    spec = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["code", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "code", "number"], name="one_delinquency_plan_version_per_number"
            )
        ]
        triggers: ClassVar = guards.append_only("delinquency plan version")

    def __str__(self) -> str:
        return f"{self.code} v{self.number}"


DELINQUENCY_JUMPS = [
    ("active", "held"),
    ("held", "active"),
    ("active", "cured"),
    ("held", "cured"),
    ("cured", "active"),
    ("active", "cancelled"),
    ("active", "collections"),
    ("cancelled", "collections"),
    ("active", "closed"),
    ("held", "closed"),
    ("cancelled", "closed"),
    ("collections", "closed"),
]


class Delinquency(FSMModelMixin, models.Model):
    """One stretch of past due money of one term. `next_on` and `next_position` say what happens next."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        HELD = "held", "Held"
        CURED = "cured", "Cured"
        CANCELLED = "cancelled", "Cancelled"
        COLLECTIONS = "collections", "In collections"
        CLOSED = "closed", "Closed"

    LIVE: ClassVar = ["active", "held"]
    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="dlq")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="delinquencies")
    term = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="delinquencies")
    plan_version = models.ForeignKey(DelinquencyPlanVersion, on_delete=models.PROTECT, related_name="+")
    state = FSMField(default=State.ACTIVE, choices=State.choices, protected=True)
    entered_on = models.DateField(help_text="The due date of the oldest unpaid invoice.")
    past_due_minor = models.BigIntegerField(help_text="What was past due when it began.")
    currency = models.CharField(max_length=3)
    next_position = models.PositiveIntegerField(default=0)
    next_on = models.DateField(null=True, blank=True)
    held_until = models.DateField(null=True, blank=True)
    hold_reason = models.CharField(max_length=300, blank=True)
    promised_on = models.DateField(null=True, blank=True, help_text="The day by which payment was promised.")
    promised_minor = models.BigIntegerField(null=True, blank=True)
    provisional_until = models.DateField(
        null=True, blank=True, help_text="Cured by money that may still be returned, until this day."
    )
    needs_decision = models.CharField(max_length=300, blank=True, help_text="What a person must decide first.")
    ended_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "delinquencies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["term"], condition=models.Q(state__in=["active", "held"]), name="one_live_delinquency_per_term"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_on"], name="delinquency_due", condition=models.Q(state="active")),
            models.Index(fields=["held_until"], name="delinquency_held", condition=models.Q(state="held")),
        ]
        triggers: ClassVar = [
            *guards.no_delete("delinquency"),
            guards.first_state("state", "active"),
            guards.legal_jumps("state", DELINQUENCY_JUMPS),
            guards.frozen_columns("policy", "term", "plan_version", "entered_on", "past_due_minor", "currency"),
        ]

    @transition(field=state, source=State.ACTIVE, target=State.HELD)
    def hold(self) -> None:
        """Stop the clock until a day, or for a promise to pay."""

    @transition(field=state, source=State.HELD, target=State.ACTIVE)
    def release(self) -> None:
        """Let the clock run again."""

    @transition(field=state, source=[State.ACTIVE, State.HELD], target=State.CURED)
    def cure(self) -> None:
        """What was past due is covered, down to the exit threshold."""

    @transition(field=state, source=State.CURED, target=State.ACTIVE)
    def reopen(self) -> None:
        """The money that cured it was returned."""

    @transition(field=state, source=State.ACTIVE, target=State.CANCELLED)
    def cancel(self) -> None:
        """The policy was cancelled for non-payment."""

    @transition(field=state, source=[State.ACTIVE, State.CANCELLED], target=State.COLLECTIONS)
    def collect(self) -> None:
        """What is left is handed to collections."""

    @transition(field=state, source=[State.ACTIVE, State.HELD, State.CANCELLED, State.COLLECTIONS], target=State.CLOSED)
    def close(self) -> None:
        """Nothing is followed any more: written off, rewritten, or ended otherwise."""

    def __str__(self) -> str:
        return f"{self.policy_id} since {self.entered_on}"


class DelinquencyStep(models.Model):
    """One thing done in a delinquency, with what it was done on."""

    class Action(models.TextChoices):
        REMINDER = "reminder", "Reminder"
        LATE_FEE = "late_fee", "Late fee"
        NOTICE = "notice", "Notice of cancellation"
        CANCEL = "cancel", "Cancel"
        COLLECTIONS = "collections", "Collections"
        WRITE_OFF = "write_off", "Write off"
        HOLD = "hold", "Hold"
        RELEASE = "release", "Release"
        PROMISE = "promise", "Promise to pay"
        CURE = "cure", "Cured"
        RESCIND = "rescind", "Cancellation rescinded"
        REOPEN = "reopen", "Reopened"
        DECISION = "decision", "Decision"
        CLOSE = "close", "Closed"

    id = IdField(prefix="dst")
    delinquency = models.ForeignKey(Delinquency, on_delete=models.PROTECT, related_name="steps")
    position = models.PositiveIntegerField(help_text="The plan's step; the last one reached for what a person did.")
    action = models.CharField(max_length=12, choices=Action.choices)
    done_on = models.DateField()
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        triggers: ClassVar = guards.append_only("delinquency step")

    def __str__(self) -> str:
        return f"{self.action} {self.done_on}"


NOTICE_JUMPS = [("prepared", "mailed"), ("prepared", "void"), ("mailed", "void"), ("mailed", "satisfied")]


class Notice(FSMModelMixin, models.Model):
    """A letter about money, frozen as it was made: what it demanded, how that was computed, who it went to.

    `content` is all a document of it needs, so that printing it again gives the same letter.
    """

    class State(models.TextChoices):
        PREPARED = "prepared", "Prepared"
        MAILED = "mailed", "Mailed"
        SATISFIED = "satisfied", "Satisfied"
        VOID = "void", "Void"

    class Kind(models.TextChoices):
        REMINDER = "reminder", "Reminder"
        CANCELLATION = "cancellation", "Notice of cancellation"
        RESCISSION = "rescission", "Notice of rescission"
        CANCELLED = "cancelled", "Confirmation of cancellation"
        REINSTATEMENT = "reinstatement", "Notice of reinstatement"

    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="ntc")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="notices")
    term = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="+")
    delinquency = models.ForeignKey(Delinquency, null=True, on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=14, choices=Kind.choices)
    state = FSMField(default=State.PREPARED, choices=State.choices, protected=True)
    prepared_on = models.DateField()
    mail_by = models.DateField(null=True, help_text="Mailed later than this, the cancel date does not hold.")
    cancel_on = models.DateField(null=True)
    demanded_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    content = models.JSONField(help_text="Recipients, items, computation, rule facts and wording, as they were then.")
    citation = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        triggers: ClassVar = [
            *guards.no_delete("notice"),
            guards.first_state("state", "prepared"),
            guards.legal_jumps("state", NOTICE_JUMPS),
            guards.frozen_columns(
                "policy", "term", "delinquency", "kind", "prepared_on", "mail_by", "cancel_on", "demanded_minor",
                "currency", "content", "citation",
            ),
        ]  # fmt: skip

    @transition(field=state, source=State.PREPARED, target=State.MAILED)
    def mail(self) -> None:
        """It went out, with proof."""

    @transition(field=state, source=State.MAILED, target=State.SATISFIED)
    def satisfy(self) -> None:
        """What it demanded was paid in time."""

    @transition(field=state, source=[State.PREPARED, State.MAILED], target=State.VOID)
    def void(self) -> None:
        """It has no effect any more."""

    def __str__(self) -> str:
        return f"{self.kind} {self.prepared_on}"


class NoticeMailing(models.Model):
    """Proof that a notice went to one recipient: how, when, under which number of the carrier of mail."""

    class Method(models.TextChoices):
        FIRST_CLASS = "first_class", "First class mail"
        CERTIFICATE = "certificate", "First class with certificate of mailing"
        CERTIFIED = "certified", "Certified mail"
        REGISTERED = "registered", "Registered mail"
        ELECTRONIC = "electronic", "Electronic, with consent"
        PERSONAL = "personal", "Personal delivery"

    id = IdField(prefix="nml")
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="mailings")
    recipient = models.CharField(max_length=300)
    method = models.CharField(max_length=12, choices=Method.choices)
    mailed_on = models.DateField()
    proof_reference = models.CharField(max_length=120, help_text="Certificate, tracking or batch number.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        triggers: ClassVar = guards.append_only("notice mailing")

    def __str__(self) -> str:
        return f"{self.method} {self.mailed_on}"
