"""The rules of matching, by version."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField


class MatchRuleSet(models.Model):
    """Rules of matching from a date on; `reconciliation.matching.rules` reads them. The newest in force rules."""

    ACCESS: ClassVar = Access(
        operator="organization_id", reader="organization_id", permission=Permission.RECONCILIATION_READ
    )

    id = IdField(prefix="mrs")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    effective_from = models.DateField()
    spec = models.JSONField()
    reason = models.CharField(max_length=300, help_text="Why the rules were changed.")
    version = models.CharField(max_length=100, help_text="The name its matches and breaks carry.")
    created_by = models.CharField(max_length=40)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "number"], name="one_match_rule_set_per_number")
        ]
        triggers: ClassVar = guards.append_only("match rule set")

    def __str__(self) -> str:
        return f"rules {self.number} from {self.effective_from}"
