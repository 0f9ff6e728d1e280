"""Leave to do one thing, given by another."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models.identity import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField

PERMIT_JUMPS = [("requested", "approved"), ("requested", "refused"), ("approved", "used"), ("approved", "refused")]


class Permit(FSMModelMixin, models.Model):
    """Leave to do one thing, given by someone else than who asked. `digest` binds action, object and amount."""

    class State(models.TextChoices):
        REQUESTED = "requested", "Requested"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"
        USED = "used", "Used"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.APPROVALS_READ,
    )

    id = IdField(prefix="prm")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=60)
    object_id = models.CharField(max_length=40, db_collation="C")
    amount_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    digest = models.CharField(max_length=64)
    state = FSMField(default=State.REQUESTED, choices=State.choices, protected=True)
    reason = models.CharField(max_length=300, help_text="Why it is asked for.")
    requested_by = models.CharField(max_length=40)
    requested_label = models.CharField(max_length=160, blank=True)
    requested_at = models.DateTimeField(default=clock.now)
    decided_by = models.CharField(max_length=40, blank=True)
    decided_label = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_reason = models.CharField(max_length=300, blank=True)
    expires_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "digest"],
                condition=models.Q(state__in=["requested", "approved"]),
                name="one_live_permit_per_digest",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by="") | ~models.Q(decided_by=models.F("requested_by")),
                name="decided_by_another",
            ),
        ]
        triggers: ClassVar = [
            *guards.no_delete("permit"),
            guards.first_state("state", "requested"),
            guards.legal_jumps("state", PERMIT_JUMPS),
            guards.frozen_columns(
                "organization", "action", "object_id", "amount_minor", "currency", "digest", "requested_by"
            ),
        ]

    @transition(field=state, source=State.REQUESTED, target=State.APPROVED)
    def approve(self) -> None:
        """Someone else allows it, once."""

    @transition(field=state, source=[State.REQUESTED, State.APPROVED], target=State.REFUSED)
    def refuse(self) -> None:
        """It is not to be done."""

    @transition(field=state, source=State.APPROVED, target=State.USED)
    def use(self) -> None:
        """What was allowed has been done."""

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}"
