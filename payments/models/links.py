"""How payors pay by themselves: links, and what a way of paying costs them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.models import BillingAccount, Invoice
from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.charges import Payment
from payments.models.recovery import RecoveryCase
from policies.models import Party, Policy


class PayLink(models.Model):
    """A page a payor can open without a login, for one invoice or the whole balance of a policy or account.

    The link carries a secret; only its hash is kept. It ends by time, by its single use, or when it is revoked.
    """

    class Purpose(models.TextChoices):
        PAY = "pay", "Pay"
        DETAILS = "details", "New payment details"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="lnk")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.PAY)
    policy = models.ForeignKey(Policy, null=True, blank=True, on_delete=models.PROTECT, related_name="pay_links")
    billing_account = models.ForeignKey(
        BillingAccount, null=True, blank=True, on_delete=models.PROTECT, related_name="pay_links"
    )
    invoice = models.ForeignKey(
        Invoice, null=True, blank=True, on_delete=models.PROTECT, related_name="pay_links",
        help_text="Empty: the whole balance.",
    )  # fmt: skip
    party = models.ForeignKey(Party, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    recovery_case = models.ForeignKey(
        RecoveryCase, null=True, blank=True, on_delete=models.PROTECT, related_name="links"
    )
    secret_hash = models.CharField(max_length=64, unique=True, db_collation="C", editable=False)
    single_use = models.BooleanField(default=True)
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    payment = models.ForeignKey(
        Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="The last made by it."
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(policy__isnull=False, billing_account__isnull=True)
                | models.Q(policy__isnull=True, billing_account__isnull=False),
                name="link_is_about_one_thing",
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("pay link"),
            guards.frozen_columns(
                "organization", "purpose", "policy", "billing_account", "invoice", "secret_hash", "single_use",
                "expires_at",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.purpose} {self.id}"


class MethodFees(models.Model):
    """What paying by card or bank costs the payor, from a date on; `payments.method_fees` reads it.

    Without an established rule that allows it in the state, nothing is charged, whatever this says.
    """

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="mfe")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    effective_from = models.DateField()
    spec = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "method fees"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "number"], name="one_method_fees_per_number")
        ]
        triggers: ClassVar = guards.append_only("method fees")

    def __str__(self) -> str:
        return f"method fees v{self.number}"
