"""Money we pay out: return premium, overpayments and refunds, by original method, ACH credit or check."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from billing.models import ReturnPremium
from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.methods import PaymentMethod
from policies.models import Party, Policy
from reconciliation.models import BankAccount

DISBURSEMENT_JUMPS = [
    ("requested", "approved"),
    ("requested", "held"),
    ("requested", "cancelled"),
    ("held", "requested"),
    ("held", "approved"),
    ("held", "cancelled"),
    ("approved", "held"),
    ("approved", "cancelled"),
    ("approved", "submitted"),
    ("submitted", "approved"),
    ("submitted", "issued"),
    ("submitted", "unknown"),
    ("submitted", "failed"),
    ("unknown", "approved"),
    ("unknown", "issued"),
    ("unknown", "failed"),
    ("issued", "cleared"),
    ("issued", "voided"),
    ("issued", "returned"),
    ("issued", "stale"),
    ("stale", "cleared"),
    ("stale", "voided"),
    ("stale", "escheated"),
    ("cleared", "returned"),
]


class Disbursement(FSMModelMixin, models.Model):
    """One payment out of a policy's unapplied cash. Its id is our reference wherever it is sent.

    Requested, screened and (above a limit) allowed by another; then issued: from then on the books count it as paid,
    and an outstanding check is a line the bank has not shown yet.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", "Requested"
        HELD = "held", "Held"
        APPROVED = "approved", "Approved"
        SUBMITTED = "submitted", "Submitted"
        UNKNOWN = "unknown", "Unknown"
        ISSUED = "issued", "Issued"
        CLEARED = "cleared", "Cleared"
        RETURNED = "returned", "Returned"
        STALE = "stale", "Stale"
        VOIDED = "voided", "Voided"
        ESCHEATED = "escheated", "Unclaimed property"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Kind(models.TextChoices):
        RETURN_PREMIUM = "return_premium", "Return premium"
        OVERPAYMENT = "overpayment", "Overpayment"
        SUSPENSE = "suspense", "Money of nobody we know"

    class Method(models.TextChoices):
        ORIGINAL = "original", "Original method"
        ACH = "ach", "ACH credit"
        CHECK = "check", "Check"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="dis")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="disbursements")
    return_premium = models.ForeignKey(
        ReturnPremium, null=True, blank=True, on_delete=models.PROTECT, related_name="disbursements"
    )
    kind = models.CharField(max_length=15, choices=Kind.choices)
    method = models.CharField(max_length=10, choices=Method.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    payee = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+")
    payee_name = models.CharField(max_length=200)
    address = models.CharField(max_length=400, blank=True)
    bank_account = models.ForeignKey(
        BankAccount, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="What pays it."
    )
    payment_method = models.ForeignKey(
        PaymentMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="For ACH credits."
    )
    check_number = models.PositiveIntegerField(null=True, blank=True)
    gateway_reference = models.CharField(max_length=80, blank=True)
    permit_id = models.CharField(max_length=32, blank=True)
    screening_id = models.CharField(max_length=32, blank=True)
    hold_reason = models.CharField(max_length=300, blank=True)
    reason = models.CharField(max_length=300)
    reissues = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reissued_as")
    due_on = models.DateField(null=True, blank=True, help_text="The last lawful day, where a rule sets one.")
    issued_on = models.DateField(null=True, blank=True)
    cleared_on = models.DateField(null=True, blank=True)
    submit_count = models.PositiveIntegerField(default=0)
    next_check_at = models.DateTimeField(null=True, blank=True)
    outcome_code = models.CharField(max_length=60, blank=True)
    outcome_message = models.CharField(max_length=300, blank=True)
    state = FSMField(default=State.REQUESTED, choices=State.choices, protected=True)
    requested_by = models.CharField(max_length=40)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="disbursement_moves_money"),
            models.UniqueConstraint(
                fields=["bank_account", "check_number"],
                condition=models.Q(check_number__isnull=False),
                name="one_check_per_number",
            ),
            models.UniqueConstraint(
                fields=["return_premium"],
                condition=models.Q(return_premium__isnull=False)
                & ~models.Q(state__in=["voided", "cancelled", "failed", "returned"]),
                name="one_payout_per_return_premium",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_check_at"], name="disbursement_due", condition=models.Q(next_check_at__isnull=False)
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("disbursement"),
            guards.first_state("state", "requested"),
            guards.legal_jumps("state", DISBURSEMENT_JUMPS),
            guards.frozen_columns(
                "organization", "policy", "return_premium", "kind", "amount_minor", "currency", "payee", "requested_by"
            ),
        ]

    S = State

    @transition(field=state, source=[S.REQUESTED, S.HELD], target=S.APPROVED)
    def approve(self) -> None:
        """Screened, allowed where that is needed; to be issued."""

    @transition(field=state, source=[S.REQUESTED, S.APPROVED], target=S.HELD)
    def hold(self) -> None:
        """Stopped by a person or a screening."""

    @transition(field=state, source=S.HELD, target=S.REQUESTED)
    def release(self) -> None:
        """The hold is lifted."""

    @transition(field=state, source=[S.REQUESTED, S.HELD, S.APPROVED], target=S.CANCELLED)
    def cancel(self) -> None:
        """Not to be paid; the cash stays with the policy."""

    @transition(field=state, source=S.APPROVED, target=S.SUBMITTED)
    def submit(self) -> None:
        """About to be sent; from here on money may move."""

    @transition(field=state, source=[S.SUBMITTED, S.UNKNOWN], target=S.APPROVED)
    def replan(self) -> None:
        """Surely not sent; the same key is sent again."""

    @transition(field=state, source=S.SUBMITTED, target=S.UNKNOWN)
    def lose_track(self) -> None:
        """Nobody can say yet whether the money moved."""

    @transition(field=state, source=[S.SUBMITTED, S.UNKNOWN], target=S.ISSUED)
    def issue(self) -> None:
        """Paid out: the check is written, the credit is with the bank, the refund is given."""

    @transition(field=state, source=[S.SUBMITTED, S.UNKNOWN], target=S.FAILED)
    def fail(self) -> None:
        """Refused; the cash stays with the policy."""

    @transition(field=state, source=[S.ISSUED, S.STALE], target=S.CLEARED)
    def clear(self) -> None:
        """The bank paid it."""

    @transition(field=state, source=[S.ISSUED, S.STALE], target=S.VOIDED)
    def void(self) -> None:
        """Stopped before the bank paid; the cash is the policy's again."""

    @transition(field=state, source=[S.ISSUED, S.CLEARED], target=S.RETURNED)
    def send_back(self) -> None:
        """The receiving bank returned it; the cash is the policy's again."""

    @transition(field=state, source=S.ISSUED, target=S.STALE)
    def grow_stale(self) -> None:
        """Not cashed within the days a check lives."""

    @transition(field=state, source=S.STALE, target=S.ESCHEATED)
    def escheat(self) -> None:
        """Owed to the state as unclaimed property."""

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency} to {self.payee_name}"


class CheckRun(models.Model):
    """Checks issued together from one account, and the issue file that tells the bank of them (positive pay)."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="chr")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="+")
    issued_on = models.DateField()
    first_number = models.PositiveIntegerField()
    last_number = models.PositiveIntegerField()
    count = models.PositiveIntegerField()
    total_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    content = models.TextField(help_text="The positive pay issue file.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        triggers: ClassVar = guards.append_only("check run")

    def __str__(self) -> str:
        return f"checks {self.first_number}-{self.last_number}"
