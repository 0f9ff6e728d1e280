"""The records that are never rewritten: audit entries, events, explanations."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models.identity import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField


class AuditEntry(models.Model):
    """One change: who, when, what, before and after. Written in the command's transaction, never rewritten."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.AUDIT_READ,
    )

    id = IdField(prefix="aud")
    at = models.DateTimeField(default=clock.now)
    organization = models.ForeignKey(Organization, null=True, on_delete=models.PROTECT, related_name="+")
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=40)
    actor_label = models.CharField(max_length=160, blank=True)
    action = models.CharField(max_length=80)
    object_id = models.CharField(max_length=40, db_collation="C")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            models.Index(fields=["object_id", "id"], name="audit_by_object"),
            models.Index(fields=["organization", "id"], name="audit_by_organization"),
        ]
        triggers: ClassVar = guards.append_only("audit entry")

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}"


class EventRecord(models.Model):
    """A public fact about an object, told to the operator's webhook endpoints."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.EVENTS_READ,
    )

    id = IdField(prefix="evt")
    type = models.CharField(max_length=60)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    object_id = models.CharField(max_length=40, db_collation="C")
    subject_id = models.CharField(max_length=40, blank=True, db_collation="C", help_text="The policy, if any.")
    data = models.JSONField()
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "id"], name="event_by_organization"),
            models.Index(fields=["subject_id", "id"], name="event_by_subject"),
        ]
        triggers: ClassVar = guards.append_only("event")

    def __str__(self) -> str:
        return f"{self.type} {self.object_id}"


class Explanation(models.Model):
    """Why one figure of one object is what it is. Kept as written, beside the figure it explains."""

    id = IdField(prefix="why")
    subject_id = models.CharField(max_length=40, db_collation="C")
    figure = models.CharField(max_length=60)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    formula = models.TextField()
    inputs = models.JSONField(default=dict)
    rule = models.CharField(max_length=120, blank=True)
    rule_version = models.CharField(max_length=60, blank=True)
    citation = models.TextField(blank=True)
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject_id", "figure"], name="one_explanation_per_figure")
        ]
        triggers: ClassVar = guards.append_only("explanation")

    def __str__(self) -> str:
        return f"{self.subject_id} {self.figure}"
