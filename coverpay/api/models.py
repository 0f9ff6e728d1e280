"""What the API remembers about requests: each Idempotency-Key acts once."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from coverpay.kernel import clock
from coverpay.kernel.ids import IdField


class IdempotentRequest(models.Model):
    """A claimed key, the digest of what was asked, and, once known, the answer that is replayed.

    `carried_out_at` is written by the command itself, in its own transaction: a request that was carried out is never
    carried out again, also when the process died before it could keep the answer.
    """

    id = IdField(prefix="idk")
    holder_id = models.CharField(max_length=40, help_text="The API key or user.")
    key = models.CharField(max_length=255)
    request_sha256 = models.CharField(max_length=64)
    claim_token = models.CharField(max_length=32, help_text="Names the process that works on it now.")
    claimed_at = models.DateTimeField(default=clock.now, db_index=True)
    carried_out_at = models.DateTimeField(null=True)
    object_id = models.CharField(max_length=40, blank=True, db_collation="C", help_text="What the command changed.")
    answered_at = models.DateTimeField(null=True)
    status = models.PositiveIntegerField(null=True)
    content_type = models.CharField(max_length=100, blank=True)
    body_sealed = models.TextField(blank=True, help_text="Sealed, for an answer may hold a secret shown once.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["holder_id", "key"], name="one_request_per_key")]

    def __str__(self) -> str:
        return f"{self.holder_id} {self.key}"
