"""Standing orders to collect: a policy's invoices on their due date, or one invoice on a day."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from billing.models import Invoice
from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.charges import Payment
from payments.models.methods import PaymentMethod
from policies.models import Policy


class Autopay(models.Model):
    """The method that pays a policy's invoices when they fall due, until it is ended."""

    ACCESS: ClassVar = Access(
        operator="policy__operator_id",
        reader="policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="aut")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="autopays")
    method = models.CharField(max_length=10, help_text="card or ach")
    token = models.CharField(max_length=120, help_text="The processor's token for the method; never a number.")
    payment_method = models.ForeignKey(
        PaymentMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="autopays"
    )
    fallback = models.ForeignKey(
        PaymentMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Charged when the first one fails for good.",
    )  # fmt: skip
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["policy"], condition=models.Q(ended_at__isnull=True), name="one_autopay_per_policy"
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("autopay"),
            guards.frozen_columns("policy", "method", "token", "payment_method", "created_at"),
        ]

    def __str__(self) -> str:
        return f"{self.method} for {self.policy_id}"


SCHEDULED_JUMPS = [("planned", "collected"), ("planned", "withdrawn"), ("planned", "refused")]


class ScheduledPayment(FSMModelMixin, models.Model):
    """An invoice to be charged to a method on a day the payor chose."""

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        COLLECTED = "collected", "Collected"
        WITHDRAWN = "withdrawn", "Withdrawn"
        REFUSED = "refused", "Refused"

    ACCESS: ClassVar = Access(
        operator="policy__operator_id",
        reader="policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="scp")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="+")
    payment_method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT, related_name="+")
    amount_minor = models.BigIntegerField(null=True, blank=True, help_text="Empty: what is open on the day.")
    currency = models.CharField(max_length=3)
    collect_on = models.DateField()
    state = FSMField(default=State.PLANNED, choices=State.choices, protected=True)
    payment = models.OneToOneField(Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="scheduled")
    result = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["collect_on", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["invoice"], condition=models.Q(state="planned"), name="one_scheduled_payment_per_invoice"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["collect_on"], name="scheduled_due", condition=models.Q(state="planned"))
        ]
        triggers: ClassVar = [
            *guards.no_delete("scheduled payment"),
            guards.first_state("state", "planned"),
            guards.legal_jumps("state", SCHEDULED_JUMPS),
            guards.frozen_columns("policy", "invoice", "payment_method", "amount_minor", "collect_on"),
        ]

    @transition(field=state, source=State.PLANNED, target=State.COLLECTED)
    def collect(self) -> None:
        """The payment was planned."""

    @transition(field=state, source=State.PLANNED, target=State.WITHDRAWN)
    def withdraw(self) -> None:
        """The payor or staff took it back in time."""

    @transition(field=state, source=State.PLANNED, target=State.REFUSED)
    def refuse(self) -> None:
        """On the day it could not be collected; the result says why."""

    def __str__(self) -> str:
        return f"{self.invoice_id} on {self.collect_on}"
