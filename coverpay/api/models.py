"""What the API remembers about requests: each Idempotency-Key acts once."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from coverpay.kernel import clock
from coverpay.kernel.ids import IdField


class IdempotentRequest(models.Model):
    """A claimed key, the digest of what was asked, and, once known, the answer that is replayed."""

    id = IdField(prefix="idk")
    holder_id = models.CharField(max_length=40, help_text="The API key or user.")
    key = models.CharField(max_length=255)
    request_sha256 = models.CharField(max_length=64)
    status = models.PositiveIntegerField(null=True)
    content_type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField(null=True)
    claimed_at = models.DateTimeField(default=clock.now)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["holder_id", "key"], name="one_request_per_key")]

    def __str__(self) -> str:
        return f"{self.holder_id} {self.key}"
