"""Nightly runs: what was done for a date, and what could not be."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField

RUN_JUMPS = [("running", "finished"), ("finished", "running")]


class BillingRun(FSMModelMixin, models.Model):
    """The nightly run of one organization for one date. Running it again does only what is still to do."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.BILLING_READ,
    )

    id = IdField(prefix="run")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    run_on = models.DateField()
    state = FSMField(default=State.RUNNING, choices=State.choices, protected=True)
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    progress = models.JSONField(default=dict, help_text="Per step: due, done, failed, amount_minor.")

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization", "run_on"], name="one_run_per_date")]
        triggers: ClassVar = [
            *guards.no_delete("billing run"),
            guards.first_state("state", "running"),
            guards.legal_jumps("state", RUN_JUMPS),
            guards.frozen_columns("organization", "run_on"),
        ]

    @transition(field=state, source=State.RUNNING, target=State.FINISHED)
    def finish(self) -> None:
        """Every step went through; what failed is listed."""

    @transition(field=state, source=State.FINISHED, target=State.RUNNING)
    def resume(self) -> None:
        """It is run again for the same date."""

    def __str__(self) -> str:
        return f"{self.organization} {self.run_on}"


class RunFailure(models.Model):
    """One thing that a run could not do, and why; the next run tries it again."""

    id = IdField(prefix="rfl")
    run = models.ForeignKey(BillingRun, on_delete=models.PROTECT, related_name="failures")
    step = models.CharField(max_length=40)
    object_id = models.CharField(max_length=40, db_collation="C")
    code = models.CharField(max_length=60)
    message = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        triggers: ClassVar = guards.append_only("run failure")

    def __str__(self) -> str:
        return f"{self.step} {self.object_id}"
