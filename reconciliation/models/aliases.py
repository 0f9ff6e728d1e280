"""How banks spell payors, learnt from what people confirmed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.models import match_guards
from reconciliation.models.matches import Match


class PayorAlias(models.Model):
    """When the bank writes this text, a person once said, it means this party. Retired, it no longer speaks."""

    ACCESS: ClassVar = Access(
        operator="organization_id", reader="organization_id", permission=Permission.RECONCILIATION_READ
    )

    id = IdField(prefix="pal")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    normal_text = models.CharField(
        max_length=200, db_collation="C", help_text="What the bank wrote, as matching spells it."
    )
    bank_text = models.CharField(max_length=200, help_text="What the bank wrote when it was learnt.")
    party = models.CharField(max_length=200)
    learnt_from = models.ForeignKey(Match, on_delete=models.PROTECT, related_name="aliases")
    learnt_by = models.CharField(max_length=40)
    learnt_at = models.DateTimeField(default=clock.now)
    times_seen = models.PositiveIntegerField(default=1, help_text="How many confirmed matches said it.")
    last_seen_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=40, blank=True)
    ended_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "payor aliases"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "normal_text", "party"],
                condition=models.Q(ended_at__isnull=True),
                name="one_alias_per_text_and_party",
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("payor alias"),
            guards.frozen_columns(
                "organization", "normal_text", "bank_text", "party", "learnt_from", "learnt_by", "learnt_at"
            ),
            match_guards.ended_once(),
        ]

    def __str__(self) -> str:
        return f"{self.normal_text} = {self.party}"
