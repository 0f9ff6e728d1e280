"""Files of policies."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.ids import IdField


class PolicyImport(models.Model):
    """One uploaded file of policies: the same content is imported once, and only whole."""

    class State(models.TextChoices):
        IMPORTED = "imported", "Imported"
        REFUSED = "refused", "Refused"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.POLICIES_WRITE,
    )

    id = IdField(prefix="imp")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=200)
    content_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices)
    row_count = models.PositiveIntegerField(default=0)
    policy_count = models.PositiveIntegerField(default=0)
    problem_count = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list, help_text="The first 1,000: row, column, code, message.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "content_sha256"],
                condition=models.Q(state="imported"),
                name="one_import_per_content",
            )
        ]

    def __str__(self) -> str:
        return self.file_name
