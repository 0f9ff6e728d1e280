"""Winning back what failed: plans, the cases they run, each step, and the messages payors get."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from billing.models import Invoice
from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.charges import Attempt, Payment
from payments.models.methods import PaymentMethod
from policies.models import Party, Policy, Program


class RecoveryPlan(models.Model):
    """What is done about a failed payment, from a date on: versioned data that `payments.recovery_plans` reads."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="rpl")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    program = models.ForeignKey(
        Program, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Empty: all programs."
    )
    number = models.PositiveIntegerField()
    effective_from = models.DateField()
    spec = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "program", "number"],
                nulls_distinct=False,
                name="one_recovery_plan_per_number",
            )
        ]
        triggers: ClassVar = guards.append_only("recovery plan")

    def __str__(self) -> str:
        return f"recovery v{self.number}"


CASE_JUMPS = [
    ("open", "recovered"),
    ("open", "exhausted"),
    ("open", "with_person"),
    ("open", "stopped"),
    ("with_person", "open"),
    ("with_person", "recovered"),
    ("with_person", "stopped"),
    ("exhausted", "recovered"),
    ("exhausted", "open"),
    ("recovered", "open"),
]


class RecoveryCase(FSMModelMixin, models.Model):
    """One failed or returned payment that is being won back, by the plan version it began with."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        RECOVERED = "recovered", "Recovered"
        EXHAUSTED = "exhausted", "Exhausted"
        WITH_PERSON = "with_person", "With a person"
        STOPPED = "stopped", "Stopped"

    class Class(models.TextChoices):
        SOFT = "soft", "Soft: try again"
        HARD = "hard", "Hard: never again"
        DETAILS = "details", "Details: new ones are needed"
        LIMIT = "limit", "Limit: later, or less"
        GATEWAY = "gateway", "Gateway: not the payor's doing"
        UNKNOWN = "unknown", "Unknown code"

    ACCESS: ClassVar = Access(
        operator="policy__operator_id",
        reader="policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="rcv")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="recovery_cases")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="+")
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, related_name="recovery_case", help_text="The payment that failed first."
    )
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="+", help_text="The last that failed.")
    plan = models.ForeignKey(RecoveryPlan, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    gateway = models.CharField(max_length=20)
    code = models.CharField(max_length=60, help_text="The gateway's or bank's word for the last failure.")
    failure_class = models.CharField(max_length=10, choices=Class.choices)
    why = models.JSONField(default=dict, help_text="Which rule of which table gave the class, and its citation.")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    retries = models.PositiveIntegerField(default=0)
    state = FSMField(default=State.OPEN, choices=State.choices, protected=True)
    result = models.CharField(max_length=300, blank=True)
    opened_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["invoice"],
                condition=models.Q(state__in=["open", "with_person"]),
                name="one_open_recovery_per_invoice",
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("recovery case"),
            guards.first_state("state", "open"),
            guards.legal_jumps("state", CASE_JUMPS),
            guards.frozen_columns("policy", "invoice", "payment", "plan", "amount_minor", "currency", "opened_at"),
        ]

    @transition(field=state, source=[State.OPEN, State.WITH_PERSON, State.EXHAUSTED], target=State.RECOVERED)
    def recover(self) -> None:
        """The money is here."""

    @transition(field=state, source=State.OPEN, target=State.EXHAUSTED)
    def exhaust(self) -> None:
        """The plan has no further step."""

    @transition(field=state, source=State.OPEN, target=State.WITH_PERSON)
    def hand_over(self) -> None:
        """A person goes on."""

    @transition(field=state, source=[State.OPEN, State.WITH_PERSON], target=State.STOPPED)
    def stop(self) -> None:
        """Nothing is owed any more, or a person ended it."""

    @transition(field=state, source=[State.WITH_PERSON, State.EXHAUSTED, State.RECOVERED], target=State.OPEN)
    def reopen(self) -> None:
        """New details came, a person gave it back to the plan, or the money that came was returned."""

    def __str__(self) -> str:
        return f"{self.code} on {self.invoice_id}"


STEP_JUMPS = [("planned", "done"), ("planned", "skipped")]


class RecoveryStep(FSMModelMixin, models.Model):
    """One thing the plan does in a case: try again, another method, a message, ask for new details, a person."""

    class Kind(models.TextChoices):
        RETRY = "retry", "Try again"
        FALLBACK = "fallback", "Other method"
        MESSAGE = "message", "Message"
        ASK_DETAILS = "ask_details", "Ask for new details"
        HAND_OVER = "hand_over", "A person goes on"

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        DONE = "done", "Done"
        SKIPPED = "skipped", "Skipped"

    ACCESS: ClassVar = Access(
        operator="case__policy__operator_id",
        reader="case__policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="rst")
    case = models.ForeignKey(RecoveryCase, on_delete=models.PROTECT, related_name="steps")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    due_at = models.DateTimeField()
    why = models.JSONField(default=dict, help_text="How the time was chosen: rule, limits, citation.")
    template = models.CharField(max_length=40, blank=True)
    payment_method = models.ForeignKey(PaymentMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    payment = models.OneToOneField(
        Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="recovery_step"
    )
    state = FSMField(default=State.PLANNED, choices=State.choices, protected=True)
    result = models.CharField(max_length=300, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["case_id", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "number"], name="one_recovery_step_per_number")
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="recovery_step_due", condition=models.Q(state="planned"))
        ]
        triggers: ClassVar = [
            *guards.no_delete("recovery step"),
            guards.first_state("state", "planned"),
            guards.legal_jumps("state", STEP_JUMPS),
            guards.frozen_columns("case", "number", "kind"),
        ]

    @transition(field=state, source=State.PLANNED, target=State.DONE)
    def do(self) -> None:
        """Done; the result says what came of it."""

    @transition(field=state, source=State.PLANNED, target=State.SKIPPED)
    def skip(self) -> None:
        """Not done, and not to be done; the result says why."""

    def __str__(self) -> str:
        return f"{self.kind} {self.number} of {self.case_id}"


class Message(models.Model):
    """An e-mail to a payor: planned in the transaction that caused it, sent afterwards, once for its key."""

    class State(models.TextChoices):
        DUE = "due", "Due"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        WITHHELD = "withheld", "Withheld"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="msg")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    party = models.ForeignKey(Party, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    policy = models.ForeignKey(Policy, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    template = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=40, db_collation="C", help_text="What it is about.")
    key = models.CharField(max_length=120, db_collation="C", help_text="One message a key, ever.")
    to = models.EmailField(blank=True)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.DUE)
    result = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization", "key"], name="one_message_per_key")]
        indexes: ClassVar = [models.Index(fields=["next_try_at"], name="message_due", condition=models.Q(state="due"))]
        triggers: ClassVar = [
            *guards.no_delete("message"),
            guards.legal_jumps("state", [("due", "sent"), ("due", "failed"), ("due", "withheld")]),
            guards.frozen_columns("organization", "template", "subject_id", "key", "to", "subject"),
        ]

    def __str__(self) -> str:
        return f"{self.template} to {self.to}"


class OptOut(models.Model):
    """An address that wants no more messages of a kind. Notices the law requires are not messages."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="opt")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    address = models.EmailField()
    kind = models.CharField(max_length=40, blank=True, help_text="Empty: every kind.")
    asked_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "address", "kind"],
                condition=models.Q(ended_at__isnull=True),
                name="one_standing_opt_out",
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("opt-out"),
            guards.frozen_columns("organization", "address", "kind", "asked_at"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.kind or 'all'}"
