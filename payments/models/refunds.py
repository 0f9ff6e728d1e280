"""Payments given back."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.charges import Attempt, Payment

REFUND_JUMPS = [
    ("planned", "submitted"),
    ("submitted", "planned"),
    ("submitted", "unknown"),
    ("submitted", "succeeded"),
    ("submitted", "declined"),
    ("unknown", "planned"),
    ("unknown", "succeeded"),
    ("unknown", "declined"),
]


class Refund(FSMModelMixin, models.Model):
    """A succeeded payment given back whole. Its id is our reference at the gateway."""

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        SUBMITTED = "submitted", "Submitted"
        UNKNOWN = "unknown", "Unknown"
        SUCCEEDED = "succeeded", "Succeeded"
        DECLINED = "declined", "Declined"

    ACCESS: ClassVar = Access(
        operator="payment__policy__operator_id",
        reader="payment__policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="rfd")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200)
    state = FSMField(default=State.PLANNED, choices=State.choices, protected=True)
    gateway_reference = models.CharField(max_length=80, blank=True)
    outcome_code = models.CharField(max_length=60, blank=True)
    submit_count = models.PositiveIntegerField(default=0)
    next_check_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["payment"],
                condition=~models.Q(state="declined"),
                name="one_live_refund_per_payment",
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("refund"),
            guards.first_state("state", "planned"),
            guards.legal_jumps("state", REFUND_JUMPS),
            guards.frozen_columns("payment", "attempt", "amount_minor", "currency", "reason"),
        ]

    @transition(field=state, source=State.PLANNED, target=State.SUBMITTED)
    def submit(self) -> None:
        """About to be sent."""

    @transition(field=state, source=[State.SUBMITTED, State.UNKNOWN], target=State.PLANNED)
    def replan(self) -> None:
        """Surely never given; the same key is sent again."""

    @transition(field=state, source=State.SUBMITTED, target=State.UNKNOWN)
    def lose_track(self) -> None:
        """Nobody can say yet whether the money moved."""

    @transition(field=state, source=[State.SUBMITTED, State.UNKNOWN], target=State.SUCCEEDED)
    def succeed(self) -> None:
        """The gateway gave it back."""

    @transition(field=state, source=[State.SUBMITTED, State.UNKNOWN], target=State.DECLINED)
    def decline(self) -> None:
        """The gateway refused; the payment stands."""

    def __str__(self) -> str:
        return self.id
