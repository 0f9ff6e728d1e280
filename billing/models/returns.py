"""Return premium: what a change of a term gives back, and by when it must be paid."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.models.access import THROUGH_POLICY
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models import Policy, Term


class ReturnPremium(models.Model):
    """What one transaction gave back: credits in all, and the part of it that was paid cash and is owed to the payor.

    `due_on` is the deadline by the state's rule; empty with `needs_decision` when the rule is not established.
    """

    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="rpm")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="return_premiums")
    term = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="+")
    transaction_id = models.CharField(max_length=32, unique=True, db_collation="C")
    credited_minor = models.BigIntegerField()
    refundable_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    arose_on = models.DateField()
    due_on = models.DateField(null=True, blank=True)
    needs_decision = models.CharField(max_length=300, blank=True)
    citation = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["due_on"], name="return_premium_due")]
        triggers: ClassVar = guards.append_only("return premium")

    def __str__(self) -> str:
        return f"{self.refundable_minor} {self.currency} by {self.due_on}"
