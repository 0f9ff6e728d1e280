"""Bank accounts, and the ledger accounts that mirror them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.ledger.models import Account

READ = Permission.RECONCILIATION_READ


class BankAccount(models.Model):
    """An account at a bank, and the ledger account that mirrors it. Its row is the lock of matching."""

    ACCESS: ClassVar = Access(operator="organization_id", reader="organization_id", permission=READ)

    id = IdField(prefix="bnk")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="bank_accounts")
    name = models.CharField(max_length=120)
    bank_id = models.CharField(max_length=40, help_text="Routing number or BIC as statements show it.")
    account_mark = models.CharField(
        max_length=40,
        help_text="The account as statements show it, e.g. the last digits.",
    )
    currency = models.CharField(max_length=3)
    ledger_account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="bank_account")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "bank_id", "account_mark"],
                name="one_bank_account",
            )
        ]
        triggers: ClassVar = guards.no_delete("bank account")

    def __str__(self) -> str:
        return self.name
