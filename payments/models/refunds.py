"""Payments given back."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.accounts import GatewayAccount
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
_WITHIN_TAKEN = """
IF NEW.amount_minor
   + (SELECT COALESCE(SUM(amount_minor), 0) FROM payments_refund
       WHERE attempt_id = NEW.attempt_id AND state <> 'declined')
   > (SELECT COALESCE(taken_minor, 0) FROM payments_attempt WHERE id = NEW.attempt_id) THEN
    RAISE EXCEPTION 'more than attempt % took would be given back', NEW.attempt_id USING ERRCODE = 'CP004';
END IF;
RETURN NEW;
"""


class Refund(FSMModelMixin, models.Model):
    """A succeeded payment given back, whole or in part. Its id is our reference at the gateway.

    All that is asked for and not declined never comes to more than was taken; the database sees to it.
    """

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
    surcharge_minor = models.BigIntegerField(default=0, help_text="What of it is our fee for the method.")
    reason = models.CharField(max_length=200)
    permit_id = models.CharField(max_length=32, blank=True, help_text="Who allowed it, above the limit.")
    disbursement_id = models.CharField(max_length=32, blank=True, db_collation="C", help_text="What it pays out.")
    state = FSMField(default=State.PLANNED, choices=State.choices, protected=True)
    gateway_reference = models.CharField(max_length=80, blank=True)
    outcome_code = models.CharField(max_length=60, blank=True)
    outcome_message = models.CharField(max_length=300, blank=True)
    submit_count = models.PositiveIntegerField(default=0)
    check_count = models.PositiveIntegerField(default=0)
    next_check_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["payment"],
                condition=models.Q(state__in=["planned", "submitted", "unknown"]),
                name="one_live_refund_per_payment",
            ),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="refund_moves_money"),
        ]
        triggers: ClassVar = [
            *guards.no_delete("refund"),
            guards.first_state("state", "planned"),
            guards.legal_jumps("state", REFUND_JUMPS),
            guards.frozen_columns("payment", "attempt", "amount_minor", "currency", "surcharge_minor", "reason"),
            pgtrigger.Trigger(
                name="within_what_was_taken",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=_WITHIN_TAKEN,
            ),
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

    @property
    def account(self) -> GatewayAccount:
        """Where the money was taken and is given back."""
        return self.attempt.account

    def __str__(self) -> str:
        return self.id
