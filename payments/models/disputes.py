"""Payments that payors dispute with their bank."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.charges import Attempt, Payment

DISPUTE_JUMPS = [
    ("needs_response", "under_review"),
    ("needs_response", "won"),
    ("needs_response", "lost"),
    ("under_review", "won"),
    ("under_review", "lost"),
    ("under_review", "needs_response"),
    ("won", "lost"),
    ("lost", "won"),
]


class Dispute(FSMModelMixin, models.Model):
    """A chargeback: the payor's bank wants a payment back, and we may answer until a day."""

    class State(models.TextChoices):
        NEEDS_RESPONSE = "needs_response", "Needs a response"
        UNDER_REVIEW = "under_review", "Under review"
        WON = "won", "Won"
        LOST = "lost", "Lost"

    ACCESS: ClassVar = Access(
        operator="payment__policy__operator_id",
        reader="payment__policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="dsp")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="disputes")
    gateway_reference = models.CharField(max_length=80)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=80, blank=True, help_text="The network's own word.")
    withdrawn = models.BooleanField(default=False, help_text="The processor took the money for the time being.")
    evidence_due_at = models.DateTimeField(null=True, blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    evidence_sent_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(
        max_length=10, blank=True, help_text="contest or accept: decided here, to be sent to the processor."
    )
    next_check_at = models.DateTimeField(null=True, blank=True, help_text="When the answer is sent, or sent again.")
    state = FSMField(default=State.NEEDS_RESPONSE, choices=State.choices, protected=True)
    opened_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "gateway_reference"], name="one_dispute_per_reference"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="dispute_is_about_money"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_check_at"], name="dispute_due", condition=models.Q(next_check_at__isnull=False))
        ]
        triggers: ClassVar = [
            *guards.no_delete("dispute"),
            guards.first_state("state", "needs_response"),
            guards.legal_jumps("state", DISPUTE_JUMPS),
            guards.frozen_columns("payment", "attempt", "gateway_reference", "amount_minor", "currency"),
        ]

    @transition(field=state, source=State.NEEDS_RESPONSE, target=State.UNDER_REVIEW)
    def answered(self) -> None:
        """Our evidence is with the payor's bank."""

    @transition(field=state, source=State.UNDER_REVIEW, target=State.NEEDS_RESPONSE)
    def ask_again(self) -> None:
        """The bank wants more (pre-arbitration)."""

    @transition(field=state, source=[State.NEEDS_RESPONSE, State.UNDER_REVIEW, State.LOST], target=State.WON)
    def win(self) -> None:
        """Decided for us."""

    @transition(field=state, source=[State.NEEDS_RESPONSE, State.UNDER_REVIEW, State.WON], target=State.LOST)
    def lose(self) -> None:
        """Decided against us, given in, or not answered in time."""

    def __str__(self) -> str:
        return self.gateway_reference
