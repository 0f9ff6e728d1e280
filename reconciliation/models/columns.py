"""How a bank's CSV files are read, by version."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.models.banks import BankAccount


class ColumnMap(models.Model):
    """Which column of a bank's CSV files means what; `reconciliation.statements.csv_maps` reads the spec.

    Publishing under the same name makes the next number; imports keep the very version they were read with.
    """

    ACCESS: ClassVar = Access(
        operator="organization_id", reader="organization_id", permission=Permission.RECONCILIATION_READ
    )

    id = IdField(prefix="cmp")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="column_maps")
    name = models.CharField(max_length=80)
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bank_account", "name", "number"], name="one_column_map_per_number")
        ]
        triggers: ClassVar = guards.append_only("column map")

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"
