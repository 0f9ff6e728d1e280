"""People's decisions about rules, and stops on cancellation."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from compliance.access import Access
from compliance.models.identity import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField


class RuleDecision(models.Model):
    """A person's decision to use a value for a rule that is not established, from a day on. The latest one counts."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.RULES_READ,
    )

    id = IdField(prefix="dec")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    rule = models.CharField(max_length=80)
    jurisdiction = models.CharField(max_length=2)
    line = models.CharField(max_length=40)
    conditions = models.JSONField(default=dict, help_text="What the decision is limited to, e.g. the initiator.")
    value = models.JSONField()
    unit = models.CharField(max_length=40, blank=True)
    fact_id = models.CharField(max_length=40, blank=True, help_text="The fact it confirms or overrides, if any.")
    citation = models.TextField(blank=True)
    reason = models.CharField(max_length=300)
    decided_by = models.CharField(max_length=40)
    decided_label = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(default=clock.now)
    effective_from = models.DateField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["organization", "rule", "jurisdiction"], name="decision_by_rule")]
        triggers: ClassVar = guards.append_only("rule decision")

    def __str__(self) -> str:
        return f"{self.rule} {self.jurisdiction}: {self.value}"


class Moratorium(models.Model):
    """A stop on cancellation and its notices in a state or postal area for some days. Invoices go on."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.RULES_READ,
    )

    id = IdField(prefix="mor")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=160)
    state_code = models.CharField(max_length=2)
    postal_prefixes = ArrayField(
        models.CharField(max_length=12), default=list, blank=True, help_text="Empty: the whole state."
    )
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="The last day of it.")
    citation = models.TextField(blank=True)
    lifted_on = models.DateField(null=True, blank=True, help_text="Ended early: from this day on it stops nothing.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "moratoriums"
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(ends_on__gte=models.F("starts_on")), name="moratorium_has_days")
        ]
        triggers: ClassVar = [
            *guards.no_delete("moratorium"),
            guards.frozen_columns("organization", "state_code", "postal_prefixes", "starts_on", "ends_on"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.state_code})"
