"""Plans, and the schedules they make."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.models.access import THROUGH_POLICY
from billing.models.accounts import BillingAccount
from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models import Charge, Component, PayeeKind, Policy, Term


class PlanVersion(models.Model):
    """A payment plan from a date on. Never edited, only followed by the next version; `billing.plans` reads `spec`."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.BILLING_READ,
    )

    id = IdField(prefix="pln")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(max_length=40)
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    effective_from = models.DateField()
    spec = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["code", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "code", "number"],
                name="one_plan_version_per_number",
            )
        ]
        triggers: ClassVar = guards.append_only("plan version")

    def __str__(self) -> str:
        return f"{self.code} v{self.number}"


class Schedule(models.Model):
    """What of a term is still to be billed, by date, under one plan version.

    A change of the term never edits it: the next schedule (`number` + 1) replaces every installment not billed yet.
    """

    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="sch")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="schedules")
    term = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="schedules")
    number = models.PositiveIntegerField(default=1)
    transaction_id = models.CharField(
        max_length=32, blank=True, db_collation="C", help_text="The transaction that asked for it, if one did."
    )
    reason = models.CharField(max_length=200, blank=True)
    plan_version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["term", "number"], name="one_schedule_per_number"),
        ]
        triggers: ClassVar = guards.append_only("schedule")

    def __str__(self) -> str:
        return f"{self.plan_version} for {self.policy_id}"


class Installment(models.Model):
    """One date of a schedule. It is to be billed until it names its invoice, or a later schedule replaces it."""

    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="ins")
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="installments")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    sequence = models.PositiveIntegerField()
    bill_on = models.DateField()
    due_on = models.DateField()
    account = models.ForeignKey(
        BillingAccount, null=True, on_delete=models.PROTECT, related_name="+", help_text="Who pays; empty: the insured."
    )
    invoice = models.ForeignKey("Invoice", null=True, on_delete=models.PROTECT, related_name="installments")
    replaced_by = models.ForeignKey(Schedule, null=True, on_delete=models.PROTECT, related_name="replaces")

    class Meta:
        ordering: ClassVar = ["schedule", "sequence"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["schedule", "sequence"], name="one_installment_per_sequence"),
            models.CheckConstraint(
                condition=models.Q(bill_on__lte=models.F("due_on")),
                name="billed_before_due",
            ),
            models.CheckConstraint(
                condition=models.Q(invoice__isnull=True) | models.Q(replaced_by__isnull=True),
                name="billed_or_replaced",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["bill_on"],
                name="installment_to_bill",
                condition=models.Q(invoice__isnull=True, replaced_by__isnull=True),
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("installment"),
            guards.frozen_columns("schedule", "policy", "sequence", "bill_on", "due_on", "account"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence}: {self.due_on}"


class InstallmentItem(models.Model):
    """One component's share in an installment: above zero. `charge` is empty for a fee of ours (installment, late)."""

    id = IdField(prefix="iit")
    installment = models.ForeignKey(Installment, on_delete=models.PROTECT, related_name="items")
    charge = models.ForeignKey(Charge, null=True, on_delete=models.PROTECT, related_name="+")
    component = models.CharField(max_length=20, choices=Component.choices)
    amount_minor = models.BigIntegerField()
    payee_kind = models.CharField(max_length=10, choices=PayeeKind.choices)
    payee = models.CharField(max_length=60)
    commission_ppm = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["id"]
        triggers: ClassVar = guards.append_only("installment item")

    def __str__(self) -> str:
        return f"{self.component} {self.amount_minor}"
