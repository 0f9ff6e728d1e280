"""Lists of blocked persons, and what came of comparing a name with them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models.identity import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField


class SanctionsList(models.Model):
    """One version of a published list, such as the SDN list of OFAC. The newest one counts."""

    id = IdField(prefix="sdl")
    source = models.CharField(max_length=40, help_text="SDN, CONS, ...")
    published_on = models.DateField()
    content_hash = models.CharField(max_length=64, db_collation="C")
    count = models.PositiveIntegerField()
    imported_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-published_on", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "content_hash"], name="one_list_per_content")
        ]
        triggers: ClassVar = guards.append_only("sanctions list")

    def __str__(self) -> str:
        return f"{self.source} {self.published_on}"


class SanctionedName(models.Model):
    """One name or other name (aka) on a list."""

    id = IdField(prefix="sdn")
    list = models.ForeignKey(SanctionsList, on_delete=models.PROTECT, related_name="names")
    entity = models.CharField(max_length=20, help_text="The list's own number of the person, vessel or company.")
    name = models.CharField(max_length=350)
    folded = models.CharField(max_length=350, db_collation="C", help_text="As it is compared.")
    kind = models.CharField(max_length=20, blank=True)
    program = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["list", "folded"], name="sanctioned_by_name")]
        triggers: ClassVar = guards.append_only("sanctioned name")

    def __str__(self) -> str:
        return self.name


SCREENING_JUMPS = [("possible", "clear"), ("possible", "cleared"), ("possible", "blocked")]


class Screening(FSMModelMixin, models.Model):
    """One name compared with the lists in force, and what a person said of a possible match."""

    class State(models.TextChoices):
        CLEAR = "clear", "No match"
        POSSIBLE = "possible", "Possible match"
        CLEARED = "cleared", "Cleared by a person"
        BLOCKED = "blocked", "Blocked"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="scr")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    subject_id = models.CharField(max_length=40, db_collation="C", help_text="The party or disbursement screened.")
    name = models.CharField(max_length=200)
    lists = models.JSONField(default=list, help_text="Which versions it was compared with.")
    matches = models.JSONField(default=list, help_text="Each: entity, name, program, score, why.")
    state = FSMField(default=State.POSSIBLE, choices=State.choices, protected=True)
    decided_by = models.CharField(max_length=40, blank=True)
    decided_reason = models.CharField(max_length=300, blank=True)
    screened_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["organization", "subject_id"], name="screening_by_subject")]
        triggers: ClassVar = [
            *guards.no_delete("screening"),
            guards.first_state("state", "possible"),
            guards.legal_jumps("state", SCREENING_JUMPS),
            guards.frozen_columns("organization", "subject_id", "name", "lists", "matches", "screened_at"),
        ]

    @transition(field=state, source=State.POSSIBLE, target=State.CLEAR)
    def find_nothing(self) -> None:
        """No list holds a name like it."""

    @transition(field=state, source=State.POSSIBLE, target=State.CLEARED)
    def clear(self) -> None:
        """A person saw that it is someone else."""

    @transition(field=state, source=State.POSSIBLE, target=State.BLOCKED)
    def block(self) -> None:
        """A person saw that it is the one; nothing goes out to them."""

    def __str__(self) -> str:
        return f"{self.name}: {self.state}"
