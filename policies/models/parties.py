"""Parties named on policies, and the programs policies are written under."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField


class Party(models.Model):
    """Someone named on a policy: insured, payor, mortgagee. Never a login."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.POLICIES_READ,
    )

    id = IdField(prefix="pty")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=80, help_text="The operator's own number for this party.")
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    address_line = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=2, blank=True)
    postal_code = models.CharField(max_length=12, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name_plural = "parties"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "reference"], name="one_party_per_reference")
        ]

    def __str__(self) -> str:
        return self.name


class Program(models.Model):
    """A carrier's delegated authority: who insures, who bills, in which lines and states."""

    ACCESS: ClassVar = Access(
        operator="operator_id",
        reader="operator_id",
        permission=Permission.POLICIES_READ,
    )

    id = IdField(prefix="prg")
    operator = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="programs")
    carrier = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(max_length=40)
    name = models.CharField(max_length=160)
    currency = models.CharField(max_length=3, default="USD")

    class Meta:
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["operator", "code"], name="one_program_per_code")]

    def __str__(self) -> str:
        return self.name


class ProgramVersion(models.Model):
    """The program's terms from a date on: never edited, only followed by the next version.

    `terms` is read by `policies.rating`: commission rate and the rules of every charge beside the premium.
    """

    ACCESS: ClassVar = Access(
        operator="program__operator_id",
        reader="program__operator_id",
        permission=Permission.POLICIES_READ,
    )

    id = IdField(prefix="pgv")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    effective_from = models.DateField()
    states = ArrayField(models.CharField(max_length=2))
    terms = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["program", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "number"], name="one_program_version_per_number")
        ]
        triggers: ClassVar = guards.append_only("program version")

    def __str__(self) -> str:
        return f"{self.program.code} v{self.number}"
