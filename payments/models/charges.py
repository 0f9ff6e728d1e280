"""Payments, and their attempts at a gateway."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from billing.models import Invoice
from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.accounts import GatewayAccount
from policies.models import Policy

PAYMENT_JUMPS = [
    ("processing", "succeeded"),
    ("processing", "failed"),
    ("succeeded", "refunded"),
    ("succeeded", "returned"),
]


class Payment(FSMModelMixin, models.Model):
    """The wish to collect an amount for one invoice, and how it ended."""

    class State(models.TextChoices):
        PROCESSING = "processing", "Processing"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        REFUNDED = "refunded", "Refunded"
        RETURNED = "returned", "Returned"

    ACCESS: ClassVar = Access(
        operator="policy__operator_id",
        reader="policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="pay")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="payments")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    method = models.CharField(max_length=10, help_text="card or ach")
    token = models.CharField(
        max_length=120,
        help_text="The processor's token for the method; never a number.",
    )
    state = FSMField(default=State.PROCESSING, choices=State.choices, protected=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="payment_moves_money"),
            models.UniqueConstraint(
                fields=["invoice"],
                condition=models.Q(state="processing"),
                name="one_live_payment_per_invoice",
            ),
        ]
        triggers: ClassVar = [
            *guards.no_delete("payment"),
            guards.first_state("state", "processing"),
            guards.legal_jumps("state", PAYMENT_JUMPS),
            guards.frozen_columns("policy", "invoice", "amount_minor", "currency", "method", "token"),
        ]

    @transition(field=state, source=State.PROCESSING, target=State.SUCCEEDED)
    def succeed(self) -> None:
        """The processor has the money."""

    @transition(field=state, source=State.PROCESSING, target=State.FAILED)
    def fail(self) -> None:
        """No money moved, and none will by this payment."""

    @transition(field=state, source=State.SUCCEEDED, target=State.REFUNDED)
    def refund(self) -> None:
        """We gave all of it back."""

    @transition(field=state, source=State.SUCCEEDED, target=State.RETURNED)
    def bounce(self) -> None:
        """The bank took all of it back."""

    def __str__(self) -> str:
        return self.id


ATTEMPT_JUMPS = [
    ("planned", "submitted"),
    ("submitted", "planned"),
    ("submitted", "pending"),
    ("submitted", "unknown"),
    ("submitted", "succeeded"),
    ("submitted", "declined"),
    ("pending", "succeeded"),
    ("pending", "declined"),
    ("pending", "unknown"),
    ("unknown", "planned"),
    ("unknown", "pending"),
    ("unknown", "succeeded"),
    ("unknown", "declined"),
]


class Attempt(FSMModelMixin, models.Model):
    """One charge sent to one gateway under our reference, which is this row's id.

    `submitted` is committed before anything is sent: a row found there later may have been taken, and is asked about.
    """

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        SUBMITTED = "submitted", "Submitted"
        PENDING = "pending", "Pending"
        UNKNOWN = "unknown", "Unknown"
        SUCCEEDED = "succeeded", "Succeeded"
        DECLINED = "declined", "Declined"

    LIVE: ClassVar = ["planned", "submitted", "pending", "unknown"]
    ACCESS: ClassVar = Access(
        operator="payment__policy__operator_id",
        reader="payment__policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="att")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="attempts")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(default=1)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    state = FSMField(default=State.PLANNED, choices=State.choices, protected=True)
    gateway_reference = models.CharField(max_length=80, blank=True)
    taken_minor = models.BigIntegerField(null=True, blank=True, help_text="What the gateway has, once it succeeded.")
    outcome_code = models.CharField(max_length=60, blank=True)
    outcome_message = models.CharField(max_length=300, blank=True)
    routing = models.JSONField(
        default=dict,
        help_text="Table, version, rule and reasons that chose the gateway.",
    )
    submit_count = models.PositiveIntegerField(default=0)
    check_count = models.PositiveIntegerField(default=0)
    next_check_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["invoice"],
                condition=models.Q(state__in=["planned", "submitted", "pending", "unknown"]),
                name="one_live_charge_per_invoice",
            ),
            models.UniqueConstraint(fields=["payment", "number"], name="one_attempt_per_number"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_check_at"],
                name="attempt_due",
                condition=models.Q(state__in=["planned", "submitted", "pending", "unknown"]),
            ),
            models.Index(fields=["account", "gateway_reference"], name="attempt_by_gateway_ref"),
        ]
        triggers: ClassVar = [
            *guards.no_delete("attempt"),
            guards.first_state("state", "planned"),
            guards.legal_jumps("state", ATTEMPT_JUMPS),
            guards.frozen_columns(
                "payment",
                "invoice",
                "account",
                "number",
                "amount_minor",
                "currency",
                "routing",
            ),
        ]

    @transition(field=state, source=State.PLANNED, target=State.SUBMITTED)
    def submit(self) -> None:
        """About to be sent; from here on money may move."""

    @transition(field=state, source=[State.SUBMITTED, State.UNKNOWN], target=State.PLANNED)
    def replan(self) -> None:
        """Surely never taken: the gateway was not reached, or says it never heard of it. The same key is sent again."""

    @transition(field=state, source=[State.SUBMITTED, State.UNKNOWN], target=State.PENDING)
    def wait(self) -> None:
        """Accepted by the gateway; not final."""

    @transition(field=state, source=[State.SUBMITTED, State.PENDING], target=State.UNKNOWN)
    def lose_track(self) -> None:
        """Nobody can say yet whether the money moved."""

    @transition(
        field=state,
        source=[State.SUBMITTED, State.PENDING, State.UNKNOWN],
        target=State.SUCCEEDED,
    )
    def succeed(self) -> None:
        """The gateway has the money."""

    @transition(
        field=state,
        source=[State.SUBMITTED, State.PENDING, State.UNKNOWN],
        target=State.DECLINED,
    )
    def decline(self) -> None:
        """The gateway refused; no money moved."""

    def __str__(self) -> str:
        return self.id
