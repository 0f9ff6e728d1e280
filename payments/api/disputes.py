"""Disputes under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts
from payments import disputes
from payments.disputes import EVIDENCE, MOST_CHARACTERS
from payments.models import Dispute


class DisputeShown(Shown):
    payment = serializers.CharField(source="payment_id", read_only=True)
    attempt = serializers.CharField(source="attempt_id", read_only=True)

    class Meta:
        model = Dispute
        fields: ClassVar = [
            "id",
            "payment",
            "attempt",
            "gateway_reference",
            "state",
            "amount_minor",
            "currency",
            "reason",
            "withdrawn",
            "evidence_due_at",
            "answer",
            "evidence",
            "evidence_sent_at",
            "opened_at",
            "decided_at",
        ]


class EvidenceAsked(Asked):
    """What speaks for the charge: texts by name, at least one."""

    def get_fields(self) -> dict[str, Any]:
        return {
            name: serializers.CharField(
                max_length=MOST_CHARACTERS, required=name == "explanation", allow_blank=True, help_text=words
            )
            for name, words in EVIDENCE.items()
        }


class GivingIn(Asked):
    reason = serializers.CharField(max_length=300)


class Disputes(Rows):
    """Payments that payors dispute with their bank, and our answers."""

    queryset = Dispute.objects.all()
    serializer_class = DisputeShown
    filterset_fields: ClassVar = ["payment", "state"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @acts(EvidenceAsked)
    def contest(self, id: str, asked: dict[str, Any]) -> Dispute:
        """Answer with evidence, once, before it is due."""
        return disputes.contest(dispute_id=id, evidence=asked, actor=self.actor)

    @acts(GivingIn)
    def accept(self, id: str, asked: dict[str, Any]) -> Dispute:
        """Give in: the money is the payor's."""
        return disputes.accept(dispute_id=id, reason=asked["reason"], actor=self.actor)


routes = [("disputes", Disputes)]
